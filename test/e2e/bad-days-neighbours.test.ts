import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { execa } from 'execa';
import { Redis } from 'ioredis';
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { realPorts } from '../../src/cli/wiring.ts';
import { migrate } from '../../src/postgres/migrate.ts';
import {
  startEmbeddedPostgres,
  THROW_AWAY_SETTINGS,
  type EmbeddedPostgres,
} from '../../src/sandbox/embedded-postgres.ts';
import { STAGING } from '../../src/sandbox/kong/seed/gateway.ts';
import { seedKong } from '../../src/sandbox/kong/seed/seed.ts';
import { createKongSchema, startStandInKong, type StandInKong } from '../../src/sandbox/kong/stand-in.ts';
import { runIn } from '../../src/sandbox/tour/stage.ts';
import { BOB } from '../../src/sandbox/slack/cast.ts';
import { botWorld, type BotWorld } from '../support/bot-world.ts';
import { ran, testTerminal } from '../support/cli.ts';
import { need } from '../support/need.ts';
import { withClient } from '../support/store/postgres.ts';
import { startRedis, type TestRedis } from '../support/store/redis.ts';

const CLI = new URL('../../src/cli.ts', import.meta.url).pathname;
const tools = ['local-slack', 'deck', 'psql', 'pg_dump', 'pg_restore', 'redis-server', 'embedded-postgres'] as const;
const ready = tools.every((tool) => need(tool));
const PATIENT = { timeout: 20_000, interval: 20 };
const VERIFIED = /Every byte was read back and compared/;

describe.skipIf(!ready)('a bad day of what the bot stands on', () => {
  let store: EmbeddedPostgres;
  let kongs: EmbeddedPostgres;
  let kong: StandInKong;
  let redis: TestRedis;
  let world: BotWorld;
  beforeAll(async () => {
    const settings = THROW_AWAY_SETTINGS;
    [store, kongs, redis] = await Promise.all([
      startEmbeddedPostgres({ settings }),
      startEmbeddedPostgres({ settings }),
      startRedis(),
    ]);
    await withClient(store.url, (client) => client.query(`CREATE ROLE bot LOGIN PASSWORD 'made-up'`));
    const botUrl = new URL(store.url);
    botUrl.username = 'bot';
    botUrl.password = 'made-up';
    await migrate({ ownerUrl: store.url, botUrl: botUrl.href });
    await createKongSchema(kongs.url);
    await seedKong(kongs.url, STAGING);
    // Counters of the rate limiting plugin: enough for a dump of a second or two.
    await withClient(kongs.url, (client) =>
      client.query(
        `INSERT INTO ratelimiting_metrics (identifier, period, period_date, service_id, route_id, value)
         SELECT md5(n::text), 'minute', now() - n * interval '1 minute', gen_random_uuid(), gen_random_uuid(), n
           FROM generate_series(1, 400000) AS n`,
      ),
    );
    kong = await startStandInKong({ databaseUrl: kongs.url });
    const plain = { adminUrl: kong.url, databaseUrl: kongs.url };
    world = await botWorld({
      store: { botUrl: botUrl.href },
      // A PostgreSQL that was killed needs some seconds to recover, on a busy machine more.
      limits: { retry_seconds: 3 },
      gateways: [
        { ...plain, name: 'staging' },
        { ...plain, name: 'production', approvers: 1 },
      ],
    });
  });
  afterEach(async () => {
    world.slack.faults.clear();
    await world.slack.faults.restore();
    await world.stopAll();
  });
  afterAll(async () => {
    await world?.end();
    await kong?.stop();
    await Promise.all([store?.stop(), kongs?.stop(), redis?.stop()]);
  });

  /** A command of a person at a terminal, on the real thing. */
  const cli = (systemUser: string, ...args: string[]) =>
    ran(args, testTerminal({ systemUser, env: { ...world.written.env } }), realPorts);
  const dumpSessions = async (): Promise<readonly string[]> =>
    await withClient(kongs.url, async (client) => {
      const { rows } = await client.query<{ name: string }>(
        `SELECT application_name AS name FROM pg_stat_activity WHERE application_name LIKE 'kong-chatops%'`,
      );
      return rows.map(({ name }) => name);
    });
  /** The run once pg_dump dumps for it. */
  const dumping = async (runId: string, attempt = 1) =>
    await vi.waitFor(async () => {
      const { run } = await world.load(runId);
      expect(run.steps['dump-database']).toMatchObject({ status: 'running', attempt });
      // The session that holds the snapshot, and pg_dump's own.
      expect((await dumpSessions()).filter((name) => name.includes(`${runId}/`)).length).toBeGreaterThan(1);
      return run;
    }, PATIENT);
  const setsOf = async (gateway: string, runId: string) =>
    (await world.stored(gateway)).filter((name) => name.endsWith(`-${runId}`));
  const oneOfEach = async (runId: string): Promise<void> => {
    const slots = await world.slots(runId);
    expect(slots).toEqual([...new Set(slots)]);
  };

  test('Slack down at the start: the bot starts, the command line works, and Slack gets everything when it is back', async () => {
    await world.slack.faults.outage('refused');
    const bot = await world.start({ awaitSlack: false });
    const readyz = await fetch(`http://127.0.0.1:${bot.operationsPort}/readyz`);
    expect(readyz.status).toBe(503);
    expect(await readyz.json()).toMatchObject({ parts: { slack: { state: 'fail' }, database: { state: 'ok' } } });
    const asked = await cli('alice', 'backup', 'staging');
    expect(asked).toMatchObject({
      code: 0,
      err: 'Note: Slack does not answer: only members named in the configuration count, Slack user groups do not',
    });
    const runId = runIn(asked.out);
    await world.slack.faults.restore();
    expect(await world.ended(runId)).toMatch(VERIFIED);
    await oneOfEach(runId);
  });

  test('Slack down in the middle: the dump goes on, the vote comes by command line, each message is posted once', async () => {
    await world.start();
    const runId = await world.ask('production');
    await world.card(runId, 'waiting', (words) => words.includes('waits for a go'));
    await world.slack.faults.outage('unavailable');
    const voted = await cli('bob', 'approve', runId);
    expect(voted.code).toBe(0);
    await world.until(runId, 'over', (run) => run.outcome === 'succeeded');
    await world.slack.faults.restore();
    expect(await world.ended(runId)).toMatch(/Approved by Bob/);
    await oneOfEach(runId);
  });

  test('a lost response to every kind of post never posts twice', async () => {
    await world.start();
    world.slack.faults.loseResponse('chat.postMessage', 4);
    const runId = await world.ask('staging');
    expect(await world.ended(runId)).toMatch(VERIFIED);
    await oneOfEach(runId);
  });

  test('Redis flushed while people are waited for and while it dumps: nothing is lost', async () => {
    await world.configured({ redisUrl: redis.url });
    await world.start();
    const client = new Redis(redis.url);
    const runId = await world.ask('production');
    const card = await world.card(runId, 'waiting', (words) => words.includes('waits for a go'));
    await client.flushall();
    await world.press(BOB, card, 'gate.go');
    await client.flushall();
    await dumping(runId);
    await client.flushall();
    expect(await world.ended(runId)).toMatch(VERIFIED);
    client.disconnect();
    expect(await setsOf('production', runId)).toHaveLength(1);
    await world.configured({});
  });

  test('the bot’s own PostgreSQL restarted in the middle of a long step: interrupted, started again, one set', async () => {
    await world.start();
    const runId = await world.ask('staging');
    await dumping(runId);
    await store.restart();
    await dumping(runId, 2);
    const words = await world.ended(runId);
    expect(words).toMatch(VERIFIED);
    expect(words).toContain('Dump the database: done');
    expect(words).toContain('start 2 of 3');
    expect(await world.thread(runId)).toMatch(
      /“Dump the database” was interrupted \((its database session was lost|its worker was lost)\); it starts again by itself\./,
    );
    expect(await setsOf('staging', runId)).toHaveLength(1);
    expect(await dumpSessions()).toEqual([]);
  });

  test('the gateway’s database restarted during the dump: interrupted, started again, one set', async () => {
    await world.start();
    const runId = await world.ask('staging');
    await dumping(runId);
    await kongs.restart();
    expect(await world.ended(runId)).toMatch(VERIFIED);
    // Whichever notices first: the session that holds the snapshot, or the next one that wants to connect.
    expect(await world.thread(runId)).toMatch(
      /“Dump the database” was interrupted \(a neighbour did not answer\); it starts again by itself\. “The (?:connection to|database) /,
    );
    expect(await setsOf('staging', runId)).toHaveLength(1);
  });

  test('a worker killed by SIGKILL in the middle of a slow dump: no pg_dump and no session stay, another takes over', async () => {
    await world.start({ queues: ['publish'] });
    const worker = startWorker();
    const runId = await world.ask('staging');
    const { steps } = await dumping(runId);
    expect(steps['dump-database']?.startedBy).toMatchObject({ pid: worker.pid });
    await world.start({ bot: false, queues: ['backup'] });
    const killed = Date.now();
    worker.kill('SIGKILL');
    await once(worker, 'exit');
    await dumping(runId, 2);
    expect(Date.now() - killed).toBeLessThan(10_000);
    expect((await dumpSessions()).filter((name) => name.endsWith('/1'))).toEqual([]);
    // The wrapper that saw its worker die waits a moment for pg_dump to end politely.
    await vi.waitFor(async () => expect(await programsOf(`${runId}-dump-database-1`)).toEqual([]), PATIENT);
    expect(await world.ended(runId)).toMatch(VERIFIED);
    expect(await world.thread(runId)).toContain('“Dump the database” was interrupted (its worker was lost); it starts');
    expect(await setsOf('staging', runId)).toHaveLength(1);
    expect(await programsOf(runId)).toEqual([]);
    await oneOfEach(runId);
  });

  /** Command lines of programs of this machine that name the run's working folders. */
  const programsOf = async (name: string): Promise<readonly string[]> => {
    const { stdout } = await execa('ps', ['-eo', 'args=']);
    return stdout.split('\n').filter((line) => line.includes(`/${name}-`));
  };
  function startWorker(): ChildProcess {
    const env = { ...world.written.env, PATH: process.env['PATH'], HOME: world.folder, TMPDIR: world.folder };
    return spawn(process.execPath, [CLI, 'start', '--only', 'worker'], { env, stdio: 'ignore' });
  }
});
