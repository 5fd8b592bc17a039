import { afterEach, expect, test } from 'vitest';
import type { EventStore } from '../../../src/engine/ports.ts';
import { ALICE, inSlack } from '../../support/story.ts';
import {
  BLUE,
  MONTHLY,
  NIGHTLY,
  storedSet,
  verifiedOutputs,
  watchStage,
  type WatchStage,
} from '../../support/watch-stage.ts';

let stage: WatchStage;
afterEach(async () => await stage.close());

const types = async (): Promise<readonly string[]> => (await stage.rows()).map(({ type }) => type);

test('a night’s backup begins at its time, once, whichever of two bots looks first, approved by its configuration', async () => {
  stage = await watchStage('2026-11-20T12:00:00Z');
  const [one, two] = [stage.bot(), stage.bot()];
  await Promise.all([one.watch.tick(), two.watch.tick()]);
  expect(await stage.runs()).toEqual([]);
  expect(await types()).toEqual(['schedule.adopted']);

  stage.now = new Date('2026-11-21T01:30:00Z');
  await Promise.all([one.watch.tick(), two.watch.tick()]);
  await Promise.all([two.watch.tick(), one.watch.tick()]);
  const [run, ...others] = await stage.runs();
  expect(others).toEqual([]);
  expect(run).toMatchObject({
    kind: 'backup',
    requestedBy: 'schedule/blue/backup',
    reason: 'scheduled, due 2026-11-21T01:30:00.000Z',
    schedule: { id: 'blue/backup', due: '2026-11-21T01:30:00.000Z', missed: 0 },
    configDigest: 'c'.repeat(64),
    request: { kind: 'bot' },
    channel: 'C02OPS',
  });
  expect(run?.plan.steps.filter(({ gate }) => gate !== undefined)).toEqual([]);

  const answer = await one.operations.schedules(inSlack(ALICE));
  expect(answer).toMatchObject({
    ok: true,
    schedules: [{ id: 'blue/backup', next: '2026-11-22T01:30:00.000Z', owed: null, last: { run: { outcome: null } } }],
  });
});

test('three nights without any bot are made up for once, and a restarted bot makes up for nothing twice', async () => {
  stage = await watchStage('2026-11-20T12:00:00Z');
  await stage.bot().watch.tick();
  stage.now = new Date('2026-11-23T09:00:00Z');
  await stage.bot().watch.tick();
  await stage.bot().watch.tick();
  const runs = await stage.runs();
  expect(runs.map(({ schedule }) => schedule)).toEqual([
    { id: 'blue/backup', due: '2026-11-23T01:30:00.000Z', missed: 2 },
  ]);
  expect(runs[0]?.reason).toContain('2 before it passed unanswered');
});

test('a bot that dies between asking and being told asks for nothing twice', async () => {
  stage = await watchStage('2026-11-20T12:00:00Z');
  await stage.bot().watch.tick();
  stage.now = new Date('2026-11-21T01:31:00Z');
  const dying = (store: EventStore): EventStore => ({
    ...store,
    append: async (request) => {
      await store.append(request);
      throw new Error('the connection broke after the commit');
    },
  });
  await stage.bot({ wrap: dying }).watch.tick();
  await stage.bot().watch.tick();
  expect((await stage.runs()).length).toBe(1);
});

test('a changed timing owes nothing of its past', async () => {
  stage = await watchStage('2026-11-20T12:00:00Z');
  await stage.bot().watch.tick();
  stage.now = new Date('2026-11-20T14:00:00Z');
  const hourly = { ...BLUE, schedules: [{ ...NIGHTLY, cron: '0 * * * *' }] };
  await stage.bot({ gateways: [hourly] }).watch.tick();
  stage.now = new Date('2026-11-20T14:59:00Z');
  await stage.bot({ gateways: [hourly] }).watch.tick();
  expect(await stage.runs()).toEqual([]);
  expect(await types()).toEqual(['schedule.adopted', 'schedule.adopted']);
});

test('a run of the same kind in its way is a refusal that everybody can see; a restore is waited for', async () => {
  stage = await watchStage('2026-11-20T12:00:00Z');
  const { watch, operations } = stage.bot();
  await watch.tick();
  const asked = await operations.requestBackup({ gateway: 'blue', delivery: { key: 'k' } }, inSlack(ALICE));
  const other = asked.ok ? asked.run.id : '';
  stage.now = new Date('2026-11-21T01:30:00Z');
  await Promise.all([watch.tick(), stage.bot().watch.tick()]);
  const refused = (await stage.rows()).filter(({ type }) => type === 'schedule.refused');
  expect(refused.map(({ data }) => data)).toEqual([
    {
      schedule: 'blue/backup',
      due: '2026-11-21T01:30:00.000Z',
      code: 'busy',
      message: `blue is already being backed up by ${other}, asked for by ${ALICE} (2026-11-20T12:00:00.000Z)`,
      hint: 'Follow it on its card, or be told when it ends',
      configDigest: 'c'.repeat(64),
    },
  ]);
  const on = await operations.alarms(inSlack(ALICE));
  expect(on.ok && on.alarms.map(({ alarm }) => alarm)).toEqual(['blue/backup-failed']);
  await stage.end(other, 'succeeded', verifiedOutputs('blue-20261120T1200Z-B-1', stage.now));
  await watch.tick();
  const after = await operations.alarms(inSlack(ALICE));
  expect(after.ok && after.alarms).toEqual([]);

  const restore = await operations.requestRestore(
    { gateway: 'blue', set: 'blue-20261120T1200Z-B-1', strategy: 'database', delivery: { key: 'r' } },
    inSlack(ALICE),
  );
  expect(restore.ok).toBe(false);
});

test('a backup that is due during a restore waits for its end and says so', async () => {
  stage = await watchStage('2026-11-20T12:00:00Z');
  const { watch, operations } = stage.bot();
  await watch.tick();
  stage.sets.push(storedSet('blue-20261120T1000Z-B-1', '2026-11-20T10:00:00.000Z'));
  const asked = await operations.requestRestore(
    { gateway: 'blue', set: 'latest', strategy: 'database', delivery: { key: 'r' } },
    inSlack(ALICE),
  );
  const restore = asked.ok ? asked.run.id : asked.refusal.message;
  stage.now = new Date('2026-11-21T01:30:00Z');
  await watch.tick();
  await watch.tick();
  expect((await types()).filter((type) => type === 'schedule.waiting').length).toBe(1);
  const seen = await operations.schedules(inSlack(ALICE));
  const waits = `blue is being restored by ${restore}, asked for by ${ALICE} (2026-11-20T12:00:00.000Z)`;
  expect(seen.ok && seen.schedules).toMatchObject([{ owed: '2026-11-21T01:30:00.000Z', waitsFor: waits }]);

  stage.now = new Date('2026-11-21T02:31:00Z');
  await watch.tick();
  const on = await operations.alarms(inSlack(ALICE));
  expect(on.ok && on.alarms.map(({ message }) => message)).toEqual([
    `The backup of blue that was due 2026-11-21T01:30:00.000Z has not begun: ${waits}`,
  ]);
  await stage.end(restore, 'failed');
  await watch.tick();
  const runs = await stage.runs();
  expect(runs.at(-1)?.schedule?.due).toBe('2026-11-21T01:30:00.000Z');
  const after = await operations.alarms(inSlack(ALICE));
  expect(after.ok && after.alarms).toEqual([]);
});

test('a monthly drill takes the newest verified set, and is refused with its reason where there is none', async () => {
  stage = await watchStage('2026-11-20T12:00:00Z', [{ ...BLUE, schedules: [MONTHLY] }]);
  const { watch } = stage.bot();
  await watch.tick();
  stage.now = new Date('2026-12-01T04:00:00Z');
  await watch.tick();
  const [refused] = (await stage.rows()).filter(({ type }) => type === 'schedule.refused');
  expect(refused?.data).toMatchObject({
    code: 'unknown-set',
    message: 'blue has no verified set that a drill could restore',
    hint: 'Make a backup first',
  });

  const { operations } = stage.bot();
  const asked = await operations.requestBackup({ gateway: 'blue', delivery: { key: 'k' } }, inSlack(ALICE));
  const set = 'blue-20261201T0400Z-B-1';
  stage.sets.push(storedSet(set, '2026-12-01T04:00:00.000Z'));
  await stage.end(asked.ok ? asked.run.id : '', 'succeeded', verifiedOutputs(set, stage.now));
  stage.now = new Date('2027-01-01T04:00:00Z');
  await watch.tick();
  const drill = (await stage.runs()).find(({ kind }) => kind === 'drill');
  expect(drill?.plan.parameters).toEqual({ set, destination: 'main' });
  expect(drill?.requestedBy).toBe('schedule/blue/drill');
});

test('the watcher outside is told once, after verified and never before or after a failure', async () => {
  stage = await watchStage('2026-11-20T12:00:00Z');
  const bots = [stage.bot(), stage.bot()];
  const tick = async (): Promise<void> => {
    for (const { watch } of bots) await watch.tick();
  };
  await tick();
  stage.now = new Date('2026-11-21T01:30:00Z');
  await tick();
  expect(stage.beats).toEqual([]);
  const [first] = await stage.runs();
  await stage.end(first?.id ?? '', 'failed');
  await tick();
  expect(stage.beats).toEqual([]);
  stage.now = new Date('2026-11-22T01:30:00Z');
  await tick();
  const second = (await stage.runs()).at(-1);
  await stage.end(second?.id ?? '', 'succeeded', verifiedOutputs('blue-20261122T0130Z-B-2', stage.now));
  await tick();
  await tick();
  expect(stage.beats).toEqual(['blue/backup']);
  expect((await types()).filter((type) => type === 'schedule.heartbeat').length).toBe(1);
});

test('the safety backup of a restore silences neither a failed nightly backup nor one that is too old', async () => {
  stage = await watchStage('2026-11-20T12:00:00Z');
  const { watch, operations } = stage.bot();
  await watch.tick();
  stage.now = new Date('2026-11-21T01:30:00Z');
  await watch.tick();
  const nightly = (await stage.runs()).at(-1);
  await stage.end(nightly?.id ?? '', 'failed');
  const old = 'blue-20261101T0130Z-B-3';
  stage.sets.push(storedSet(old, '2026-11-01T01:30:00Z'));
  const asked = await operations.requestRestore(
    { gateway: 'blue', set: old, strategy: 'database', delivery: { key: 'r' } },
    inSlack(ALICE),
  );
  const id = asked.ok ? asked.run.id : '';
  await stage.end(id, 'failed', verifiedOutputs(`blue-20261121T0130Z-${id}`, stage.now));
  stage.now = new Date('2026-11-21T20:00:00Z');
  await watch.tick();
  const on = await operations.alarms(inSlack(ALICE));
  expect(on.ok && on.alarms.map(({ alarm, message }) => `${alarm}: ${message}`).toSorted()).toEqual([
    `blue/backup-failed: The backup of blue that was due 2026-11-21T01:30:00.000Z did not succeed: ${nightly?.id ?? ''} failed`,
    'blue/backup-too-old: blue has no verified backup',
  ]);
});
