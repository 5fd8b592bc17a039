import { mkdir, mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { WatchedGateway } from '../../../src/engine/watch/ports.ts';
import { LocalDestination } from '../../../src/backup/storage/local.ts';
import { Fault } from '../../../src/runs/fault.ts';
import { ALICE, DORA, inSlack } from '../../support/story.ts';
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
