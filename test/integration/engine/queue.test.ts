import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { WakeQueue } from '../../../src/engine/ports.ts';
import { migrate } from '../../../src/postgres/migrate.ts';
import { connect, type Queues } from '../../../src/queue/connect.ts';
import { jobId } from '../../../src/queue/job-id.ts';
import type { QueueName } from '../../../src/runs/plan.ts';
import {
  startEmbeddedPostgres,
  THROW_AWAY_SETTINGS,
  type EmbeddedPostgres,
} from '../../../src/sandbox/embedded-postgres.ts';
import { need } from '../../support/need.ts';
import { freshDatabase, withClient } from '../../support/store/postgres.ts';
import { startRedis, type TestRedis } from '../../support/store/redis.ts';

interface Place {
  readonly urls: { databaseUrl: string; redisUrl?: string };
  /** Loses every job, as FLUSHALL or a restored database does. */
  empty(): Promise<void>;
  restart(): Promise<void>;
  stop(): Promise<void>;
}

const PLACES: [name: string, there: boolean, start: () => Promise<Place>][] = [
  ['PostgreSQL', true, onPostgres],
  ['Redis', need('redis-server'), onRedis],
];

for (const [name, there, start] of PLACES) {
  describe.skipIf(!there)(`queues on ${name}`, () => {
    let place: Place;
    let queues: Queues;
    const open: Queues[] = [];
    const errors: string[] = [];
    const connectHere = async (names: QueueName[] = ['backup', 'publish']): Promise<Queues> => {
      const connected = await connect({
        ...place.urls,
        queues: names,
        stalledMs: 1_000,
        onError: (error) => errors.push(error.message),
      });
      open.push(connected);
      return connected;
    };
    beforeAll(async () => {
      place = await start();
    });
    afterEach(async () => {
      for (const one of open.splice(0)) await one.close(0);
      errors.length = 0;
      await place.empty();
    });
    afterAll(() => place.stop());

    it('hand a wake to the worker of its queue, with the name that a dashboard shows', async () => {
      queues = await connectHere();
      queues.wakeQueue satisfies WakeQueue;
      expect(queues.backend).toBe(name);
      const seen: unknown[] = [];
      await queues.startWorker('backup', 2, async (...job) => void seen.push(['backup', ...job]));
      await queues.startWorker('publish', 2, async (...job) => void seen.push(['publish', ...job]));
      await queues.wakeQueue.wake({ queue: 'backup', runId: 'B-1', version: 3, name: 'preflight' });
      await expect.poll(() => seen).toEqual([['backup', 'B-1', 3, 'preflight']]);
      await queues.wakeQueue.wake({ queue: 'publish', runId: 'B-1', version: 3, name: 'draw' });
      await expect.poll(() => seen[1]).toEqual(['publish', 'B-1', 3, 'draw']);
    });

    it('make one job of the same wake twice', async () => {
      queues = await connectHere();
      const wake = { queue: 'backup', runId: 'B-1', version: 3, name: 'preflight' } as const;
      await Promise.all(Array.from({ length: 10 }, () => queues.wakeQueue.wake(wake)));
      await queues.wakeQueue.wake({ ...wake, version: 4 });
      expect((await queues.depths())['backup']?.['waiting']).toBe(2);
      expect((await queues.depths())['publish']?.['waiting']).toBe(0);
    });

    it('take the same wake again after it was handled, and after its handler threw', async () => {
      queues = await connectHere();
      let calls = 0;
      await queues.startWorker('backup', 1, async () => {
        calls += 1;
        if (calls === 2) throw new Error('a bug in the handler');
      });
      const wake = { queue: 'backup', runId: 'B-2', version: 1, name: 'preflight' } as const;
      for (const call of [1, 2, 3]) {
        await queues.wakeQueue.wake(wake);
        await expect.poll(() => calls).toBe(call);
        await expect.poll(() => left(queues, 'backup')).toBe(0);
      }
      expect(errors).toContain('a bug in the handler');
    });

    it('deliver a delayed wake when it is due, and do not let it swallow an immediate one', async () => {
      queues = await connectHere();
      const seen: string[] = [];
      await queues.startWorker(
        'backup',
        1,
        async (_run, version) => void seen.push(`${version} after ${Date.now() - began} ms`),
      );
      const began = Date.now();
      const wake = { queue: 'backup', runId: 'B-3', version: 1, name: 'preflight' } as const;
      await queues.wakeQueue.wake({ ...wake, delayMs: 700 });
      await queues.wakeQueue.wake(wake);
      await expect.poll(() => seen.length, { timeout: 10_000 }).toBe(2);
      expect(Number(/after (\d+)/.exec(seen[1] ?? '')?.[1])).toBeGreaterThanOrEqual(690);
    });

    it('lose nothing but jobs when they are emptied: a later wake of the same id works', async () => {
      queues = await connectHere();
      const seen: string[] = [];
      const wake = { queue: 'backup', runId: 'B-4', version: 1, name: 'preflight' } as const;
      await queues.wakeQueue.wake(wake);
      await place.empty();
      await queues.startWorker('backup', 1, async (runId) => void seen.push(runId));
      await queues.wakeQueue.wake(wake);
      await expect.poll(() => seen).toEqual(['B-4']);
      await place.empty();
      await queues.wakeQueue.wake(wake);
      await expect.poll(() => seen, { timeout: 10_000 }).toEqual(['B-4', 'B-4']);
    });

    it('survive a restarted server: workers come back and a later wake of the same id works', async () => {
      queues = await connectHere();
      let calls = 0;
      await queues.startWorker('backup', 1, async () => void (calls += 1));
      const wake = { queue: 'backup', runId: 'B-5', version: 1, name: 'preflight' } as const;
      await queues.wakeQueue.wake(wake);
      await expect.poll(() => calls).toBe(1);
      await place.restart();
      await expect
        .poll(
          async () => {
            await queues.wakeQueue.wake(wake);
            return calls;
          },
          { timeout: 20_000, interval: 200 },
        )
        .toBeGreaterThan(1);
    });

    it('give the job of a worker that let go of it to another one', async () => {
      const first = await connectHere();
      const second = await connectHere();
      const seen: string[] = [];
      let release = (): void => undefined;
      await first.startWorker('backup', 1, async () => {
        seen.push('first');
        await new Promise<void>((resolve) => (release = resolve));
      });
      await first.wakeQueue.wake({ queue: 'backup', runId: 'B-6', version: 1, name: 'dump-database' });
      await expect.poll(() => seen).toEqual(['first']);
      await first.close(0);
      await second.startWorker('backup', 1, async () => void seen.push('second'));
      await expect.poll(() => seen, { timeout: 15_000 }).toEqual(['first', 'second']);
      release();
    });

    it('wait for running jobs when they are closed', async () => {
      queues = await connectHere();
      let release = (): void => undefined;
      let done = false;
      await queues.startWorker('backup', 1, async () => {
        await new Promise<void>((resolve) => (release = resolve));
        done = true;
      });
      await queues.wakeQueue.wake({ queue: 'backup', runId: 'B-7', version: 1, name: 'dump-database' });
      await expect.poll(() => left(queues, 'backup', 'active')).toBe(1);
      const closed = queues.close(10_000);
      release();
      await closed;
      expect(done).toBe(true);
      const after = await connectHere();
      expect(await left(after, 'backup')).toBe(0);
    });
  });
}

describe('queues', () => {
  it('say where they looked when they do not answer', async () => {
    const away = 'postgresql://a:secret@127.0.0.1:1/x';
    await expect(connect({ databaseUrl: away, queues: ['backup'], onError: () => undefined })).rejects.toMatchObject({
      code: 'queue.unreachable',
      message: 'The queues on PostgreSQL do not answer.',
      hint: 'Check that PostgreSQL runs and DATABASE_URL leads to it, then start again.',
    });
  });

  it('on PostgreSQL want their tables first', async () => {
    const database = await freshDatabase();
    await expect(
      connect({ databaseUrl: database.botUrl, queues: ['backup'], onError: () => undefined }),
    ).rejects.toMatchObject({ code: 'store.not-migrated' });
    await database.drop();
  });

  it('on PostgreSQL hold one listening connection per worker and two more at most', async () => {
    const database = await freshDatabase({ migrated: true });
    const queues = await connect({
      databaseUrl: database.botUrl,
      queues: ['backup', 'publish'],
      onError: () => undefined,
    });
    let handled = 0;
    for (const queue of ['backup', 'publish'] as const)
      await queues.startWorker(queue, 4, async () => void (handled += 1));
    await Promise.all(
      Array.from({ length: 40 }, (_, i) =>
        queues.wakeQueue.wake({ queue: i % 2 ? 'backup' : 'publish', runId: `B-${i}`, version: 1, name: 'draw' }),
      ),
    );
    await expect.poll(() => handled).toBe(40);
    const { rows } = await withClient(database.superuserUrl, (client) =>
      client.query('SELECT count(*)::int AS n FROM pg_stat_activity WHERE datname = $1 AND usename = $2', [
        database.name,
        'kong_chatops',
      ]),
    );
    expect(rows[0].n).toBeLessThanOrEqual(4);
    await queues.close(1000);
    await database.drop();
  });

  it('name their jobs without a colon', () => {
    expect(jobId({ runId: 'B-142', version: 7, name: 'preflight' }, 0, 0)).toBe('B-142-7-preflight');
    expect(jobId({ runId: 'B-142', version: 7, name: 'a:b' }, 1500, 1_000_000)).toBe('B-142-7-a-b-at-1002');
  });
});

async function left(queues: Queues, queue: QueueName, state?: string): Promise<number> {
  const counts = (await queues.depths())[queue] ?? {};
  return state === undefined ? Object.values(counts).reduce((sum, n) => sum + n, 0) : (counts[state] ?? 0);
}

/** A server of its own, because it is restarted. */
async function onPostgres(): Promise<Place> {
  const server: EmbeddedPostgres = await startEmbeddedPostgres({ settings: THROW_AWAY_SETTINGS });
  await migrate({ ownerUrl: server.url, botUrl: server.url });
  return {
    urls: { databaseUrl: server.url },
    empty: () => withClient(server.url, (client) => client.query('DELETE FROM bullmq.job')).then(() => undefined),
    restart: () => server.restart(),
    stop: () => server.stop(),
  };
}

async function onRedis(): Promise<Place> {
  const redis: TestRedis = await startRedis();
  const { Redis } = await import('ioredis');
  return {
    urls: { databaseUrl: 'postgresql://unused@127.0.0.1:1/unused', redisUrl: redis.url },
    async empty() {
      const client = new Redis(redis.url);
      await client.flushall();
      client.disconnect();
    },
    restart: () => redis.restart(),
    stop: () => redis.stop(),
  };
}
