import { fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp } from 'node:fs/promises';
import { join } from 'node:path';
import { Client } from 'pg';
import { describe, expect, it } from 'vitest';
import { refOf } from '../../../src/steps/deps.ts';
import { dumpDatabase } from '../../../src/steps/backup/dump-database.ts';
import { preflight } from '../../../src/steps/preflight/preflight.ts';
import { need } from '../../support/need.ts';
import { withClient } from '../../support/store/postgres.ts';
import { makeWorld } from './steps-world.ts';
import type { Doomed } from './steps-killed-worker.ts';

const ready = [need('fixtures'), need('psql'), need('pg_dump'), need('pg_restore')].every(Boolean);

describe.skipIf(!ready)('a worker that is killed in the middle of a dump', () => {
  it('leaves nothing that counts; its successor ends what it left on the server and makes the dump', async () => {
    const world = await makeWorld({ kinds: ['database'] });
    await world.perform('preflight', preflight);
    const [destination] = world.deps.destinations;
    const ref = refOf(world.run());
    const name = `kong-chatops ${world.run().id}/dump-database/1`;
    const sessions = async (more = ''): Promise<number> =>
      withClient(world.superuserUrl, async (client) => {
        const { rows } = await client.query<{ n: number }>(
          `SELECT count(*)::int AS n FROM pg_stat_activity WHERE application_name LIKE $1 ${more}`,
          [`${name}%`],
        );
        return rows[0]?.n ?? 0;
      });

    const worker = fork(join(import.meta.dirname, 'steps-killed-worker.ts'), {
      env: { PATH: process.env['PATH'], PG_PASSWORD: world.deps.secret({ env: 'PG_PASSWORD' }) },
      stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
    });
    const blocker = new Client({ connectionString: world.superuserUrl });
    const left = new Client({ connectionString: world.databaseUrl, application_name: name });
    left.on('error', () => undefined);
    await blocker.connect();
    try {
      const doomed: Doomed = {
        gateway: world.deps.gateway,
        limits: world.deps.limits,
        run: world.run(),
        root: world.roots[0] ?? '',
        workDir: await mkdtemp(join(world.home, 'doomed-')),
      };
      // Makes the dump slow: pg_dump, and nothing else here, reads this catalogue and waits for it.
      await blocker.query('BEGIN; LOCK TABLE pg_catalog.pg_largeobject_metadata IN ACCESS EXCLUSIVE MODE');
      worker.send(doomed);
      await expect.poll(() => sessions(`AND wait_event_type = 'Lock'`)).toBeGreaterThanOrEqual(1);
      worker.kill('SIGKILL');
      await once(worker, 'exit');
      expect(await destination?.stagedArtifacts(ref)).toEqual([]);
      expect(await destination?.listSets('production')).toEqual([]);

      // The programs of a killed worker end their sessions; those of a machine that lost its power cannot.
      await left.connect();
      const context = await world.context('dump-database', { attempt: 2 });
      await dumpDatabase(world.deps).takeOver?.(context);
      expect(await sessions()).toBe(0);
      await blocker.query('COMMIT');
      await world.perform('dump-database', dumpDatabase, { attempt: 2 });
      expect(await destination?.stagedArtifacts(ref)).toHaveLength(1);
    } finally {
      worker.kill('SIGKILL');
      await Promise.all([blocker.end(), left.end()]);
      await world.end();
    }
  });
});
