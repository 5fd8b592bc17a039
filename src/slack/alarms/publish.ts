/* oxlint-disable unicorn/require-post-message-target-origin -- Slack's method, not a window's */
import { setTimeout as pause } from 'node:timers/promises';
import type { WebClient } from '@slack/web-api';
import type { Watch } from '../../engine/watch/ports.ts';
import type { AlarmPost, AlarmState } from '../../schedules/alarms.ts';
import { lastPost, owedSlot } from '../../schedules/alarms.ts';
import type { SlackLog } from '../log.ts';
import { failureOf } from '../outcome.ts';
import { lookForOwn } from '../publish/own-message.ts';
import { TIMES, type BotIdentity, type PublishTimes } from '../publish/ports.ts';
import { alarmMark, alarmMessage } from '../views/alarm.ts';
import type { Names } from '../views/kit/text.ts';

export interface AlarmPorts {
  readonly watch: Pick<Watch, 'alarms' | 'record' | 'channelOf'>;
  readonly client: WebClient;
  /** Null until Slack has answered once. */
  readonly bot: () => BotIdentity | null;
  readonly names: Names;
  readonly clock: () => Date;
  readonly log: SlackLog;
  readonly times?: Partial<PublishTimes>;
}

/** Tells the channels what the alarms owe them. */
export interface AlarmPublisher {
  /** Posts every message that is owed now and that no other bot posts. Harmless at any time, in any number. */
  round(): Promise<void>;
  /** Draws the last message of an alarm again: somebody stands for it now. */
  redraw(alarm: string): Promise<void>;
}

/** The recorded intent is the lock: of two bots that find the same message owed, one sends it. */
export function createAlarmPublisher(ports: AlarmPorts): AlarmPublisher {
  const times = { ...TIMES, ...ports.times };
  return {
    round: async () => {
      for (const state of await ports.watch.alarms()) {
        const now = ports.clock();
        const slot = owedSlot(state, now);
        const channel = ports.watch.channelOf(state.gateway);
        if (slot === null || channel === null) continue;
        const post = state.posts[slot];
        if (post === undefined) await send(ports, state, { slot, channel, attempt: 1 });
        else if (now.getTime() - Date.parse(post.at) >= times.lookAfterMs) {
          await reconcile(ports, times, state, slot, post);
        }
      }
    },
    redraw: async (alarm) => {
      const state = (await ports.watch.alarms()).find((one) => one.alarm === alarm);
      const last = state === undefined ? null : lastPost(state);
      if (state === undefined || last === null) return;
      const { text, blocks } = alarmMessage(state, last.slot, ports.clock(), ports.names);
      await ports.client.chat
        .update({ channel: last.channel, ts: last.ts, text, blocks: [...blocks] })
        .catch((error: unknown) =>
          ports.log.warn({ alarm, why: failureOf(error).why }, 'an alarm could not be redrawn'),
        );
    },
  };
}

interface Sending {
  readonly slot: string;
  readonly channel: string;
  readonly attempt: number;
}

async function send(ports: AlarmPorts, state: AlarmState, { slot, channel, attempt }: Sending): Promise<void> {
  const place = { alarm: state.alarm, episode: state.episode, slot, channel };
  const key = `post/${state.alarm}/${state.episode}/${slot}/${attempt}`;
  if (!(await ports.watch.record({ type: 'alarm.posting', data: { ...place, attempt } }, key))) return;
  const { text, blocks } = alarmMessage(state, slot, ports.clock(), ports.names);
  try {
    const { ts } = await ports.client.chat.postMessage({
      channel,
      text,
      blocks: [...blocks],
      unfurl_links: false,
      unfurl_media: false,
    });
    if (ts !== undefined) await posted(ports, state, { slot, channel, ts });
  } catch (error) {
    const failure = failureOf(error);
    ports.log.warn({ alarm: state.alarm, slot, why: failure.why }, 'a message of an alarm could not be posted');
    // Whatever may have arrived, or was certainly not taken, is looked for later and then sent again.
    if (failure.kind === 'refused') await lose(ports, state, { slot, channel, why: failure.why });
  }
}

/** Somebody meant to post it and nobody knows whether it went out: look, and look again, before posting (decision 21). */
async function reconcile(
  ports: AlarmPorts,
  times: PublishTimes,
  state: AlarmState,
  slot: string,
  post: AlarmPost,
): Promise<void> {
  const bot = ports.bot();
  if (bot === null) return;
  const { channel } = post;
  for (const gap of [0, times.lookGapMs]) {
    await pause(gap);
    const look = await lookForOwn(ports.client, bot, { to: channel, mark: alarmMark(state, slot), since: post.at });
    if (look.found === 'here') return await posted(ports, state, { slot, channel: look.channel, ts: look.ts });
    if (look.found === 'unreadable') {
      return await lose(ports, state, { slot, channel, why: `outcome unknown, ${look.why}` });
    }
    if (look.found === 'later') return;
  }
  await send(ports, state, { slot, channel, attempt: post.attempt + 1 });
}

type Place = { readonly slot: string; readonly channel: string };

async function posted(ports: AlarmPorts, { alarm, episode }: AlarmState, place: Place & { ts: string }): Promise<void> {
  const data = { alarm, episode, ...place };
  await ports.watch.record({ type: 'alarm.posted', data }, `posted/${alarm}/${episode}/${place.slot}`);
}

async function lose(ports: AlarmPorts, { alarm, episode }: AlarmState, place: Place & { why: string }): Promise<void> {
  const data = { alarm, episode, ...place };
  await ports.watch.record({ type: 'alarm.lost', data }, `posted/${alarm}/${episode}/${place.slot}`);
}
