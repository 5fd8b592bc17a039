/* oxlint-disable unicorn/require-post-message-target-origin -- Slack's method, not a window's */
import { setTimeout as pause } from 'node:timers/promises';
import type { WebClient } from '@slack/web-api';
import type { MessageState, Run } from '../../runs/run.ts';
import { failureOf } from '../outcome.ts';
import { ownMark } from '../views/kit/blocks.ts';
import type { Drawing } from '../views/kit/blocks.ts';
import { lookForOwn } from './own-message.ts';
import type { PublishPorts, PublishTimes } from './ports.ts';

/** What became of an attempt to have a message in Slack. `later`: ask again after so many milliseconds. */
export type Posting =
  /** `fresh`: just now, and looking as asked. Otherwise it was there before and may look older. */
  | { readonly is: 'posted'; readonly run: Run; readonly fresh: boolean }
  | { readonly is: 'lost'; readonly run: Run }
  | { readonly is: 'later'; readonly afterMs: number };

export interface PostRequest {
  readonly slot: string;
  readonly to: string;
  readonly thread?: string;
  readonly drawing: Drawing;
}

/** Has messages posted exactly once, or says why not. The recorded intent is the lock. */
export class Poster {
  readonly #ports: PublishPorts;
  readonly #times: PublishTimes;
  /** Intents of this process that Slack certainly did not act on: they need no look before they are tried again. */
  readonly #unsent = new Map<string, string>();

  constructor(ports: PublishPorts, times: PublishTimes) {
    this.#ports = ports;
    this.#times = times;
  }

  async post(run: Run, request: PostRequest): Promise<Posting> {
    const seen = run.messages[request.slot];
    if (seen === undefined) return await this.#intend(run, request, seen);
    if (seen.status === 'posted') return { is: 'posted', run, fresh: false };
    if (seen.status === 'lost') return { is: 'lost', run };
    if (this.#unsent.get(keyOf(run, request)) === seen.intendedAt) return await this.#intend(run, request, seen);
    const age = this.#ports.clock().getTime() - Date.parse(seen.intendedAt);
    if (age < this.#times.lookAfterMs) return { is: 'later', afterMs: this.#times.lookAfterMs - age };
    return await this.#reconcile(run, request, seen);
  }

  /** Records the intent, unless somebody touched the message since it was seen: only who records may send. */
  async #intend(run: Run, request: PostRequest, seen: MessageState | undefined): Promise<Posting> {
    const event = { type: 'message.intended', data: { slot: request.slot, channel: request.to } } as const;
    const mine = await this.#ports.record(run.id, event, ({ messages }) => isStill(messages[request.slot], seen));
    return mine === null ? { is: 'later', afterMs: this.#times.lookAfterMs } : await this.#send(mine, request);
  }

  async #send(run: Run, request: PostRequest): Promise<Posting> {
    const { lookAfterMs } = this.#times;
    this.#unsent.delete(keyOf(run, request));
    try {
      const { channel, ts } = await postMessage(this.#ports.client, request);
      if (ts === undefined) return { is: 'later', afterMs: lookAfterMs };
      return await this.#found(run, request.slot, { channel: channel ?? request.to, ts }, true);
    } catch (error) {
      const failure = failureOf(error);
      if (failure.kind === 'refused') return await this.#lose(run, request.slot, failure.why);
      if (failure.kind === 'unknown') return { is: 'later', afterMs: lookAfterMs };
      this.#unsent.set(keyOf(run, request), run.messages[request.slot]?.intendedAt ?? '');
      return { is: 'later', afterMs: failure.afterMs };
    }
  }

  /** Somebody meant to post it and nobody knows whether it went out: look, and look again, before posting. */
  async #reconcile(run: Run, request: PostRequest, seen: MessageState): Promise<Posting> {
    const bot = this.#ports.bot();
    if (bot === null) return { is: 'later', afterMs: 5000 };
    const where = { to: request.to, mark: ownMark(run.id, request.slot), since: seen.intendedAt };
    const place = request.thread === undefined ? where : { ...where, thread: request.thread };
    for (const gap of [0, this.#times.lookGapMs]) {
      await pause(gap);
      const look = await lookForOwn(this.#ports.client, bot, place);
      if (look.found === 'here') return await this.#found(run, request.slot, look, false);
      if (look.found === 'unreadable') return await this.#lose(run, request.slot, `outcome unknown, ${look.why}`);
      if (look.found === 'later') return { is: 'later', afterMs: look.afterMs };
    }
    return await this.#intend(run, request, seen);
  }

  async #found(
    run: Run,
    slot: string,
    { channel, ts }: { readonly channel: string; readonly ts: string },
    fresh: boolean,
  ): Promise<Posting> {
    const event = { type: 'message.posted', data: { slot, channel, ts } } as const;
    const now = await this.#ports.record(run.id, event, ({ messages }) => messages[slot]?.status === 'intended');
    return now === null ? { is: 'later', afterMs: 0 } : { is: 'posted', run: now, fresh };
  }

  async #lose(run: Run, slot: string, why: string): Promise<Posting> {
    this.#ports.log.warn({ run: run.id, slot, why }, 'a Slack message could not be posted');
    const event = { type: 'message.lost', data: { slot, why } } as const;
    const seen = run.messages[slot];
    const now = await this.#ports.record(run.id, event, ({ messages }) => isStill(messages[slot], seen));
    return now === null ? { is: 'later', afterMs: 0 } : { is: 'lost', run: now };
  }
}

async function postMessage(client: WebClient, { to, thread, drawing }: PostRequest) {
  return await client.chat.postMessage({
    channel: to,
    text: drawing.text,
    blocks: [...drawing.blocks],
    unfurl_links: false,
    unfurl_media: false,
    ...(thread === undefined ? {} : { thread_ts: thread }),
  });
}

function keyOf(run: Run, { slot }: PostRequest): string {
  return `${run.id}/${slot}`;
}

/** True when nobody touched the message since it was seen so. */
function isStill(now: MessageState | undefined, seen: MessageState | undefined): boolean {
  return now?.status === seen?.status && now?.intendedAt === seen?.intendedAt;
}
