import { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import type { Pool } from 'pg';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { ChainOptions } from '../../../src/audit/chain-reader.ts';
import { exportTrail } from '../../../src/audit/export.ts';
import { currentHead } from '../../../src/audit/heads.ts';
import { readRows } from '../../../src/audit/read-rows.ts';
import { createEventStore, type AuditStore } from '../../../src/audit/store.ts';
import { verifyDatabase, verifyExport } from '../../../src/audit/verify.ts';
import { createPool } from '../../../src/postgres/pool.ts';
import { partLine, trailLine } from '../../../src/runs/words/trail-line.ts';
import { asIntruder, rehashFrom } from '../../support/intruder.ts';
import { freshDatabase, type TestDatabase } from '../../support/store/postgres.ts';
import { appendRequest, AT, BOT } from '../../support/store/store-fixtures.ts';

let database: TestDatabase;
let pool: Pool;
let store: AuditStore;
beforeAll(async () => {
  database = await freshDatabase({ migrated: true });
  pool = createPool({ url: database.botUrl, applicationName: 'kong-chatops test', max: 4, onError: () => undefined });
  store = createEventStore(pool);
  for (let version = 0; version < 10; version += 1) await store.append(appendRequest('B-1', version));
  await asIntruder(database, 'CREATE TABLE kong_chatops.kept AS TABLE kong_chatops.audit_events');
});
afterEach(async () => {
  await asIntruder(
    database,
    'TRUNCATE kong_chatops.audit_events; INSERT INTO kong_chatops.audit_events TABLE kong_chatops.kept',
  );
});
afterAll(async () => {
  await pool.end();
  await database.drop();
});

const exported = (): Promise<string> => text(exportTrail(pool));

describe('a trail that nobody touched', () => {
  it('verifies in the database and as an export, its tail not provable from inside', async () => {
    const verdict = { ok: true, rows: 10, tail: 'not provable', damage: [], damaged: 0, head: await currentHead(pool) };
    expect(await verifyDatabase(pool)).toMatchObject(verdict);
    expect(await verifyExport(Readable.from([await exported()]))).toMatchObject(verdict);
  });

  it('is proven to its end by a head from outside', async () => {
    const head = await currentHead(pool);
    expect(await verifyDatabase(pool, { head })).toMatchObject({ ok: true, tail: 'proven' });
  });

  it('is hashed in Node as in the database, whatever the text', async () => {
    await store.append(
      appendRequest('Z-1', 0, {
        events: [{ type: 'watcher.added', at: AT, actor: BOT, data: { person: 'ü☃💩\n"\\\u2028' } }],
      }),
    );
    expect(await verifyDatabase(pool)).toMatchObject({ ok: true, rows: 11 });
    // U+2028 is no end of a line in JSON, whatever JavaScript's own readers of lines say.
    expect(await verifyExport(Readable.from([await exported()]))).toMatchObject({ ok: true });
  });
});

describe.each([
  ['the database', (options: ChainOptions) => verifyDatabase(pool, options)],
  ['an export', async (options: ChainOptions) => verifyExport(Readable.from([await exported()]), options)],
])('damage is pinpointed in %s', (_where, verify) => {
  it.each([
    {
      what: 'an edited body',
      sql: `UPDATE kong_chatops.audit_events SET body = replace(body, 'ALICE', 'MALLORY') WHERE seq = 5`,
      damage: [
        {
          kind: 'edited',
          from: 5,
          to: 5,
          message: 'Row 5 (B-1 version 5) was edited: its content does not give its hash.',
        },
      ],
    },
    {
      what: 'an edited version',
      sql: `UPDATE kong_chatops.audit_events SET version = 99 WHERE seq = 5`,
      damage: [
        {
          kind: 'edited',
          from: 5,
          to: 5,
          message: 'Row 5 (B-1 version 99) was edited: its content does not give its hash.',
        },
      ],
    },
    {
      what: 'an edited first row',
      sql: `UPDATE kong_chatops.audit_events SET body = '{}' WHERE seq = 1`,
      damage: [
        {
          kind: 'edited',
          from: 1,
          to: 1,
          message: 'Row 1 (B-1 version 1) was edited: its content does not give its hash.',
        },
      ],
    },
    {
      what: 'a row rewritten together with its hash',
      sql: `UPDATE kong_chatops.audit_events SET body = '{}', hash = kong_chatops.event_hash(prev_hash, seq, run_id, version, '{}') WHERE seq = 5`,
      damage: [
        {
          kind: 'forked',
          from: 5,
          to: 5,
          message: 'Row 5 (B-1 version 5) was rewritten together with its hash: row 6 continues another row.',
        },
      ],
    },
    {
      what: 'deleted rows',
      sql: 'DELETE FROM kong_chatops.audit_events WHERE seq BETWEEN 4 AND 6',
      damage: [{ kind: 'deleted', from: 4, to: 6, message: 'Rows 4 to 6 are missing: the rows around it were kept.' }],
    },
    {
      what: 'a deleted beginning',
      sql: 'DELETE FROM kong_chatops.audit_events WHERE seq = 1',
      damage: [{ kind: 'deleted', from: 1, to: 1, message: 'Row 1 is missing: the rows around it were kept.' }],
    },
    {
      what: 'a deleted row with the rest renumbered',
      sql: `DELETE FROM kong_chatops.audit_events WHERE seq = 4; UPDATE kong_chatops.audit_events SET seq = seq + 99 WHERE seq > 4;
            UPDATE kong_chatops.audit_events SET seq = seq - 100 WHERE seq > 99`,
      damage: [
        { kind: 'deleted', from: 4, to: 4, message: '1 row was taken out just before row 4, and the rest renumbered.' },
      ],
    },
    {
      what: 'two rows that changed places',
      sql: `UPDATE kong_chatops.audit_events SET seq = 99 WHERE seq = 5; UPDATE kong_chatops.audit_events SET seq = 5 WHERE seq = 8;
            UPDATE kong_chatops.audit_events SET seq = 8 WHERE seq = 99`,
      damage: [{ kind: 'reordered', from: 5, to: 8, message: 'Rows 5 and 8 changed places.' }],
    },
    {
      what: 'two rows whose contents changed places',
      sql: `UPDATE kong_chatops.audit_events SET version = 99 WHERE seq = 5; UPDATE kong_chatops.audit_events SET version = 5 WHERE seq = 8;
            UPDATE kong_chatops.audit_events SET version = 8 WHERE seq = 5`,
      damage: [{ kind: 'reordered', from: 5, to: 8, message: 'Rows 5 and 8 changed places.' }],
    },
    {
      what: 'several things at once',
      sql: `UPDATE kong_chatops.audit_events SET body = '{}' WHERE seq IN (2, 9); DELETE FROM kong_chatops.audit_events WHERE seq = 5`,
      damage: [
        { kind: 'edited', from: 2 },
        { kind: 'deleted', from: 5 },
        { kind: 'edited', from: 9 },
      ],
    },
  ])('$what', async ({ sql, damage }) => {
    await asIntruder(database, sql);
    const verdict = await verify({});
    expect(verdict).toMatchObject({ ok: false, damage, damaged: verdict.damaged, tail: 'not provable' });
    expect(verdict.damage).toHaveLength(damage.length);
  });

  it('a tail cut off, by a head from outside alone', async () => {
    const head = await currentHead(pool);
    await asIntruder(database, 'DELETE FROM kong_chatops.audit_events WHERE seq > 7');
    expect(await verify({})).toMatchObject({ ok: true, rows: 7, tail: 'not provable' });
    expect(await verify({ head })).toMatchObject({
      ok: false,
      damage: [
        {
          kind: 'truncated',
          from: 8,
          to: 10,
          message: 'Rows 8 to 10 were cut off: the head given names row 10, the trail ends at 7.',
        },
      ],
    });
  });

  it('a history rewritten with every hash, by a head from outside', async () => {
    const head = await currentHead(pool);
    await asIntruder(database, `UPDATE kong_chatops.audit_events SET body = '{}' WHERE seq = 3; ${rehashFrom(3)}`);
    expect(await verify({})).toMatchObject({ ok: true });
    expect(await verify({ head })).toMatchObject({
      ok: false,
      damage: [
        {
          kind: 'head-mismatch',
          from: 10,
          message: 'Row 10 has another hash than the head given says: the trail up to there was rewritten.',
        },
      ],
    });
  });
});

describe('an export', () => {
  let lines: string[];
  const verifyLines = (changed: string[]) => verifyExport(Readable.from([changed.join('\n')]));
  beforeEach(async () => {
    lines = (await exported()).trimEnd().split('\n');
  });

  it('in another order is told from one with rows missing', async () => {
    const [a, b, c, d, ...rest] = lines;
    const verdict = await verifyLines([a, c, d, b, ...rest].map((line) => line ?? ''));
    expect(verdict).toMatchObject({ ok: false, damage: [{ kind: 'reordered', from: 2, to: 4 }], damaged: 1 });
  });

  it('with a row twice says so', async () => {
    expect(await verifyLines([...lines.slice(0, 4), ...lines.slice(3)])).toMatchObject({
      ok: false,
      damage: [{ kind: 'inserted', from: 4, message: 'Row 4 appears twice: two rows claim the same number.' }],
    });
  });

  it('made of the rows that a question finds is the same, byte for byte', async () => {
    const { rows } = await readRows(pool, { limit: 100 });
    expect(rows.toReversed().map(trailLine).join('')).toBe(await exported());
  });

  it('of a part of the trail is refused as such, and not taken for one with rows deleted', async () => {
    await expect(verifyLines([partLine('of B-1').trimEnd(), ...lines.slice(4)])).rejects.toMatchObject({
      code: 'audit.part-of-the-trail',
      message: 'This file is a part of the audit trail (of B-1), and a part cannot prove that no row is missing.',
      hint: 'Check the whole trail: `kong-chatops audit verify`, or `kong-chatops audit export` and then `kong-chatops audit verify --file`.',
    });
  });

  it('that is none is refused by line', async () => {
    await expect(verifyLines([...lines.slice(0, 2), '{"seq":3'])).rejects.toMatchObject({
      code: 'audit.not-an-export',
      message: 'Line 3 is not a row of an audit export.',
      hint: 'Give the file that `kong-chatops audit export` wrote, whole and unchanged. A cut-off last line means that the copy was cut off.',
    });
  });
});
