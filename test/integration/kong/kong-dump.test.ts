import { readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { databaseEnvironment, databasePlace, openDatabase } from '../../../src/kong/database/database.ts';
import type { DatabaseEnvironment } from '../../../src/kong/database/database.ts';
import { pgDump, pgRestoreList, pgRestoreRead, plainTableName } from '../../../src/kong/dump/dump.ts';
import type { PgDump } from '../../../src/kong/dump/dump.ts';
import { findPostgresTools } from '../../../src/kong/dump/tools.ts';
import type { PostgresTools } from '../../../src/kong/dump/tools.ts';
import { localRunner } from '../../../src/run-command/local.ts';
import { fakePrograms } from '../../support/backup/fake-program.ts';
import { faultOf } from '../../support/fault-of.ts';
import { kongDatabase } from '../../support/kong/kong-database.ts';
import type { KongDatabase } from '../../support/kong/kong-database.ts';
import { need } from '../../support/need.ts';
import { withClient } from '../../support/store/postgres.ts';

const run = localRunner();

describe.skipIf(!need('pg_dump') || !need('pg_restore') || !need('fixtures'))(
  'the dump of a real Kong database',
  () => {
    let database: KongDatabase;
    let tools: PostgresTools;
    let env: DatabaseEnvironment;
    let folders = 0;
    const fakes = fakePrograms();

    function request(changes: Partial<PgDump> = {}): PgDump {
      folders += 1;
      return {
        pgDump: tools.pgDump,
        env,
        outDir: join(database.workDir, `dump-${folders}`),
        jobs: 2,
        snapshot: null,
        compressLevel: 1,
        tables: 0,
        ...changes,
      };
    }
    const access = () => ({
      password: database.password,
      applicationName: 'kong-chatops B-1/dump-database/1',
      workDir: database.workDir,
    });

    beforeAll(async () => {
      tools = await findPostgresTools(run, 15);
      database = await kongDatabase('3.9.1');
      env = await databaseEnvironment(run, database.config, access());
    });
    afterAll(async () => {
      fakes.remove();
      await database.drop();
    });

    test('holds the rows of the snapshot in which they were counted, and every table', async () => {
      const session = await openDatabase(run, database.config, { ...access(), psql: tools.psql });
      const snapshot = await session.exportSnapshot();
      const counted = await session.countRows(Object.keys(await session.tableSizes()));
      await withClient(database.url, (client) => client.query('DELETE FROM key_sets; DELETE FROM acls'));
      const dump = request({ snapshot });
      await pgDump(run, dump);
      await session.close();

      const list = await pgRestoreList(run, { pgRestore: tools.pgRestore, archive: dump.outDir });
      expect(list).toMatchObject({ database: database.config.name, format: 'directory' });
      expect(list.serverVersion).toMatch(/^15\.\d+$/);
      expect(list.dumpVersion).toBe(tools.pgDump.version);
      expect(list.tables.toSorted()).toEqual(Object.keys(counted).map(plainTableName).toSorted());

      const copy = await kongDatabase(null);
      const restored = await run.run({
        program: tools.pgRestore.program,
        args: ['--no-owner', '--no-privileges', '--exit-on-error', `--dbname=${copy.config.name}`, dump.outDir],
        env: await databaseEnvironment(run, copy.config, { ...access(), workDir: copy.workDir }),
      });
      expect(restored.stderr).toBe('');
      const check = await openDatabase(run, copy.config, { ...access(), workDir: copy.workDir, psql: tools.psql });
      expect(await check.countRows(Object.keys(counted))).toEqual(counted);
      expect(counted['public.acls']).toBeGreaterThan(0);
      await check.close();
      await copy.drop();
    });

    test.each([1, 2])('tells table by table how far it is, with %i jobs, and so does the full read', async (jobs) => {
      const seen: [number, number, string][] = [];
      const tables = 36;
      const dump = request({ jobs, tables, onTable: (...step) => seen.push(step) });
      await pgDump(run, dump);
      expect(seen.map(([, , name]) => name)).toContain('public.services');
      expect(seen.map(([done]) => done)).toEqual(seen.map(([done]) => done).toSorted((a, b) => a - b));
      expect(seen.every(([done, total]) => done <= total && total === tables)).toBe(true);
      const read: string[] = [];
      const archive = { pgRestore: tools.pgRestore, archive: dump.outDir, tables };
      await pgRestoreRead(run, { ...archive, onTable: (_done, _total, name) => read.push(name) });
      expect(read).toContain('public.services');
    });

    test('is refused as corrupt when a file is cut, missing, or the list of contents is damaged', async () => {
      const dump = request({ compressLevel: 6 });
      await pgDump(run, dump);
      const archive = { pgRestore: tools.pgRestore, archive: dump.outDir };
      const files = readdirSync(dump.outDir).filter((file) => file !== 'toc.dat');
      const largest = join(
        dump.outDir,
        files.toSorted(
          (a, b) => readFileSync(join(dump.outDir, b)).length - readFileSync(join(dump.outDir, a)).length,
        )[0] ?? '',
      );
      const whole = readFileSync(largest);
      truncateSync(largest, Math.floor(whole.length / 2));
      await pgRestoreList(run, archive);
      expect(await faultOf(pgRestoreRead(run, archive))).toMatchObject({
        code: 'archive.corrupt',
        message: expect.stringMatching(/^The dump .* cannot be read to its end: could not .*\.$/) as string,
        hint: 'Do not keep this dump. Look at the disk it was written to, then make a new backup.',
        retryable: false,
      });
      rmSync(largest);
      expect(await faultOf(pgRestoreRead(run, archive))).toMatchObject({ code: 'archive.corrupt' });
      writeFileSync(join(dump.outDir, 'toc.dat'), 'PGDMP');
      expect(await faultOf(pgRestoreList(run, archive))).toMatchObject({ code: 'archive.corrupt' });
    });

    test('stops at once when aborted, with the reason of the abort', async () => {
      const abort = new AbortController();
      const dump = request({ signal: abort.signal, onTable: () => abort.abort(new Error('the run was cancelled')) });
      await expect(pgDump(run, dump)).rejects.toThrow('the run was cancelled');
    });

    describe('that fails says why', () => {
      test('a role that may not read a table', async () => {
        const weak = await database.weakRole();
        const theirs = await databaseEnvironment(run, weak.config, { ...access(), password: weak.password });
        expect(await faultOf(pgDump(run, request({ env: theirs })))).toEqual({
          code: 'dump.forbidden',
          message: `The role may not read everything in ${databasePlace(weak.config)}: permission denied for table acls.`,
          hint: 'Let the owner of the tables grant it: GRANT SELECT ON ALL TABLES IN SCHEMA public TO the role (and ON ALL SEQUENCES), or use the owner.',
          retryable: false,
        });
        env = await databaseEnvironment(run, database.config, access());
      });

      test('a session ended by somebody in the middle', async () => {
        await withClient(database.url, (client) =>
          client.query('CREATE TABLE public.slow AS SELECT md5(n::text) AS text FROM generate_series(1, 400000) n'),
        );
        const ends: Promise<unknown>[] = [];
        const onTable = (_done: number, _total: number, name: string): void => {
          if (name !== 'public.slow') return;
          ends.push(
            withClient(database.url, (client) =>
              client.query(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'kong-chatops B-1/dump-database/1'",
              ),
            ),
          );
        };
        expect(await faultOf(pgDump(run, request({ jobs: 1, compressLevel: 9, onTable })))).toMatchObject({
          code: 'dump.lost',
          message: `The connection to ${databasePlace(database.config)} was lost during the dump: terminating connection due to administrator command.`,
          hint: 'Look at the server log: it restarted, somebody ended the session, or the network failed. Then try again.',
          retryable: true,
        });
        await Promise.all(ends);
        await withClient(database.url, (client) => client.query('DROP TABLE public.slow'));
      });

      test('a lock that somebody holds', async () => {
        await withClient(database.url, async (client) => {
          await client.query('BEGIN; LOCK TABLE public.services');
          expect(await faultOf(pgDump(run, request({ lockWaitSeconds: 0.2 })))).toEqual({
            code: 'dump.locked',
            message: `Somebody holds a lock in ${databasePlace(database.config)} that a dump must wait for (LOCK TABLE public.services IN ACCESS SHARE MODE).`,
            hint: 'Look for a running migration or an open transaction: SELECT * FROM pg_locks WHERE NOT granted. Then try again.',
            retryable: true,
          });
        });
      });

      test('a snapshot whose session is gone', async () => {
        expect(await faultOf(pgDump(run, request({ snapshot: '00000003-0000001B-1' })))).toEqual({
          code: 'dump.snapshot-gone',
          message: `The session that holds the snapshot of ${databasePlace(database.config)} ended before the dump had begun.`,
          hint: 'Look at the server log who ended it. Then try again.',
          retryable: true,
        });
      });

      test('a server that is not there', async () => {
        const nowhere = { ...env, PGPORT: '1' };
        expect(await faultOf(pgDump(run, request({ env: nowhere })))).toMatchObject({
          code: 'database.unreachable',
          message: `The database ${databasePlace({ ...database.config, port: 1 })} does not answer. Reason: Connection refused`,
          retryable: true,
        });
      });

      test('a folder that is there already', async () => {
        expect(await faultOf(pgDump(run, request({ outDir: database.workDir })))).toEqual({
          code: 'dump.failed',
          message: `pg_dump could not dump ${databasePlace(database.config)}: could not create directory "${database.workDir}": File exists.`,
          hint: 'Look at the server log.',
          retryable: false,
        });
      });

      // The real pg_dump says these words; a full disk and a server of the future cannot be had in a test.
      test.each([
        [
          'a full disk',
          'pg_dump: error: could not write to file: No space left on device\npg_dump: error: a worker process died unexpectedly',
          {
            code: 'dump.disk-full',
            message: 'The disk ran full while PLACE was dumped into FOLDER.',
            hint: 'Free space there (a dump needs at most the size of the database), then try again.',
            retryable: false,
          },
        ],
        [
          'a server newer than the tools',
          'pg_dump: error: aborting because of server version mismatch\npg_dump: detail: server version: 18.1; pg_dump version: 15.18',
          {
            code: 'dump.version',
            message: 'pg_dump 15.18 is older than the server of PLACE and refuses to dump it.',
            hint: "Install the PostgreSQL tools of the server's own major version.",
            retryable: false,
          },
        ],
      ])('%s', async (_name, words, expected) => {
        const program = fakes.write('pg_dump', `cat >&2 <<'END'\n${words}\nEND\nexit 1`);
        const dump = request({ pgDump: { program, version: '15.18' } });
        const message = expected.message
          .replace('PLACE', databasePlace(database.config))
          .replace('FOLDER', dump.outDir);
        expect(await faultOf(pgDump(run, dump))).toEqual({ ...expected, message });
      });

      test('a pg_dump that the system killed, and one that hangs', async () => {
        const killed = fakes.write('pg_dump', 'kill -KILL $$');
        expect(await faultOf(pgDump(run, request({ pgDump: { program: killed, version: '15.18' } })))).toMatchObject({
          code: 'dump.killed',
          message: `pg_dump was killed by SIGKILL while it dumped ${databasePlace(database.config)}.`,
          retryable: true,
        });
        const hangs = fakes.write('pg_dump', 'sleep 600');
        const hanging = request({ pgDump: { program: hangs, version: '15.18' }, timeoutMs: 100 });
        expect(await faultOf(pgDump(run, hanging))).toMatchObject({
          code: 'dump.timeout',
          message: `The dump of ${databasePlace(database.config)} took longer than allowed and was stopped.`,
          hint: 'Look for locks and a slow disk, or raise step_minutes in the configuration.',
          retryable: false,
        });
      });
    });
  },
);
