import type { Pool } from 'pg';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createEventStore } from '../../../src/audit/store.ts';
import type { EventStore, ProgressBoard, StepLocks } from '../../../src/engine/ports.ts';
import { readRows } from '../../../src/audit/read-rows.ts';
import { allRuns } from '../../../src/audit/find-runs.ts';
import { rebuildIndex } from '../../../src/audit/rebuild.ts';
import { createStepLocks } from '../../../src/postgres/lock.ts';
import { createPool } from '../../../src/postgres/pool.ts';
import { createProgressBoard } from '../../../src/postgres/progress.ts';
import { appendRequest, AT, BOT, indexRow, watcher } from '../../support/store/store-fixtures.ts';
import { freshDatabase, withClient, type TestDatabase } from '../../support/store/postgres.ts';

let database: TestDatabase;
let pool: Pool;
let store: EventStore;
let number = 0;
let run = '';

beforeAll(async () => {
  database = await freshDatabase({ migrated: true });
  pool = createPool({ url: database.botUrl, applicationName: 'kong-chatops test', max: 16, onError: () => undefined });
  // The assignments are the test: the adapters fit the engine's ports.
  store = createEventStore(pool);
  createStepLocks({ url: database.botUrl, heartbeatMs: 1000 }) satisfies StepLocks;
  createProgressBoard(pool) satisfies ProgressBoard;
});
beforeEach(() => {
  number += 1;
  run = `T-${number}`;
});
afterAll(async () => {
  await pool.end();
  await database.drop();
});

/** As many processes would: each on a connection of its own, so that nothing travels together. */
function writers(): EventStore[] {
  return Array.from({ length: 16 }, () => createEventStore(pool));
}

describe('append', () => {
  it('stores several events at once and gives them back as they were, in order', async () => {
    const events = [watcher('T01/U01BOB'), watcher('T01/U02CAROL', '2026-11-21T08:00:01.000Z')];
    const result = await store.append(appendRequest(run, 0, { events }));
    expect(result).toMatchObject({ appended: true, version: 2 });
    expect(await store.load(run)).toEqual([
      { ...events[0], runId: run, version: 1 },
      { ...events[1], runId: run, version: 2 },
    ]);
  });

  it('keeps every character that has a canonical text', async () => {
    const person = 'tab \t, quote ", backslash \\, \\u0000 spelled out, snowman ☃, pile 💩';
    await store.append(appendRequest(run, 0, { events: [watcher(person)] }));
    expect((await store.load(run))[0]?.data).toEqual({ person });
  });

  it('loses a NUL or half an emoji rather than the event', async () => {
    await store.append(appendRequest(run, 0, { events: [watcher('cut \ud83d and \0 in a tool’s output')] }));
    expect((await store.load(run))[0]?.data).toEqual({ person: 'cut \ufffd and \ufffd in a tool’s output' });
  });

  it('lets exactly one of 16 writers at the same version through', async () => {
    const results = await Promise.all(writers().map((one) => one.append(appendRequest(run, 0))));
    expect(results.filter((one) => one.appended)).toHaveLength(1);
    expect(results.filter((one) => !one.appended)).toEqual(
      Array.from({ length: 15 }, () => ({ appended: false, because: 'conflict' })),
    );
    expect(await store.load(run)).toHaveLength(1);
  });

  it('gives gapless sequence numbers to parallel writers of different runs', async () => {
    const results = await Promise.all(writers().map((one, i) => one.append(appendRequest(`G${number}-${i}`, 0))));
    const numbers = results.map((one) => (one.appended ? one.seq : -1)).sort((a, b) => a - b);
    expect(numbers).toEqual(numbers.map((_, i) => (numbers[0] ?? 0) + i));
  });

  it('names the run that holds what only one may hold', async () => {
    const exclusive = `backup:gateway-${number}`;
    await store.append(appendRequest(`${run}-a`, 0, { index: { exclusive } }));
    expect(await store.append(appendRequest(`${run}-b`, 0, { index: { exclusive } }))).toEqual({
      appended: false,
      because: 'exclusive',
      runId: `${run}-a`,
    });
    await store.append(appendRequest(`${run}-a`, 1, { index: { exclusive: null, active: false, state: 'succeeded' } }));
    expect(await store.append(appendRequest(`${run}-b`, 0, { index: { exclusive } }))).toMatchObject({
      appended: true,
    });
  });

  it('lets one of 16 parallel runs have what only one may hold', async () => {
    const exclusive = `backup:raced-${number}`;
    const results = await Promise.all(
      writers().map((one, i) => one.append(appendRequest(`${run}-${i}`, 0, { index: { exclusive } }))),
    );
    expect(results.filter((one) => one.appended)).toHaveLength(1);
  });

  it('answers the first run to a delivery that comes again', async () => {
    const deliveryKey = `slack:trigger.${number}`;
    await store.append(appendRequest(`${run}-a`, 0, { deliveryKey }));
    expect(await store.append(appendRequest(`${run}-b`, 0, { deliveryKey }))).toEqual({
      appended: false,
      because: 'duplicate',
      runId: `${run}-a`,
    });
    expect(await store.load(`${run}-b`)).toEqual([]);
  });

  it('appends to the system stream wherever its end is, without an index row', async () => {
    const event = { type: 'config.loaded', at: AT, actor: BOT, data: { digest: 'd', process: 'bot' } } as const;
    await Promise.all(Array.from({ length: 8 }, () => store.appendSystem(event)));
    expect((await store.load('system')).map((one) => one.version)).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
    expect((await allRuns(pool)).some((one) => one.id === 'system')).toBe(false);
  });
});

describe('appends that travel together', () => {
  it('have their own outcomes', async () => {
    const exclusive = `backup:together-${number}`;
    const [a, b, c, d] = await Promise.all([
      store.append(appendRequest(`${run}-a`, 0, { index: { exclusive } })),
      store.append(appendRequest(`${run}-b`, 0, { index: { exclusive } })),
      store.append(appendRequest(`${run}-a`, 5)),
      store.append(appendRequest(`${run}-c`, 0)),
    ]);
    expect([a, b, c, d]).toMatchObject([
      { appended: true, version: 1 },
      { appended: false, because: 'exclusive', runId: `${run}-a` },
      { appended: false, because: 'conflict' },
      { appended: true, version: 1 },
    ]);
  });

  it('do not fail with the one that is a bug', async () => {
    const bad = { ...appendRequest(`${run}-bad`, 0), index: indexRow('another-run', 1) };
    const results = await Promise.allSettled([
      store.append(appendRequest(`${run}-a`, 0)),
      store.append(appendRequest(`${run}-b`, 0)),
      store.append(bad),
      store.append(appendRequest(`${run}-c`, 0)),
    ]);
    expect(results.map((one) => one.status)).toEqual(['fulfilled', 'fulfilled', 'rejected', 'fulfilled']);
    expect(await store.load(`${run}-bad`)).toEqual([]);
    expect(await store.load(`${run}-c`)).toHaveLength(1);
  });
});

describe('the index', () => {
  it('finds runs by gateway, person, state and proof, newest first', async () => {
    const mine = { gateway: `g${number}`, requestedBy: `T01/U${number}` };
    await store.append(appendRequest('F-9', 0, { index: { ...mine, requestedAt: '2026-11-20T00:00:00.000Z' } }));
    await store.append(
      appendRequest('F-10', 0, {
        index: { ...mine, active: false, unsettled: true, verifiedAt: AT, dueAt: AT, state: 'succeeded' },
      }),
    );
    const ids = async (filter: object) =>
      (await store.findRuns({ ...mine, limit: 10, ...filter })).map((one) => one.id);
    expect(await ids({ gateway: mine.gateway })).toEqual(['F-10', 'F-9']);
    expect(await ids({ person: mine.requestedBy, limit: 1 })).toEqual(['F-10']);
    expect(await ids({ gateway: mine.gateway, active: true })).toEqual(['F-9']);
    expect(await ids({ gateway: mine.gateway, verified: true })).toEqual(['F-10']);
    expect((await store.openRuns()).filter((one) => one.gateway === mine.gateway).map((one) => one.id)).toEqual([
      'F-9',
      'F-10',
    ]);
    expect((await store.findRuns({ gateway: mine.gateway, verified: true, limit: 1 }))[0]).toEqual(
      indexRow('F-10', 1, { ...mine, active: false, unsettled: true, verifiedAt: AT, dueAt: AT, state: 'succeeded' }),
    );
  });

  it('names for a status the newest runs of a gateway, and the one that locks it for as long as it does', async () => {
    const gateway = `g${number}`;
    const ended = (id: string, hour: string, more: object = {}) =>
      appendRequest(id, 0, {
        index: { gateway, active: false, requestedAt: `2026-11-20T${hour}:00:00.000Z`, ...more },
      });
    const mine = async () => (await store.latestRuns()).filter((one) => one.gateway === gateway).map(({ id }) => id);
    const first = ended('L-1', '01', { kind: 'restore', state: 'rolled-back', exclusive: `change:${gateway}` });
    await store.append(first);
    await store.append(ended('L-2', '02', { state: 'succeeded', verifiedAt: AT }));
    await store.append(ended('L-3', '03', { state: 'failed' }));
    await store.append(ended('L-4', '04', { state: 'failed', kind: 'restore', verifiedAt: AT }));
    await store.append(ended('L-5', '05', { state: 'failed' }));
    expect(await mine()).toEqual(['L-5', 'L-2', 'L-1']);
    await store.append(appendRequest('L-1', 1, { index: { ...first.index, version: 2, exclusive: null } }));
    expect(await mine()).toEqual(['L-5', 'L-2']);
  });

  it('gives numbers that people can say, never the same twice, and none to what is refused', async () => {
    const holder = appendRequest('Q-1', 0, { index: { exclusive: `backup:q${number}` }, deliveryKey: `q${number}` });
    expect(await store.nextRunId('Q')).toBe('Q-1');
    await store.append(holder);
    const busy = { ...appendRequest('Q-2', 0, { index: { exclusive: `backup:q${number}` } }) };
    expect(await store.append(busy)).toMatchObject({ because: 'exclusive', runId: 'Q-1' });
    expect(await store.append({ ...appendRequest('Q-2', 0), deliveryKey: `q${number}` })).toMatchObject({
      because: 'duplicate',
    });
    expect(await store.nextRunId('Q')).toBe('Q-2');
    const taken = await Promise.all(
      writers().map(async (writer) => {
        for (;;) {
          const id = await writer.nextRunId('Q');
          if ((await writer.append(appendRequest(id, 0))).appended) return id;
        }
      }),
    );
    const numbers = taken.map((id) => Number(id.slice(2))).toSorted((a, b) => a - b);
    expect(numbers).toEqual(Array.from({ length: 16 }, (_, i) => i + 2));
  });

  it('is made again from the log alone, and comes out equal', async () => {
    const other = await freshDatabase({ migrated: true });
    const owner = createPool({ url: other.ownerUrl, applicationName: 'test', onError: () => undefined });
    const fresh = createEventStore(owner);
    await fresh.append(appendRequest('R-1', 0));
    await fresh.append(appendRequest('R-1', 1));
    await fresh.append(appendRequest('R-2', 0));
    const before = await allRuns(owner);
    await withClient(other.superuserUrl, (client) =>
      client.query(
        `DELETE FROM kong_chatops.runs WHERE id = 'R-1'; UPDATE kong_chatops.runs SET gateway = 'wrong', id = 'R-3'`,
      ),
    );
    const count = await rebuildIndex(
      owner,
      (events) => events,
      (events) => indexRow(events[0]?.runId ?? '', events.length),
    );
    expect(count).toBe(2);
    expect(await allRuns(owner)).toEqual(before);
    await owner.end();
    await other.drop();
  });
});

describe('pages of the trail', () => {
  it('filter by run, gateway, person and period, and continue where the last one ended', async () => {
    const person = `T01/PAGE${number}`;
    const gateway = `page${number}`;
    const events = Array.from({ length: 5 }, (_, i) => watcher(person, `2026-01-0${i + 1}T12:00:00.000Z`));
    await store.append(appendRequest(run, 0, { events, index: { gateway } }));
    const versions = async (query: object) =>
      (await readRows(pool, { limit: 10, ...query })).rows.map((row) => row.version);
    expect(await versions({ about: { runId: run } })).toEqual([5, 4, 3, 2, 1]);
    expect(await versions({ about: { gateway } })).toEqual([5, 4, 3, 2, 1]);
    expect(await versions({ about: { person }, since: '2026-01-02T12:00:00Z', until: '2026-01-04T12:00:00Z' })).toEqual(
      [3, 2],
    );
    const first = await readRows(pool, { about: { person }, limit: 3 });
    expect(first.more).toBe(true);
    const rest = await readRows(pool, { about: { person }, limit: 3, before: first.rows[2]?.seq ?? 0 });
    expect(rest).toMatchObject({ more: false, rows: [{ version: 2 }, { version: 1 }] });
  });
});

describe('progress', () => {
  it('is one row per run, overwritten, never by an older report', async () => {
    const board = createProgressBoard(pool);
    const row = {
      runId: run,
      step: 'dump-database',
      attempt: 1,
      done: 10,
      total: 6_000_000_000,
      unit: 'bytes',
      at: AT,
    } as const;
    expect(await board.read(run)).toBeNull();
    await board.report({ ...row, note: 'table routes' });
    expect(await board.read(run)).toEqual({ ...row, note: 'table routes' });
    await board.report({ ...row, done: 20, total: null, at: '2026-11-21T08:00:01.000Z' });
    await board.report({ ...row, done: 15 });
    expect(await board.read(run)).toEqual({ ...row, done: 20, total: null, at: '2026-11-21T08:00:01.000Z' });
  });
});
