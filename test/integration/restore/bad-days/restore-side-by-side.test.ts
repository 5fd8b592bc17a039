import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { openServer } from '../../../../src/kong/database/database-admin.ts';
import { openDatabase } from '../../../../src/kong/database/database.ts';
import type { DatabaseSession } from '../../../../src/kong/database/database.ts';
import { findPsql } from '../../../../src/kong/dump/tools.ts';
import { localRunner } from '../../../../src/run-command/local.ts';
import { sideBySide } from '../../../../src/steps/side-by-side.ts';
import { kongDatabase } from '../../../support/kong/kong-database.ts';
import type { KongDatabase } from '../../../support/kong/kong-database.ts';
import { need } from '../../../support/need.ts';
import { withClient } from '../../../support/store/postgres.ts';

const run = localRunner();
const patient = { timeout: 20_000, interval: 50 };

describe.skipIf(!need('pg_dump'))('a restored copy that is counted and analyzed at once', () => {
  let database: KongDatabase;
  let scratch = '';
  beforeAll(async () => {
    database = await kongDatabase(null);
    scratch = `${database.config.name}_scratch`;
  });
  afterAll(async () => await database.drop());

  const access = () => ({
    password: database.password,
    applicationName: 'kong-chatops R-9/restore-scratch/1',
    workDir: database.workDir,
  });
  async function within<T>(signal: AbortSignal, work: (session: DatabaseSession) => Promise<T>): Promise<T> {
    const config = { ...database.config, name: scratch };
    const session = await openDatabase(run, config, { ...access(), psql: await findPsql(run), signal });
    try {
      return await work(session);
    } finally {
      await session.close();
    }
  }
  const maintenance = { maintenance: 'postgres' };

  test.each(['the count fails', 'the step is aborted'])(
    'leaves nothing that keeps it from being removed, where one of both hangs and %s',
    async (what) => {
      const server = await openServer(run, database.config, { ...access(), ...maintenance, psql: await findPsql(run) });
      await server.create(scratch, null);
      const url = new URL(database.url);
      url.pathname = `/${scratch}`;
      await withClient(url.href, async (client) => {
        await client.query('CREATE TABLE public.services (id int)');
        await client.query('BEGIN');
        // ANALYZE waits for it, a count does not.
        await client.query('LOCK TABLE public.services IN SHARE UPDATE EXCLUSIVE MODE');
        const stop = new AbortController();
        const hangs = () =>
          withClient(database.url, async (other) => {
            const { rows } = await other.query(
              `SELECT 1 FROM pg_stat_activity WHERE datname = $1 AND wait_event_type = 'Lock'`,
              [scratch],
            );
            expect(rows).toHaveLength(1);
          });
        const both = sideBySide(
          stop.signal,
          (signal) =>
            within(signal, async (session) => {
              await session.countRows(['public.services']);
              await vi.waitFor(hangs, patient);
              if (what === 'the count fails') throw new Error('counts differ');
              stop.abort(new Error('the lock is lost'));
              await session.countRows(['public.services']);
            }),
          (signal) => within(signal, (session) => session.analyze()),
        );
        await expect(both).rejects.toThrow(what === 'the count fails' ? 'counts differ' : 'the lock is lost');
        await client.query('ROLLBACK');
      });
      await server.drop(scratch);
      expect(await server.databases([scratch])).toEqual({});
      await server.close();
    },
  );
});
