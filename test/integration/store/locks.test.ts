import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { once } from 'node:events';
import type { Pool } from 'pg';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { createEventStore } from '../../../src/audit/store.ts';
import { listen, PROGRESS_CHANNEL, RUNS_CHANNEL } from '../../../src/postgres/listen.ts';
import { createStepLocks, type LockOptions, type StepLockSource } from '../../../src/postgres/lock.ts';
import { lockTiming } from '../../../src/postgres/lock-timing.ts';
import { createPool } from '../../../src/postgres/pool.ts';
import { createProgressBoard } from '../../../src/postgres/progress.ts';
import { startEmbeddedPostgres, THROW_AWAY_SETTINGS } from '../../../src/sandbox/embedded-postgres.ts';
import { migrate } from '../../../src/postgres/migrate.ts';
import { breakableLine } from '../../support/store/breakable-line.ts';
import { freshDatabase, withClient, type TestDatabase } from '../../support/store/postgres.ts';
import { appendRequest, AT } from '../../support/store/store-fixtures.ts';

let database: TestDatabase;
beforeAll(async () => {
  database = await freshDatabase({ migrated: true });
});
afterAll(() => database.drop());

const FROZEN = fileURLToPath(new URL('../../support/store/frozen-lock.ts', import.meta.url));

describe('the lock on a running step', () => {
  const sources: StepLockSource[] = [];
  const lockSource = (options: LockOptions): StepLockSource => {
    const source = createStepLocks(options);
    sources.push(source);
    return source;
  };
  afterEach(async () => {
    for (const source of sources.splice(0)) await source.close();
  });

  it('has one holder, and the next one when it is released', async () => {
    const locks = lockSource({ url: database.botUrl, heartbeatMs: 100 });
    const first = await locks.acquire('B-1');
    expect(first).not.toBeNull();
    expect(await locks.acquire('B-1')).toBeNull();
    const other = await locks.acquire('B-2');
    expect(other).not.toBeNull();
    await first?.release();
    const again = await locks.acquire('B-1');
    expect(again).not.toBeNull();
    await again?.release();
    await other?.release();
    expect(first?.lost.aborted).toBe(false);
  });

  it('lets one of 16 racing workers through', async () => {
    const locks = lockSource({ url: database.botUrl, heartbeatMs: 100 });
    const all = await Promise.all(Array.from({ length: 16 }, () => locks.acquire('B-3')));
    const held = all.filter((one) => one !== null);
    expect(held).toHaveLength(1);
    await held[0]?.release();
  });

  it('tells its holder when the server ends the session', async () => {
    const lock = await lockSource({ url: database.botUrl, heartbeatMs: 60_000 }).acquire('B-4');
    if (lock === null) throw new Error('nobody else holds it');
    const lost = once(lock.lost, 'abort');
    await endSessions(database, 'kong-chatops lock B-4');
    await lost;
    expect(lock.lost.reason).toMatchObject({ message: 'the lock on B-4 was lost: its database session broke' });
    await lock.release();
  });

  it('tells its holder about a silent line while the server still keeps the lock', async () => {
    const line = await breakableLine(database.botUrl);
    const lock = await lockSource({ url: line.url, heartbeatMs: 50 }).acquire('B-5');
    if (lock === null) throw new Error('nobody else holds it');
    const lost = once(lock.lost, 'abort');
    line.fallSilent();
    await lost;
    expect(lock.lost.reason).toMatchObject({ message: 'the lock on B-5 was lost: no answer for 1000 ms' });
    const others = lockSource({ url: database.botUrl, heartbeatMs: 60_000 });
    expect(await others.acquire('B-5')).toBeNull();
    await line.close();
    await lock.release();
  });

  it('frees the lock of a frozen process, whose kernel still answers for it', async () => {
    const holder = spawn(process.execPath, [FROZEN], {
      env: { LOCK_URL: database.botUrl },
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    await once(holder.stdout, 'data');
    holder.kill('SIGSTOP');
    const others = lockSource({ url: database.botUrl, heartbeatMs: 60_000 });
    // Heartbeats every 50 ms: 2 s + 3 * 1 s of silence (lock-timing.ts).
    let taken: Awaited<ReturnType<typeof others.acquire>> = null;
    const take = async () => (taken ??= await others.acquire('B-6')) !== null;
    await expect.poll(take, { timeout: 15_000, interval: 200 }).toBe(true);
    await (taken as Awaited<ReturnType<typeof others.acquire>>)?.release();
    holder.kill('SIGKILL');
    await once(holder, 'exit');
  });

  it('keeps the connection of a released lock for the next one, under its name', async () => {
    const locks = lockSource({ url: database.botUrl, heartbeatMs: 60_000 });
    await (await locks.acquire('B-7'))?.release();
    // Sessions of the tests before this one may still be on their way out.
    await expect.poll(async () => (await lockSessions(database)).length).toBe(1);
    const before = await lockSessions(database);
    const next = await locks.acquire('B-8');
    expect(before).toMatchObject([{ name: 'kong-chatops lock' }]);
    expect(await lockSessions(database)).toEqual([{ ...before[0], name: 'kong-chatops lock B-8' }]);
    await next?.release();
  });

  it('is not stopped by a kept connection that was cut meanwhile', async () => {
    const locks = lockSource({ url: database.botUrl, heartbeatMs: 60_000 });
    await (await locks.acquire('B-9'))?.release();
    await endSessions(database, 'kong-chatops lock');
    const next = await locks.acquire('B-9');
    expect(next?.lost.aborted).toBe(false);
    await next?.release();
  });

  it('does not wait for a kept connection that fell silent', async () => {
    const line = await breakableLine(database.botUrl);
    const locks = lockSource({ url: line.url, heartbeatMs: 60_000 });
    await (await locks.acquire('B-10'))?.release();
    line.fallSilent();
    line.speakAgain();
    const next = await locks.acquire('B-10');
    expect(next?.lost.aborted).toBe(false);
    await next?.release();
    await locks.close();
    await line.close();
  });

  it.each([100, 1000, 5000, 30_000])(
    'is given up by us before the server frees it (heartbeat %i ms)',
    (heartbeatMs) => {
      const { everyMs, answerMs, server } = lockTiming(heartbeatMs);
      const serverMs = (server.idleSeconds + server.intervalSeconds * server.count) * 1000;
      expect(serverMs).toBeGreaterThan(everyMs + answerMs);
      if (heartbeatMs <= 5000) expect(serverMs).toBeLessThanOrEqual(60_000);
    },
  );

  it('is a fault, not a hang, when the server is away', async () => {
    await expect(
      lockSource({ url: 'postgresql://a:b@127.0.0.1:1/x', heartbeatMs: 100 }).acquire('B-6'),
    ).rejects.toMatchObject({
      code: 'store.unreachable',
      retryable: true,
      message: 'The database of kong-chatops does not answer.',
      hint: 'Nothing was recorded by this attempt. Check that PostgreSQL runs and DATABASE_URL leads to it, then try again.',
    });
  });
});

describe('the listener', () => {
  const ends: (() => Promise<void>)[] = [];
  afterEach(async () => {
    for (const end of ends.splice(0).reverse()) await end();
  });

  it('hears of every append and of progress, by run id', async () => {
    const heard: string[] = [];
    const pool = testPool(database.botUrl);
    ends.push(() => pool.end());
    const listener = await listen({
      url: database.botUrl,
      channels: [RUNS_CHANNEL, PROGRESS_CHANNEL],
      onNotify: (channel, payload) => heard.push(`${channel} ${payload}`),
      onReconnect: () => heard.push('reconnected'),
      onLost: () => undefined,
    });
    ends.push(() => listener.close());
    await createEventStore(pool).append(appendRequest('L-1', 0));
    await createProgressBoard(pool).report({
      runId: 'L-1',
      step: 's',
      attempt: 1,
      done: 1,
      total: 2,
      unit: 'files',
      at: AT,
    });
    await expect.poll(() => heard).toEqual(['kong_chatops_runs L-1', 'kong_chatops_progress L-1']);
  });

  it('comes back after its session was ended, says so, and hears again', async () => {
    const heard: string[] = [];
    const pool = testPool(database.botUrl);
    ends.push(() => pool.end());
    const listener = await listen({
      url: database.botUrl,
      channels: [RUNS_CHANNEL],
      onNotify: (_channel, payload) => heard.push(payload),
      onReconnect: () => heard.push('reconnected'),
      onLost: (error) => heard.push(`lost: ${error.message}`),
    });
    ends.push(() => listener.close());
    await endSessions(database, 'kong-chatops listener');
    await expect.poll(() => heard.at(-1)).toBe('reconnected');
    await createEventStore(pool).append(appendRequest('L-2', 0));
    await expect.poll(() => heard.at(-1)).toBe('L-2');
    expect(heard[0]).toMatch(/^lost: /);
  });

  it('notices a line that fell silent without a word', async () => {
    const line = await breakableLine(database.botUrl);
    const heard: string[] = [];
    const listener = await listen({
      url: line.url,
      channels: [RUNS_CHANNEL],
      onNotify: () => undefined,
      onReconnect: () => heard.push('reconnected'),
      onLost: () => heard.push('lost'),
      heartbeatMs: 20,
      answerMs: 200,
    });
    ends.push(
      () => line.close(),
      () => listener.close(),
    );
    line.fallSilent();
    await expect.poll(() => heard[0], { timeout: 5000 }).toBe('lost');
    line.speakAgain();
    await expect.poll(() => heard.at(-1), { timeout: 10_000 }).toBe('reconnected');
  });
});

describe('a restarted server', () => {
  it('is survived by pool, listener and lock', async () => {
    const server = await startEmbeddedPostgres({ settings: THROW_AWAY_SETTINGS });
    await migrate({ ownerUrl: server.url, botUrl: server.url });
    const pool = testPool(server.url);
    const store = createEventStore(pool);
    const heard: string[] = [];
    const listener = await listen({
      url: server.url,
      channels: [RUNS_CHANNEL],
      onNotify: (_channel, payload) => heard.push(payload),
      onReconnect: () => heard.push('reconnected'),
      onLost: () => undefined,
    });
    const locks = createStepLocks({ url: server.url, heartbeatMs: 60_000 });
    const lock = await locks.acquire('S-1');
    await store.append(appendRequest('S-1', 0));
    // The server is stopped as by a crash: what it had not sent yet is lost with it.
    await expect.poll(() => heard).toEqual(['S-1']);
    const lost = lock === null ? null : once(lock.lost, 'abort');
    await server.restart();
    await lost;
    await expect.poll(() => heard).toEqual(['S-1', 'reconnected']);
    expect(await store.append(appendRequest('S-1', 1))).toMatchObject({ appended: true, version: 2 });
    const again = await locks.acquire('S-1');
    expect(again).not.toBeNull();
    await again?.release();
    await lock?.release();
    await locks.close();
    await listener.close();
    await pool.end();
    await server.stop();
  });
});

function testPool(url: string): Pool {
  return createPool({ url, applicationName: 'kong-chatops test', max: 4, onError: () => undefined });
}

async function endSessions(of: TestDatabase, applicationName: string): Promise<void> {
  await withClient(of.superuserUrl, (client) =>
    client.query(
      'SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1 AND application_name = $2',
      [of.name, applicationName],
    ),
  );
}

async function lockSessions(of: TestDatabase): Promise<{ pid: number; name: string }[]> {
  return await withClient(of.superuserUrl, async (client) => {
    const { rows } = await client.query<{ pid: number; name: string }>(
      `SELECT pid, application_name AS name FROM pg_stat_activity
        WHERE datname = $1 AND application_name LIKE 'kong-chatops lock%'`,
      [of.name],
    );
    return rows;
  });
}
