import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { rebuildIndex } from '../../../src/audit/rebuild.ts';
import { createEventStore } from '../../../src/audit/store.ts';
import { migrate } from '../../../src/postgres/migrate.ts';
import { latestVersion, migrations } from '../../../src/postgres/migrations.ts';
import { createPool } from '../../../src/postgres/pool.ts';
import { appendRequest, indexRow } from '../../support/store/store-fixtures.ts';
import { freshDatabase, withClient, type TestDatabase } from '../../support/store/postgres.ts';

describe('migrate', () => {
  let database: TestDatabase;
  beforeAll(async () => {
    database = await freshDatabase();
  });
  afterAll(() => database.drop());

  it('is safe from several processes at once: each number is applied exactly once (decision 7)', async () => {
    const results = await Promise.all(Array.from({ length: 6 }, () => migrate(database)));
    expect(results.flatMap((result) => result.applied)).toEqual(migrations().map((one) => one.name));
    expect(results.every((result) => result.after === latestVersion())).toBe(true);
    const tables = await withClient(database.superuserUrl, (client) =>
      client.query(`SELECT count(*)::int AS n FROM pg_tables WHERE schemaname = 'bullmq'`),
    );
    expect(tables.rows[0].n).toBeGreaterThan(3);
  });

  it('does nothing the second time', async () => {
    const again = await migrate(database);
    expect(again).toEqual({
      before: latestVersion(),
      after: latestVersion(),
      applied: [],
      owner: 'kong_chatops_owner',
      bot: 'kong_chatops',
    });
  });

  it('goes on behind the numbers that an older version gave out, used or not, and lets nobody but the log take one', async () => {
    const old = await freshDatabase();
    await withClient(old.ownerUrl, async (client) => {
      await client.query(`CREATE SCHEMA kong_chatops;
        CREATE TABLE kong_chatops.schema_version (
          version integer PRIMARY KEY, name text NOT NULL, applied_at timestamptz NOT NULL DEFAULT now())`);
      for (const { version, name, sql } of migrations().filter((one) => one.version <= 4)) {
        await client.query(sql);
        await client.query('INSERT INTO kong_chatops.schema_version (version, name) VALUES ($1, $2)', [version, name]);
      }
    });
    const owner = createPool({ url: old.ownerUrl, applicationName: 'test', onError: () => undefined });
    const before = createEventStore(owner);
    // B-2 was refused at its append, and R-1 by the rules.
    const given = [await before.nextRunId('B'), await before.nextRunId('B'), await before.nextRunId('B')];
    expect([...given, await before.nextRunId('R')]).toEqual(['B-1', 'B-2', 'B-3', 'R-1']);
    for (const id of ['B-1', 'B-3'])
      expect(await before.append(appendRequest(id, 0))).toMatchObject({ appended: true });
    expect((await migrate(old)).applied).toContain('numbers_on_record');

    const bot = createPool({ url: old.botUrl, applicationName: 'test', max: 10, onError: () => undefined });
    const taken = await Promise.all(
      Array.from({ length: 50 }, async (_, at) => {
        const store = createEventStore(bot);
        for (let last = ''; ;) {
          const id = await store.nextRunId(at % 2 === 0 ? 'B' : 'R');
          expect(id).not.toBe(last);
          if ((await store.append(appendRequest(id, 0))).appended) return id;
          last = id;
        }
      }),
    );
    const wanted = Array.from({ length: 25 }, (_, at) => [`B-${at + 4}`, `R-${at + 2}`]).flat();
    expect(taken.toSorted()).toEqual(wanted.toSorted());
    for (const sql of [
      'UPDATE kong_chatops.run_numbers SET last = 0',
      `INSERT INTO kong_chatops.run_numbers VALUES ('Z', 9)`,
      'DELETE FROM kong_chatops.run_numbers',
      'ALTER TABLE kong_chatops.runs DISABLE TRIGGER number_taken',
      'SELECT kong_chatops.put_run(r) FROM kong_chatops.runs r',
    ])
      await expect(bot.query(sql)).rejects.toMatchObject({ code: '42501' });
    // An index that is made again from the log gives no number back and none away.
    await owner.query(
      `DELETE FROM kong_chatops.runs WHERE id = 'B-28'; UPDATE kong_chatops.run_numbers SET last = 3 WHERE letter = 'B'`,
    );
    await rebuildIndex(
      owner,
      (events) => events,
      (events) => indexRow(events[0]?.runId ?? '', events.length),
    );
    expect([await before.nextRunId('B'), await before.nextRunId('R')]).toEqual(['B-29', 'R-27']);
    await bot.end();
    await owner.end();
    await old.drop();
  });

  it('refuses a database that a newer version migrated, and changes nothing', async () => {
    await withClient(database.ownerUrl, (client) =>
      client.query(`INSERT INTO kong_chatops.schema_version (version, name) VALUES (9999, 'from_the_future')`),
    );
    await expect(migrate(database)).rejects.toMatchObject({
      code: 'store.newer',
      message: `The database is at version 9999, this kong-chatops knows versions up to ${latestVersion()}.`,
      hint: 'Start the newer kong-chatops that migrated it. There is no way back down: restore the database if you must.',
    });
    await withClient(database.ownerUrl, (client) =>
      client.query('DELETE FROM kong_chatops.schema_version WHERE version = 9999'),
    );
  });

  it('names the statement that makes a missing bot role', async () => {
    const url = new URL(database.botUrl);
    url.username = 'nobody-yet';
    await expect(migrate({ ownerUrl: database.ownerUrl, botUrl: url.href })).rejects.toMatchObject({
      code: 'store.no-bot-role',
      message: 'The role nobody-yet that DATABASE_URL names does not exist in PostgreSQL.',
      hint: `As an administrator of the server run: CREATE ROLE "nobody-yet" LOGIN PASSWORD '<the password in DATABASE_URL>'; then run \`kong-chatops migrate\` again.`,
    });
  });

  it('says that the owner may not make schemas before it changes anything', async () => {
    const other = await freshDatabase();
    await withClient(other.superuserUrl, (client) => client.query(`ALTER DATABASE ${other.name} OWNER TO postgres`));
    await expect(migrate(other)).rejects.toMatchObject({
      code: 'store.owner-may-not-create',
      hint: `As an administrator of the server run: GRANT CREATE ON DATABASE "${other.name}" TO "kong_chatops_owner"; then run \`kong-chatops migrate\` again.`,
    });
    await other.drop();
  });

  it('asks for the owner, and never for a right of the bot, when the bot’s role is all it is given', async () => {
    const other = await freshDatabase();
    await expect(migrate({ ownerUrl: other.botUrl, botUrl: other.botUrl })).rejects.toMatchObject({
      code: 'store.owner-may-not-create',
      hint:
        'Set DATABASE_OWNER_URL to the role that owns the database, then run `kong-chatops migrate` again. ' +
        'Do not grant the bot’s role that right: then it could change the audit trail.',
    });
    await other.drop();
  });

  it('works with one role for both', async () => {
    const other = await freshDatabase();
    const result = await migrate({ ownerUrl: other.ownerUrl, botUrl: other.ownerUrl });
    expect(result).toMatchObject({ owner: 'kong_chatops_owner', bot: 'kong_chatops_owner' });
    await other.drop();
  });
});
