import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { databaseEnvironment, openDatabase } from '../../../src/kong/database/database.ts';
import { findPostgresTools } from '../../../src/kong/dump/tools.ts';
import type { PostgresTools } from '../../../src/kong/dump/tools.ts';
import { localRunner } from '../../../src/run-command/local.ts';
import { kongDatabase } from '../../support/kong/kong-database.ts';
import type { KongDatabase } from '../../support/kong/kong-database.ts';
import { need } from '../../support/need.ts';
import { withClient } from '../../support/store/postgres.ts';

const run = localRunner();
const patient = { timeout: 20_000, interval: 50 };
const source = (path: string): string => JSON.stringify(new URL(`../../../src/${path}`, import.meta.url).href);

describe.skipIf(!need('pg_dump') || !need('pg_restore'))('a worker killed by SIGKILL in the middle of a dump', () => {
  let database: KongDatabase;
  let tools: PostgresTools;

  beforeAll(async () => {
    tools = await findPostgresTools(run, 15);
    database = await kongDatabase(null);
    await withClient(database.url, (client) => client.query('CREATE TABLE public.services (id int)'));
  });
  afterAll(async () => await database.drop());

  async function sessionsOf(name: string): Promise<number> {
    return await withClient(database.url, async (client) => {
      const { rows } = await client.query<{ count: string }>(
        'SELECT count(*) FROM pg_stat_activity WHERE application_name = $1 AND datname = current_database()',
        [name],
      );
      return Number(rows[0]?.count);
    });
  }

  /** How many of them wait for a lock: only those does the server keep when their client is gone. */
  async function waitingOf(name: string): Promise<number> {
    return await withClient(database.url, async (client) => {
      const { rows } = await client.query<{ count: string }>(
        `SELECT count(*) FROM pg_stat_activity WHERE application_name = $1 AND wait_event_type = 'Lock'`,
        [name],
      );
      return Number(rows[0]?.count);
    });
  }

  async function startWorker(name: string, outDir: string): Promise<ChildProcess> {
    const access = { password: database.password, applicationName: name, workDir: database.workDir };
    const env = await databaseEnvironment(run, database.config, access);
    const request = { pgDump: tools.pgDump, env, outDir, jobs: 1, snapshot: null, compressLevel: 1, tables: 1 };
    const script = join(database.workDir, 'worker.ts');
    writeFileSync(
      script,
      `import { pgDump } from ${source('kong/dump/dump.ts')};
       import { localRunner } from ${source('run-command/local.ts')};
       await pgDump(localRunner(), ${JSON.stringify({ ...request, lockWaitSeconds: 600 })});`,
    );
    const worker = spawn(process.execPath, [script], { stdio: 'ignore' });
    await vi.waitFor(async () => expect(await waitingOf(name)).toBe(1), patient);
    return worker;
  }

  /** Ids of the programs that write into this folder. */
  async function programsFor(outDir: string): Promise<number[]> {
    const programs = await run.run({ program: 'ps', args: ['-eo', 'pid=,args='] });
    const lines = programs.stdout.split('\n').filter((line) => line.includes(`--file=${outDir}`));
    return lines.map((line) => Number.parseInt(line, 10));
  }

  test('leaves no program behind, and no session, because pg_dump is ended politely first (decision 9)', async () => {
    const name = 'kong-chatops B-9/dump-database/1';
    const outDir = join(database.workDir, 'dump-1');
    await withClient(database.url, async (client) => {
      await client.query('BEGIN; LOCK TABLE public.services');
      const worker = await startWorker(name, outDir);
      worker.kill('SIGKILL');
      await vi.waitFor(async () => expect(await programsFor(outDir)).toEqual([]), patient);
      await vi.waitFor(async () => expect(await sessionsOf(name)).toBe(0), patient);
    });
  });

  test('whose pg_dump is killed too leaves a session that waits for a lock; the successor ends it', async () => {
    const name = 'kong-chatops B-9/dump-database/2';
    const outDir = join(database.workDir, 'dump-2');
    await withClient(database.url, async (client) => {
      await client.query('BEGIN; LOCK TABLE public.services');
      const worker = await startWorker(name, outDir);
      for (const pid of await programsFor(outDir)) process.kill(pid, 'SIGKILL');
      worker.kill('SIGKILL');
      await vi.waitFor(async () => expect(await programsFor(outDir)).toEqual([]), patient);
      // The server does not look at a dead client's socket while it waits for a lock.
      expect(await sessionsOf(name)).toBe(1);
      const successor = await openDatabase(run, database.config, {
        password: database.password,
        applicationName: 'kong-chatops B-9/dump-database/3',
        workDir: database.workDir,
        psql: tools.psql,
      });
      expect(await successor.endSessions('kong-chatops B-9/dump-database/')).toBe(1);
      await successor.close();
      expect(await sessionsOf(name)).toBe(0);
    });
  });
});
