import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { AlarmPublisher } from '../../../src/slack/alarms/publish.ts';
import type { SlackDeps } from '../../../src/slack/answering/deps.ts';
import { createSlackApp, Identity, type SlackApp } from '../../../src/slack/app.ts';
import { createAlarmPublisher } from '../../../src/slack/alarms/publish.ts';
import { createClients } from '../../../src/slack/clients.ts';
import { createHome } from '../../../src/slack/home.ts';
import { OPS } from '../../../src/sandbox/slack/cast.ts';
import type { SlackMessage } from '../../../src/sandbox/slack/strict/edge.ts';
import { people } from '../../support/engine.ts';
import { need } from '../../support/need.ts';
import { strictSlack, type TestSlack } from '../../support/slack/slack.ts';
import { ALICE, inSlack } from '../../support/story.ts';
import { BLUE, verifiedOutputs, watchStage, type WatchBot, type WatchStage } from '../../support/watch-stage.ts';

const quiet = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined };
const GATEWAYS = [{ ...BLUE, channel: OPS, schedules: [], rules: { verifiedWithinHours: 26 } }];
const DAY = 86_400_000;

interface Bot extends WatchBot {
  readonly alarms: AlarmPublisher;
  readonly app: SlackApp;
  stop(): Promise<void>;
}

describe.skipIf(!need('local-slack'))('an alarm in Slack', () => {
  let slack: TestSlack;
  let stage: WatchStage;
  let bots: Bot[];

  const bot = async (listens: boolean): Promise<Bot> => {
    const own = stage.bot();
    const clients = createClients({ token: slack.tokens.bot, apiUrl: slack.apiUrl, log: quiet });
    const identity = new Identity();
    const names = { [ALICE]: 'Alice' };
    const common = { operations: own.operations, clients, team: slack.team, names, bot: identity.get, log: quiet };
    const clock = (): Date => stage.now;
    const home = createHome({ ...common, clock, gatherMs: 20 });
    const alarms = createAlarmPublisher({
      watch: own.watch,
      client: clients.background,
      bot: identity.get,
      names,
      clock,
      log: quiet,
      times: { lookAfterMs: 1000, lookGapMs: 10 },
    });
    const deps: SlackDeps = {
      ...common,
      people,
      gateways: [],
      clock,
      publisher: { draw: () => Promise.resolve(), drawSoon: () => undefined, repair: () => Promise.resolve() },
      refreshHome: (user) => home.refresh(user),
    };
    const app = createSlackApp({
      deps,
      home,
      identity,
      token: slack.tokens.bot,
      listens,
      retryMs: 50,
      delivering: { mode: 'socket', appToken: slack.tokens.app, apiUrl: slack.apiUrl },
      redrawAlarm: (alarm) => alarms.redraw(alarm),
    });
    await app.start();
    await slack.control.until('the bot to be ready', () => (app.readiness().ready ? true : null));
    const stop = async (): Promise<void> => {
      await app.stop(1000);
      await home.stop();
    };
    return { ...own, alarms, app, stop };
  };
  const look = async (): Promise<void> => {
    await Promise.all(bots.map(async ({ watch }) => await watch.tick()));
    await Promise.all(bots.map(async ({ alarms }) => await alarms.round()));
  };
  const told = async (): Promise<readonly SlackMessage[]> =>
    (await slack.control.messages(OPS)).filter(
      ({ blocks }) => blocks?.some(({ block_id: id }) => id?.startsWith('alarm/') === true) === true,
    );

  beforeAll(async () => {
    slack = await strictSlack();
  });
  afterAll(async () => {
    await slack.stop();
  });
  beforeEach(async () => {
    await slack.control.reset();
    stage = await watchStage(new Date().toISOString(), GATEWAYS);
    bots = [await bot(true), await bot(false)];
    return async () => {
      await Promise.all(bots.map(async (one) => await one.stop()));
      await stage.close();
    };
  });

  it('is posted once a day by two bots together, acknowledged with a reason, and tells when it is over', async () => {
    await look();
    await look();
    expect((await told()).map(({ text }) => text)).toEqual([
      '🔔 Alarm: blue has no verified backup. Make one now (/kong-backup blue), and look why the last ones failed.',
    ]);
    stage.now = new Date(stage.now.getTime() + DAY);
    await look();
    await look();
    const [, second, ...others] = await told();
    expect(others).toEqual([]);
    expect(second?.text).toContain('Alarm (since 1 day ago');

    const value = JSON.stringify({ alarm: 'blue/backup-too-old', episode: 1 });
    await slack.control.click({
      user: 'U01ALICE',
      channel: OPS,
      ts: second?.ts ?? '',
      action_id: 'alarm.acknowledge',
      value,
    });
    await slack.control.until('the window', () =>
      slack.control.modal()?.callback_id === 'modal.acknowledge' ? true : null,
    );
    const answered = await slack.control.submit('U01ALICE', {
      'acknowledge/reason': { reason: { type: 'plain_text_input', value: 'Kong is being moved this week' } },
      'acknowledge/days': { days: { type: 'static_select', selected_option: { value: '7' } } },
    });
    expect(answered).toBe(null);
    await slack.control.until('the message to say so', async () =>
      JSON.stringify((await told()).find(({ ts }) => ts === second?.ts)).includes('Acknowledged by Alice until')
        ? true
        : null,
    );
    const [row] = (await stage.rows()).filter(({ type }) => type === 'alarm.acknowledged');
    expect(row).toMatchObject({
      actor: { kind: 'person', person: ALICE, via: 'slack' },
      data: { alarm: 'blue/backup-too-old', reason: 'Kong is being moved this week' },
    });
    stage.now = new Date(stage.now.getTime() + DAY);
    await look();
    expect((await told()).length).toBe(2);

    const home = bots[0];
    const asked = await home?.operations.requestBackup({ gateway: 'blue', delivery: { key: 'k' } }, inSlack(ALICE));
    await stage.end(
      asked?.ok === true ? asked.run.id : '',
      'succeeded',
      verifiedOutputs('blue-20261121T0000Z-B-1', stage.now),
    );
    await look();
    await look();
    expect((await told()).at(-1)?.text).toMatch(
      /^✅ No alarm any more: blue\/backup-too-old, which began .*, is over\.$/,
    );
    expect((await told()).length).toBe(3);
  });

  it('is not acknowledged by a window that was opened on what it was before', async () => {
    await look();
    const [first] = await told();
    const value = JSON.stringify({ alarm: 'blue/backup-too-old', episode: 1 });
    const press = { user: 'U01ALICE', channel: OPS, ts: first?.ts ?? '', action_id: 'alarm.acknowledge', value };
    await slack.control.click(press);
    await slack.control.until('the window', () =>
      slack.control.modal()?.callback_id === 'modal.acknowledge' ? true : null,
    );
    const { operations } = bots[0] ?? stage.bot();
    const asked = await operations.requestBackup({ gateway: 'blue', delivery: { key: 'k' } }, inSlack(ALICE));
    const set = 'blue-20261121T0000Z-B-1';
    await stage.end(asked.ok ? asked.run.id : '', 'succeeded', verifiedOutputs(set, stage.now));
    await look();
    stage.now = new Date(stage.now.getTime() + 2 * DAY);
    await look();
    await slack.control.submit('U01ALICE', {
      'acknowledge/reason': { reason: { type: 'plain_text_input', value: 'Kong is being moved this week' } },
      'acknowledge/days': { days: { type: 'static_select', selected_option: { value: '7' } } },
    });
    const refused = await slack.control.until('the answer', async () =>
      (await slack.control.messages(OPS)).find(({ ephemeral_to: to }) => to === 'U01ALICE'),
    );
    expect(refused.text).toMatch(
      /^blue\/backup-too-old is not what it was when it was shown, so nothing was recorded\. The last verified backup of blue is of .*, more than 26 hours ago\. Look at it as it is now, and acknowledge that\.$/,
    );
    expect((await stage.rows()).filter(({ type }) => type === 'alarm.acknowledged')).toEqual([]);
  });

  it('is posted once although Slack’s answer was lost, and although the bot that meant to post it died', async () => {
    slack.faults.loseResponse('chat.postMessage');
    await look();
    expect((await told()).length).toBe(1);
    const posting = async (): Promise<number> =>
      (await stage.rows()).filter(({ type }) => type === 'alarm.posting').length;
    stage.now = new Date(stage.now.getTime() + 2000);
    await look();
    expect([(await told()).length, await posting()]).toEqual([1, 1]);

    stage.now = new Date(stage.now.getTime() + DAY);
    const dead = { alarm: 'blue/backup-too-old', episode: 1, slot: 'day-1-0', channel: OPS };
    const first = bots[0];
    await first?.watch.record(
      { type: 'alarm.posting', data: { ...dead, attempt: 1 } },
      'post/blue/backup-too-old/1/day-1-0/1',
    );
    await look();
    expect((await told()).length).toBe(1);
    stage.now = new Date(stage.now.getTime() + 2000);
    await look();
    await look();
    expect((await told()).length).toBe(2);
  });
});
