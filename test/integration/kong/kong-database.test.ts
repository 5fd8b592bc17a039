import { readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { databaseEnvironment, databasePlace, openDatabase } from '../../../src/kong/database/database.ts';
import type { DatabaseConfig, DatabaseSession } from '../../../src/kong/database/database.ts';
import { findPsql } from '../../../src/kong/dump/tools.ts';
import type { Tool } from '../../../src/kong/dump/tools.ts';
import { localRunner } from '../../../src/run-command/local.ts';
import { faultOf } from '../../support/fault-of.ts';
import { kongDatabase } from '../../support/kong/kong-database.ts';
import type { KongDatabase } from '../../support/kong/kong-database.ts';
import { fixturePath, need } from '../../support/need.ts';
import { withClient } from '../../support/store/postgres.ts';

const run = localRunner();
const hasFixtures = need('psql') && need('fixtures');

function fixture(file: string): unknown {
  return JSON.parse(readFileSync(fixturePath('kong-3.9.1', file), 'utf8'));
}

describe.skipIf(!need('psql'))("a session on a gateway's database", () => {
  let database: KongDatabase;
  let psql: Tool;
  const sessions: DatabaseSession[] = [];

  async function open(
    options: { config?: DatabaseConfig; password?: string; name?: string; signal?: AbortSignal } = {},
  ): Promise<DatabaseSession> {
    const opened = await openDatabase(run, options.config ?? database.config, {
      password: options.password ?? database.password,
      applicationName: options.name ?? 'kong-chatops B-1/test/1',
      workDir: database.workDir,
      psql,
      signal: options.signal,
    });
    sessions.push(opened);
    return opened;
  }

  beforeAll(async () => {
    psql = await findPsql(run);
    database = await kongDatabase(hasFixtures ? '3.9.1' : null);
  });
  afterAll(async () => {
    for (const session of sessions) await session.close();
    await database.drop();
  });

  test('knows the version and size of the server', async () => {
    const session = await open();
    expect(await session.serverVersion()).toEqual({ major: 15, text: expect.stringMatching(/^15\.\d+$/) as string });
    expect(await session.databaseBytes()).toBeGreaterThan(1_000_000);
  });

  test.skipIf(!hasFixtures)('counts every row of a real Kong database as recorded, and finds each table', async () => {
    const session = await open();
    const recorded = fixture('database-counts.json') as Record<string, number>;
    const sizes = await session.tableSizes();
    expect(Object.keys(sizes).toSorted()).toEqual(
      Object.keys(recorded)
        .map((table) => `public.${table}`)
        .toSorted(),
    );
    const counted = await session.countRows(Object.keys(sizes));
    expect(counted).toEqual(
      Object.fromEntries(Object.entries(recorded).map(([table, rows]) => [`public.${table}`, rows])),
    );
  });

  test.skipIf(!hasFixtures)('reads which migrations ran', async () => {
    const session = await open();
    const recorded = fixture('database-schema-meta.json') as { pending: string[] | null }[];
    expect(await session.schemaMeta()).toEqual(recorded.map((row) => ({ ...row, pending: row.pending ?? [] })));
  });

  test('answers null for migrations where there is no Kong', async () => {
    const empty = await kongDatabase(null);
    const session = await open({ config: empty.config, password: empty.password });
    expect(await session.schemaMeta()).toBeNull();
    expect(await session.tableSizes()).toEqual({});
    expect(await session.countRows([])).toEqual({});
    await session.close();
    await empty.drop();
  });

  test('tells odd names apart and never runs them', async () => {
    await withClient(database.url, (client) =>
      client.query(`CREATE SCHEMA "Odd"; CREATE TABLE "Odd"."a.b ""c"" :x '\\ é" (id int); INSERT INTO "Odd"."a.b ""c"" :x '\\ é" VALUES (1), (2);
        CREATE TABLE "Odd".parent (id int); CREATE TABLE "Odd".child () INHERITS ("Odd".parent); INSERT INTO "Odd".child VALUES (1)`),
    );
    const session = await open();
    const odd = Object.keys(await session.tableSizes()).filter((table) => table.startsWith('"Odd"'));
    expect(await session.countRows(odd)).toEqual({
      [`"Odd"."a.b ""c"" :x '\\ é"`]: 2,
      '"Odd".parent': 0,
      '"Odd".child': 1,
    });
    await expect(session.countRows(['public.services; DROP TABLE x'])).rejects.toThrow(
      'not the name of a table: public.services; DROP TABLE x',
    );
    await withClient(database.url, (client) => client.query('DROP SCHEMA "Odd" CASCADE'));
  });

  test('counts in the snapshot it exported, whatever is written meanwhile', async () => {
    await withClient(database.url, (client) => client.query('CREATE TABLE public.busy (id int)'));
    const session = await open();
    expect(await session.exportSnapshot()).toMatch(/^[0-9A-F]{8}-[0-9A-F]{8}-\d+$/);
    await withClient(database.url, (client) => client.query('INSERT INTO public.busy VALUES (1)'));
    expect(await session.countRows(['public.busy'])).toEqual({ 'public.busy': 0 });
    const another = await open();
    expect(await another.countRows(['public.busy'])).toEqual({ 'public.busy': 1 });
    await session.close();
    await withClient(database.url, (client) => client.query('DROP TABLE public.busy'));
  });

  test('names what a weaker role cannot read, sequences and row security included', async () => {
    const weak = await database.weakRole();
    await withClient(database.url, (client) =>
      client.query(`CREATE SCHEMA probe; GRANT USAGE ON SCHEMA probe TO ${weak.name};
        CREATE TABLE probe.mine (id serial); CREATE TABLE probe.theirs (id int);
        CREATE TABLE probe.rows (id int); ALTER TABLE probe.rows ENABLE ROW LEVEL SECURITY;
        GRANT SELECT ON probe.mine, probe.rows TO ${weak.name};
        CREATE SCHEMA closed; CREATE TABLE closed.hidden (id int); GRANT SELECT ON closed.hidden TO ${weak.name}`),
    );
    const unreadable = await (await open(weak)).canReadEverything();
    expect(unreadable.filter((table) => !table.startsWith('public.'))).toEqual([
      'closed.hidden',
      'probe.mine_id_seq',
      'probe.rows',
      'probe.theirs',
    ]);
    expect(await (await open()).canReadEverything()).toEqual([]);
    const { config } = weak;
    expect(await faultOf((await open(weak)).countRows(['probe.theirs']))).toEqual({
      code: 'database.forbidden',
      message: `The role may not do this on the database ${databasePlace(config)}. Reason: permission denied for table theirs`,
      hint: 'Let the owner of the tables grant it: GRANT SELECT ON ALL TABLES IN SCHEMA public TO the role (and ON ALL SEQUENCES), or use the owner.',
      retryable: false,
    });
    await withClient(database.url, (client) => client.query('DROP SCHEMA probe, closed CASCADE'));
  });

  test('goes on after an error of the server', async () => {
    const session = await open();
    expect(await faultOf(session.countRows(['public.no_such_table']))).toMatchObject({
      code: 'database.changed',
      retryable: true,
    });
    expect(await session.countRows([])).toEqual({});
  });

  test('answers questions asked at once in their order', async () => {
    const session = await open();
    const [version, bytes, sizes] = await Promise.all([
      session.serverVersion(),
      session.databaseBytes(),
      session.tableSizes(),
    ]);
    expect(version.major).toBe(15);
    expect(bytes).toBeGreaterThan(0);
    expect(typeof sizes).toBe('object');
  });

  test('ends the sessions of a dead predecessor and nobody else', async () => {
    const dead = await open({ name: 'kong-chatops B-7/dump-database/1' });
    const other = await open({ name: 'kong-chatops B-70/dump-database/1' });
    const successor = await open({ name: 'kong-chatops B-7/dump-database/2' });
    expect(await successor.endSessions('kong-chatops B-7/')).toBe(1);
    expect(await faultOf(dead.databaseBytes())).toEqual({
      code: 'database.lost',
      message: `The connection to the database ${databasePlace(database.config)} was lost. Reason: terminating connection due to administrator command`,
      hint: 'Look at the server log: it restarted, somebody ended the session, or the network failed. Then try again.',
      retryable: true,
    });
    expect(await other.databaseBytes()).toBeGreaterThan(0);
    expect(await successor.endSessions('kong-chatops B-7/')).toBe(0);
    await expect(successor.endSessions('')).rejects.toThrow('an empty prefix would end every session');
  });

  test('stops at once when aborted, with the reason of the abort', async () => {
    const abort = new AbortController();
    const session = await open({ signal: abort.signal });
    const waiting = session.databaseBytes();
    abort.abort(new Error('the run was cancelled'));
    await expect(waiting).rejects.toThrow('the run was cancelled');
    await expect(session.databaseBytes()).rejects.toThrow('the run was cancelled');
  });

  test('keeps the password out of arguments and environment', async () => {
    const env = await databaseEnvironment(run, database.config, {
      password: String.raw`se:cr\et`,
      applicationName: 'kong-chatops B-1/x/1',
      workDir: database.workDir,
    });
    expect(env['PGPASSFILE']).toEqual({ file: `${String.raw`*:*:*:*:se\:cr\\et`}\n` });
    expect(JSON.stringify({ ...env, PGPASSFILE: '' })).not.toContain('se:cr');
    const session = await open({ password: database.password });
    const seen = await run.run({ program: 'ps', args: ['-eo', 'args'] });
    expect(seen.stdout).not.toContain(database.password);
    expect(seen.stdout).toContain('--no-psqlrc');
    await session.close();
  });

  describe('that cannot be opened says why', () => {
    test('wrong password', async () => {
      const weak = await database.weakRole();
      expect(await faultOf(open({ config: weak.config, password: 'not the password' }))).toEqual({
        code: 'database.authentication',
        message: `The database ${databasePlace(weak.config)} did not accept the role or its password. Reason: password authentication failed for user "${weak.name}"`,
        hint: 'Correct user and password of the gateway in the configuration, and let pg_hba.conf admit them from this host.',
        retryable: false,
      });
    });

    test('no such database', async () => {
      const config = { ...database.config, name: 'no_such_database' };
      expect(await faultOf(open({ config }))).toMatchObject({
        code: 'database.no-database',
        hint: 'Correct the name in the configuration; it is pg_database in kong.conf.',
        retryable: false,
      });
    });

    test('nobody listens there', async () => {
      const server = createServer().listen(0, '127.0.0.1');
      await new Promise((done) => server.once('listening', done));
      const { port } = server.address() as AddressInfo;
      await new Promise((done) => server.close(done));
      const config = { ...database.config, port };
      expect(await faultOf(open({ config }))).toEqual({
        code: 'database.unreachable',
        message: `The database ${databasePlace(config)} does not answer. Reason: Connection refused`,
        hint: 'Check host and port in the configuration, the firewall between the bot and the database, and whether the server runs.',
        retryable: true,
      });
    });

    test('no such host', async () => {
      const config = { ...database.config, host: 'no-such-host.invalid' };
      expect(await faultOf(open({ config }))).toMatchObject({ code: 'database.unreachable', retryable: true });
    });

    test('encryption demanded of a server without it', async () => {
      const config = { ...database.config, ssl: 'require' as const };
      expect(await faultOf(open({ config }))).toMatchObject({
        code: 'database.tls',
        hint: 'Compare "ssl" and "ca_file" of the gateway in the configuration with what the server offers.',
        retryable: false,
      });
    });

    test('a password with a line end', async () => {
      expect(await faultOf(open({ password: 'two\nlines' }))).toMatchObject({
        code: 'database.password',
        hint: 'Look at the secret: a file with two lines, or a pasted line end.',
      });
    });

    test('psql is gone', async () => {
      const missing = { program: '/no/such/psql', version: '15.0' };
      const opening = openDatabase(run, database.config, {
        applicationName: 'x',
        workDir: database.workDir,
        psql: missing,
      });
      expect(await faultOf(opening)).toMatchObject({
        code: 'psql.failed',
        message: 'psql did not work: it is not installed any more.',
      });
    });
  });
});
