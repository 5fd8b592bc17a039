import { mkdir, mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { EventStore } from '../../../src/engine/ports.ts';
import type { NewSystemEvent } from '../../../src/runs/event.ts';
import type { AppendRequest } from '../../../src/runs/log.ts';
import type { WatchedGateway } from '../../../src/engine/watch/ports.ts';
import { LocalDestination } from '../../../src/backup/storage/local.ts';
import { Fault } from '../../../src/runs/fault.ts';
import { ALICE, BOT, DORA, inSlack } from '../../support/story.ts';
import { BLUE, storedSet, verifiedOutputs, watchStage, type WatchStage } from '../../support/watch-stage.ts';

const KEEP = { last: 2, daily: 0, weekly: 0, monthly: 0, yearly: 0, safetyDays: 30 };
const GATEWAY: WatchedGateway = { ...BLUE, destinations: [{ name: 'main', keep: KEEP }] };

let stage: WatchStage;
let root: string;
let main: LocalDestination;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'kong-chatops-retention-'));
  await mkdir(join(root, 'main'));
  main = new LocalDestination('main', join(root, 'main'));
  stage = await watchStage('2026-11-20T12:00:00Z', [GATEWAY]);
});
afterEach(async () => {
  await stage.close();
  await rm(root, { recursive: true });
});

const remove = async ({ gateway, set }: { gateway: string; set: string }): Promise<void> =>
  await main.remove({ gateway, set });
const rows = async (...types: readonly string[]): Promise<readonly object[]> =>
  (await stage.rows()).filter(({ type }) => types.includes(type)).map(({ type, data }) => ({ type, ...data }));

/** A verified set of that day: in the log, in the list, and on the disk. */
async function verified(day: number): Promise<string> {
  const { operations } = stage.bot();
  stage.now = new Date(Date.UTC(2026, 10, day, 12));
  const asked = await operations.requestBackup({ gateway: 'blue', delivery: { key: `day ${day}` } }, inSlack(ALICE));
  const id = asked.ok ? asked.run.id : '';
  const set = `blue-202611${String(day).padStart(2, '0')}T1200Z-${id}`;
  await stored(set, stage.now);
  await stage.end(id, 'succeeded', verifiedOutputs(set, stage.now));
  return set;
}

async function stored(set: string, at: Date): Promise<void> {
  const ref = { gateway: 'blue', set };
  await main.writeArtifact(ref, 'database.age', Readable.from([Buffer.from('x')]), new AbortController().signal);
  await main.writeFacts(ref, 'database.age', {});
  await main.publish(ref, '{}', 'x');
  stage.sets.unshift(storedSet(set, at.toISOString()));
}

/** The catalogue as it is after what lies on the disk. */
async function relisted(): Promise<readonly string[]> {
  const here = await main.listSets('blue');
  stage.sets.splice(0, stage.sets.length, ...stage.sets.filter(({ set }) => here.includes(set)));
  return here;
}

test('old sets go by command, each removal in the audit; a dry run says why each of the others stays', async () => {
  const sets = [await verified(1), await verified(2), await verified(3), await verified(4)];
  const { operations } = stage.bot({ remove });
  const held = await operations.hold({ set: sets[0] ?? '', reason: 'evidence of INC-4711' }, inSlack(ALICE));
  expect(held.ok).toBe(true);
  const listed = await operations.listSets('blue', inSlack(ALICE));
  expect(listed.ok && listed.sets.map(({ set, hold }) => [set, hold?.reason])).toEqual([
    [sets[3], undefined],
    [sets[2], undefined],
    [sets[1], undefined],
    [sets[0], 'evidence of INC-4711'],
  ]);
  const plan = await operations.planExpiry('blue', inSlack(ALICE));
  expect(plan.ok && plan.plans[0]?.sets).toEqual([
    { set: sets[3], keep: true, why: ['the newest verified set', 'last 1 of 2'] },
    { set: sets[2], keep: true, why: ['last 2 of 2'] },
    { set: sets[1], keep: false, why: ['no rule keeps it'] },
    { set: sets[0], keep: true, why: ['held: evidence of INC-4711'] },
  ]);
  expect(await main.listSets('blue')).toEqual(sets);

  const done = await operations.expire('blue', inSlack(ALICE));
  expect(done).toEqual({ ok: true, expired: [{ set: sets[1], destination: 'main' }] });
  expect(await relisted()).toEqual([sets[0], sets[2], sets[3]]);
  expect(await rows('backup.expiring', 'backup.expired')).toMatchObject([
    { type: 'backup.expiring', set: sets[1], destination: 'main', after: expect.stringContaining(ALICE) },
    { type: 'backup.expired', set: sets[1], destination: 'main' },
  ]);
  const again = await operations.release({ set: sets[0] ?? '', reason: 'the incident is closed' }, inSlack(DORA));
  expect(again).toMatchObject({ ok: false, refusal: { code: 'not-allowed' } });
});

test('a scheduled backup that was verified is followed by retention, once, by one of two bots', async () => {
  const sets = [await verified(18), await verified(19), await verified(20)];
  const removed: string[] = [];
  const counting = async (place: { gateway: string; set: string }): Promise<void> => {
    removed.push(place.set);
    await remove(place);
  };
  const bots = [stage.bot({ remove: counting }), stage.bot({ remove: counting })];
  const tick = async (): Promise<unknown> => await Promise.all(bots.map(async ({ watch }) => await watch.tick()));
  await tick();
  stage.now = new Date('2026-11-21T01:30:00Z');
  await tick();
  expect(removed).toEqual([]);
  const run = (await stage.runs()).at(-1);
  const newest = `blue-20261121T0130Z-${run?.id ?? ''}`;
  await stored(newest, stage.now);
  await stage.end(run?.id ?? '', 'succeeded', verifiedOutputs(newest, stage.now));
  await tick();
  await relisted();
  await tick();
  expect(removed).toEqual([sets[0], sets[1]]);
  expect(await main.listSets('blue')).toEqual([sets[2], newest]);
  expect((await rows('backup.retention')).length).toBe(1);
});

test('a bot that dies in the middle of a removal leaves a set that no list shows, and the next one ends it', async () => {
  const sets = [await verified(1), await verified(2), await verified(3)];
  const dying = async ({ set }: { set: string }): Promise<void> => {
    await rm(join(root, 'main', 'blue', set, 'manifest.json'));
    throw new Error('killed');
  };
  await expect(stage.bot({ remove: dying }).operations.expire('blue', inSlack(ALICE))).rejects.toThrow('killed');
  expect(await relisted()).toEqual([sets[1], sets[2]]);
  expect(await readdir(join(root, 'main', 'blue'))).toEqual(sets);
  stage.now = new Date(stage.now.getTime() + 1000);
  const done = await stage.bot({ remove }).operations.expire('blue', inSlack(ALICE));
  expect(done).toEqual({ ok: true, expired: [{ set: sets[0], destination: 'main' }] });
  expect(await readdir(join(root, 'main', 'blue'))).toEqual([sets[1], sets[2]]);
});

test('a set that object lock keeps stays, with the reason in answer and audit', async () => {
  const sets = [await verified(1), await verified(2), await verified(3)];
  const locked = (): Promise<void> =>
    Promise.reject(new Fault('set-locked', 'It is locked until May.', 'It goes then.'));
  const done = await stage.bot({ remove: locked }).operations.expire('blue', inSlack(ALICE));
  expect(done).toEqual({
    ok: true,
    expired: [
      {
        set: sets[0],
        destination: 'main',
        problem: { code: 'set-locked', message: 'It is locked until May.', hint: 'It goes then.' },
      },
    ],
  });
  expect(await rows('backup.not-expired')).toMatchObject([{ set: sets[0], message: 'It is locked until May.' }]);
});

test('a set that a restore in progress reads stays until the restore is closed', async () => {
  const sets = [await verified(1), await verified(2), await verified(3)];
  const { operations } = stage.bot({ remove });
  const set = sets[0] ?? '';
  const asked = await operations.requestRestore(
    { gateway: 'blue', set, strategy: 'database', delivery: { key: 'r' } },
    inSlack(ALICE),
  );
  expect(asked.ok ? '' : asked.refusal.message).toBe('');
  const plan = await operations.planExpiry('blue', inSlack(ALICE));
  const id = asked.ok ? asked.run.id : '';
  expect(plan.ok && plan.plans[0]?.sets.at(-1)).toEqual({ set, keep: true, why: [`${id} uses it`] });
});

const HOLD = 'evidence of INC-4711';
const REMOVING = (set: string) => ({
  ok: false,
  refusal: {
    refused: true,
    code: 'set-expiring',
    message: `Retention is removing ${set} at this moment, so it can neither be held nor read`,
    hint: 'Choose another set; if this one is still listed in a minute, ask again',
  },
});
const restoreOf = (set: string) => ({ gateway: 'blue', set, strategy: 'database', delivery: { key: set } }) as const;

test('what is held or asked for while older sets go is spared, and what is going is neither held nor restored', async () => {
  const sets = [await verified(1), await verified(2), await verified(3), await verified(4), await verified(5)];
  const [first = '', second = '', third = ''] = sets;
  const { operations } = stage.bot();
  const asked: string[] = [];
  const meanwhile = async (place: { gateway: string; set: string }): Promise<void> => {
    if (place.set === first) {
      expect(await operations.hold({ set: first, reason: HOLD }, inSlack(ALICE))).toEqual(REMOVING(first));
      expect(await operations.requestRestore(restoreOf(first), inSlack(ALICE))).toEqual(REMOVING(first));
      const drill = { gateway: 'blue', set: first, delivery: { key: 'd' } };
      expect(await operations.requestDrill(drill, inSlack(ALICE))).toEqual(REMOVING(first));
      expect((await operations.hold({ set: second, reason: HOLD }, inSlack(ALICE))).ok).toBe(true);
      const restore = await operations.requestRestore(restoreOf(third), inSlack(ALICE));
      if (restore.ok) asked.push(restore.run.id);
    }
    await remove(place);
  };
  const done = await stage.bot({ remove: meanwhile }).operations.expire('blue', inSlack(ALICE));
  const problem = (set: string, why: string) => ({
    code: 'set-needed',
    message: `${set} stays, because meanwhile somebody needs it: ${why}.`,
    hint: 'It goes when nobody holds or uses it any more.',
  });
  expect(done).toEqual({
    ok: true,
    expired: [
      { set: first, destination: 'main' },
      { set: second, destination: 'main', problem: problem(second, `held: ${HOLD}`) },
      { set: third, destination: 'main', problem: problem(third, `${asked[0]} uses it`) },
    ],
  });
  expect(await relisted()).toEqual(sets.slice(1));
  expect(await rows('backup.spared')).toMatchObject([
    { set: second, destination: 'main', why: [`held: ${HOLD}`] },
    { set: third, destination: 'main', why: [`${asked[0]} uses it`] },
  ]);
});

test('a hold or a restore that a removal did not see is taken back, and says so', async () => {
  const sets = [await verified(1), await verified(2), await verified(3), await verified(4)];
  const [first = '', second = ''] = sets;
  // The removal begins between the look of the person's bot and what it records.
  const begin = async (set: string): Promise<void> => {
    const data = { set, gateway: 'blue', destination: 'main', after: 'B-9' };
    await stage.store.appendSystem({ type: 'backup.expiring', at: stage.now.toISOString(), actor: BOT, data });
  };
  const late = (set: string) => (store: EventStore) => ({
    ...store,
    append: async (request: AppendRequest) => {
      if (request.events[0]?.type === 'run.requested') await begin(set);
      return await store.append(request);
    },
    appendSystem: async (event: NewSystemEvent, key?: string) => {
      if (event.type === 'backup.held') await begin(set);
      return await store.appendSystem(event, key);
    },
  });
  const holding = stage.bot({ wrap: late(first) }).operations;
  expect(await holding.hold({ set: first, reason: HOLD }, inSlack(ALICE))).toEqual(REMOVING(first));
  expect(await rows('backup.held', 'backup.released')).toMatchObject([
    { type: 'backup.held', set: first },
    { type: 'backup.released', set: first, reason: 'its removal had already begun' },
  ]);
  const asking = stage.bot({ wrap: late(second) }).operations;
  const answer = await asking.requestRestore(restoreOf(second), inSlack(ALICE));
  expect(answer).toMatchObject({ ...REMOVING(second), run: { cancel: { person: ALICE } } });

  // A removal whose bot died before it touched anything bars nobody for ever.
  stage.now = new Date(stage.now.getTime() + 3_600_000);
  expect((await stage.bot().operations.hold({ set: first, reason: HOLD }, inSlack(ALICE))).ok).toBe(true);
});

test('a set that goes from one destination alone can be held and restored from the other', async () => {
  const set = await verified(1);
  stage.sets.splice(0, 1, storedSet(set, stage.now.toISOString(), ['main', 'vault']));
  const data = { set, gateway: 'blue', destination: 'main', after: 'B-9' };
  await stage.store.appendSystem({ type: 'backup.expiring', at: stage.now.toISOString(), actor: BOT, data });
  const { operations } = stage.bot();
  expect((await operations.hold({ set, reason: HOLD }, inSlack(ALICE))).ok).toBe(true);
  const drill = await operations.requestDrill({ gateway: 'blue', set, delivery: { key: 'd' } }, inSlack(ALICE));
  expect(drill.ok && drill.run.plan.parameters).toMatchObject({ set, destination: 'vault' });
});
