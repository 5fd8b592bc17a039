import { execFileSync } from 'node:child_process';
import { createWriteStream, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { databaseEnvironment, openDatabase } from '../../../src/kong/database/database.ts';
import type { DatabaseSession } from '../../../src/kong/database/database.ts';
import { deckChanges } from '../../../src/kong/deck/deck-changes.ts';
import type { DeckOptions } from '../../../src/kong/deck/deck-environment.ts';
import { deckFor } from '../../../src/kong/deck/deck.ts';
import { pgRestoreList, pgRestoreRead } from '../../../src/kong/dump/dump.ts';
import { takeFiles } from '../../../src/kong/files/files.ts';
import { findDeck, findPostgresTools, findPsql } from '../../../src/kong/dump/tools.ts';
import type { RunCommand } from '../../../src/run-command/command.ts';
import { localRunner } from '../../../src/run-command/local.ts';
import { openRunner } from '../../../src/run-command/runner-for.ts';
import { containerClients } from '../../support/backup/container-clients.ts';
import { faultOf } from '../../support/fault-of.ts';
import { kongDatabase } from '../../support/kong/kong-database.ts';
import type { KongDatabase } from '../../support/kong/kong-database.ts';
import { need } from '../../support/need.ts';
import { withClient } from '../../support/store/postgres.ts';
import { recordedKong } from '../../support/kong/recorded-kong.ts';
import { startSshd } from '../../support/backup/sshd.ts';
import type { Place } from './contract.ts';

const local = localRunner();
const everyArgument = (): string => execFileSync('ps', ['-eo', 'args='], { encoding: 'utf8', maxBuffer: 1 << 26 });

const PLACES: readonly (readonly [string, () => Promise<Place> | Place])[] = [
  ['local', () => ({ place: { kind: 'local' } })],
  [
    'ssh',
    async () => {
      const sshd = await startSshd();
      return { place: sshd.place, end: async () => await sshd.stop() };
    },
  ],
  [
    'docker',
    () => {
      const clients = containerClients();
      return { place: clients.docker, path: clients.path, end: () => clients.remove() };
    },
  ],
  [
    'kubectl',
    () => {
      const clients = containerClients();
      return { place: clients.kubectl, path: clients.path, end: () => clients.remove() };
    },
  ],
];

describe.skipIf(!need('sshd') || !need('pg_dump') || !need('psql') || !need('fixtures')).each(PLACES)(
  'a Kong whose commands run by %s',
  (name, openPlace) => {
    let where: Place;
    let run: RunCommand;
    let database: KongDatabase;
    let folder = '';

    beforeAll(async () => {
      where = await openPlace();
      run = openRunner(where.place, where);
      database = await kongDatabase('3.9.1');
      folder = mkdtempSync(join(tmpdir(), 'kong-nearby-'));
    });
    afterAll(async () => {
      await where.end?.();
      await database.drop();
      rmSync(folder, { recursive: true, force: true });
    });

    async function open(applicationName = `test ${name}`): Promise<DatabaseSession> {
      const access = { password: database.password, applicationName, workDir: database.workDir };
      return await openDatabase(run, database.config, { ...access, psql: await findPsql(run) });
    }

    test('psql is held open there, and a dump of its snapshot streams to the worker and counts the same', async () => {
      const session = await open();
      const server = await session.serverVersion();
      const tools = await findPostgresTools(run, server.major);
      const snapshot = await session.exportSnapshot();
      const before = await session.countRows(['public.services']);
      await withClient(database.url, (client) => client.query('CREATE TABLE public.too_late (id int)'));
      const access = { password: database.password, applicationName: 'dump', workDir: database.workDir };
      const running = run.start({
        program: tools.pgDump.program,
        args: ['--format=custom', '--compress=0', '--no-password', `--snapshot=${snapshot}`],
        env: await databaseEnvironment(run, database.config, access),
      });
      running.stdin.end();
      const archive = join(folder, 'archive');
      await pipeline(running.stdout, createWriteStream(archive));
      expect(everyArgument()).not.toContain(database.password);
      expect(await running.done).toMatchObject({ exitCode: 0, stderr: '' });
      expect(await session.countRows(['public.services'])).toEqual(before);
      await session.close();

      const { pgRestore } = await findPostgresTools(local, server.major);
      const list = await pgRestoreList(local, { pgRestore, archive });
      expect(list.format).toBe('custom');
      expect(list.tables).toContain('public.services');
      expect(list.tables).not.toContain('public.too_late');
      await pgRestoreRead(local, { pgRestore, archive });
    });

    test('a dump that fails there arrives with its own exit code and words', async () => {
      const { pgDump } = await findPostgresTools(run, 15);
      const access = { password: database.password, applicationName: 'dump', workDir: database.workDir };
      const env = await databaseEnvironment(run, { ...database.config, name: 'no_such_database' }, access);
      const finished = await run.run({ program: pgDump.program, args: ['--no-password'], env });
      expect(finished.exitCode).toBe(1);
      expect(finished.stderr).toContain('database "no_such_database" does not exist');
    });

    test('a wrong password is told by the database, not by the way there', async () => {
      const weak = await database.weakRole();
      const access = { password: 'wrong', applicationName: 'test', workDir: database.workDir };
      const psql = await findPsql(run);
      expect(await faultOf(openDatabase(run, weak.config, { ...access, psql }))).toMatchObject({
        code: expect.stringMatching(/^database\./) as string,
        message: expect.stringContaining('password authentication failed') as string,
      });
    });

    test('cancelling a statement ends its session on the server', async () => {
      const abort = new AbortController();
      const applicationName = `cancelled ${name}`;
      const psql = await findPsql(run);
      const access = { password: database.password, applicationName, workDir: database.workDir, psql };
      const session = await openDatabase(run, database.config, { ...access, signal: abort.signal });
      const sessions = async (): Promise<unknown> =>
        await withClient(database.url, async (client) => {
          const { rows } = await client.query('SELECT 1 FROM pg_stat_activity WHERE application_name = $1', [
            applicationName,
          ]);
          return rows.length;
        });
      expect(await sessions()).toBe(1);
      abort.abort(new Error('the run was cancelled'));
      await expect(session.serverVersion()).rejects.toThrow('the run was cancelled');
      await vi.waitFor(async () => expect(await sessions()).toBe(0), { timeout: 10_000, interval: 50 });
      await session.close();
    });

    test("Kong's files are read there", async () => {
      const prefix = join(folder, "prefix of 'kong'");
      mkdirSync(join(prefix, 'ssl'), { recursive: true });
      writeFileSync(join(folder, 'kong.conf'), `prefix = ${prefix}\npg_password = verysecret\n`);
      writeFileSync(join(prefix, 'nginx.conf'), 'events {}\n', { mode: 0o640 });
      writeFileSync(join(prefix, '.kong_env'), 'pg_password = verysecret\n');
      const taken = await takeFiles(run, { kongConf: join(folder, 'kong.conf'), prefix });
      const nginx = taken.files.find(({ path }) => path.endsWith('nginx.conf'));
      expect(nginx).toMatchObject({ content: Buffer.from('events {}\n'), mode: 0o640 });
      expect(taken.files.map(({ content }) => content.toString()).join('')).not.toContain('verysecret');
    });

    test.skipIf(!need('deck'))('decK runs there, and its files stay on the worker', async () => {
      const kong = await recordedKong('3.9.1');
      const options: DeckOptions = {
        run,
        deck: await findDeck(run),
        gateway: 'production',
        url: kong.url,
        token: `token-${name}`,
        edition: 'community',
        workDir: folder,
        requestTimeoutMs: 5000,
        timeoutMs: 20_000,
      };
      const deck = deckFor(options);
      expect(await deck.ping()).toBe('3.9.1');
      expect(kong.asked.at(-1)?.headers['kong-admin-token']).toBe(`token-${name}`);
      const outFile = join(folder, 'dump.yaml');
      const dumped = await deck.dump({ workspace: null, outFile, withId: true });
      const text = readFileSync(outFile, 'utf8');
      expect(dumped.bytes).toBe(Buffer.byteLength(text));
      expect(text).toMatch(/^_format_version: "3\.0"\n/);
      const same = { file: outFile, workspace: null, skipCaCertificates: false };
      expect(await deckChanges(options).differences(same)).toEqual([]);
      await kong.close();
    });
  },
);
