import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { STAGING } from '../src/sandbox/kong/seed/gateway.ts';
import { seedKong } from '../src/sandbox/kong/seed/seed.ts';
import { createKongSchema, startStandInKong } from '../src/sandbox/kong/stand-in.ts';
import { writeKongFiles } from '../src/sandbox/kong/prefix.ts';
import { need } from '../test/support/need.ts';
import { startRedis } from '../test/support/store/redis.ts';
import { ALICE, BOB, CHANNEL, TEAM, writeBotConfig } from './bot-config.ts';
import type { Order, Report } from './click-bot.ts';
import { atMost, percentile, round, type Check, type Findings } from './facts.ts';
import { startBenchSlack, type BenchSlack } from './slack.ts';
import { openStore } from './store.ts';

const BOT = fileURLToPath(new URL('click-bot.ts', import.meta.url));
const GATEWAYS = 20;
const ROUNDS = Number(process.env['BENCH_CLICK_ROUNDS'] ?? '6');
/** The first clicks meet a process that has compiled nothing yet; they do not count, nor do as many bare jobs. */
const WARM_UP = 10;
const PATIENCE_MS = 60_000;

/**
 * From the delivery of a go (signed, over HTTP) to `step.started` in the log, against BullMQ's own way from `add` to its
 * worker: in turns, between the same two processes (bot and worker, as docker-compose.yml splits them), on the same
 * backend.
 */
export async function benchClick(): Promise<Findings> {
  const onPostgres = await measure(null);
  if (!need('redis-server')) return { facts: { onPostgres }, checks: [checkOf('PostgreSQL', onPostgres)] };
  const redis = await startRedis();
  try {
    const onRedis = await measure(redis.url);
    return {
      facts: { onPostgres, onRedis },
      checks: [checkOf('PostgreSQL', onPostgres), checkOf('Redis', onRedis)],
    };
  } finally {
    await redis.stop();
  }
}

interface Measured {
  readonly samples: number;
  /** Milliseconds from the delivery of the click. */
  readonly acknowledged: Spread;
  readonly voteAppended: Spread;
  readonly stepStarted: Spread;
  /** Milliseconds from `add` to the processor. */
  readonly bareBullMq: Spread;
  /** stepStarted / bareBullMq at p95. */
  readonly ratio: number;
}
interface Spread {
  readonly p50: number;
  readonly p95: number;
}

function checkOf(backend: string, { ratio }: Measured): Check {
  return atMost(`${backend}: click to step started / BullMQ's add-to-process, p95`, ratio, 3);
}

async function measure(redisUrl: string | null): Promise<Measured> {
  const folder = await mkdtemp(join(tmpdir(), 'kong-chatops-bench-'));
  const store = await openStore();
  const gateway = await openGateway(folder, await store.emptyDatabase('kong'));
  let port = 0;
  const slack = await startBenchSlack(() => port);
  try {
    const env = await writeBotConfig({
      folder,
      databaseUrl: store.botUrl,
      redisUrl: redisUrl ?? undefined,
      slackApiUrl: slack.apiUrl,
      mode: 'http',
      slackPort: 0,
      operationsPort: 0,
      gateways: names.map((name) => ({ name, ...gateway.config })),
      limits: { edit_seconds: 0.2 },
      secrets: { KONG_PG_PASSWORD: gateway.password },
    });
    const bot = await startBot(env);
    try {
      port = bot.slackPort;
      return await sample(bot, slack);
    } finally {
      await bot.stop();
    }
  } finally {
    await slack.stop();
    await gateway.stop();
    await store.stop();
    await rm(folder, { recursive: true, force: true });
  }
}

const names = Array.from({ length: GATEWAYS }, (_, n) => `gateway-${n + 1}`);

/** One small Kong; every gateway of the configuration is this one. */
async function openGateway(folder: string, databaseUrl: string) {
  await createKongSchema(databaseUrl);
  await seedKong(databaseUrl, STAGING);
  const kong = await startStandInKong({ databaseUrl });
  const { hostname: host, port, pathname, username: user, password } = new URL(databaseUrl);
  const where = { host, port: Number(port), name: pathname.slice(1), user };
  const files = await writeKongFiles(folder, { database: { ...where, password } });
  return {
    password,
    config: {
      environment: 'production',
      admin_api: { url: kong.url },
      database: { ...where, password: { env: 'KONG_PG_PASSWORD' }, ssl: 'disable' },
      files: { kong_conf: files.conf, prefix: files.prefix },
      allow_gaps: ['declarative'],
      approvals: { backup: { groups: [{ group: 'approvers', minimum: 1 }] } },
    },
    stop: () => kong.stop(),
  };
}

async function sample(bot: Bot, slack: BenchSlack): Promise<Measured> {
  const clicks: Click[] = [];
  const bare: number[] = [];
  for (let round = 0; round < ROUNDS; round += 1) {
    for (const gateway of names)
      bot.tell({ do: 'request', gateway, person: `${TEAM}/${ALICE}`, key: `${gateway}-${round}` });
    const waiting = await bot.waitFor((seen) => seen.filter(isShown).length >= GATEWAYS * (round + 1));
    // The last notes in the threads.
    await pause(1000);
    for (const { runId } of waiting.filter(isShown).slice(-GATEWAYS)) {
      // Both are about an idle bot.
      await pause(100);
      clicks.push(await click(bot, slack, runId));
      bot.tell({ do: 'cancel', runId, person: `${TEAM}/${ALICE}` });
      await bot.waitFor((seen) => seen.some((one) => one.runId === runId && one.what === 'message.settled ended'));
      await pause(100);
      bare.push(await bot.addBare());
    }
  }
  const counted = clicks.slice(WARM_UP);
  const stepStarted = spread(counted.map((one) => one.started));
  const bareBullMq = spread(bare.slice(WARM_UP));
  return {
    samples: counted.length,
    acknowledged: spread(counted.map((one) => one.acknowledged)),
    voteAppended: spread(counted.map((one) => one.voted)),
    stepStarted,
    bareBullMq,
    ratio: round(stepStarted.p95 / bareBullMq.p95),
  };
}

interface Click {
  readonly acknowledged: number;
  readonly voted: number;
  readonly started: number;
}

async function click(bot: Bot, slack: BenchSlack, runId: string): Promise<Click> {
  const began = process.hrtime.bigint();
  const press = { actionId: 'gate.go', value: `${runId}.g1`, user: BOB, channel: CHANNEL, key: `go-${runId}` };
  const acknowledged = await slack.press({ ...press, messageTs: '1.1' });
  const isStart = (one: Seen): boolean => one.runId === runId && one.what === 'step.started dump-database';
  const seen = await bot.waitFor((all) => all.some(isStart));
  const since = (is: (one: Seen) => boolean): number => Number((seen.find(is)?.at ?? 0n) - began) / 1e6;
  return {
    acknowledged,
    voted: since((one) => one.runId === runId && one.what === 'vote.cast'),
    started: since(isStart),
  };
}

function isShown({ what }: Seen): boolean {
  return what.startsWith('message.posted needs-you:');
}

interface Seen {
  readonly runId: string;
  readonly what: string;
  readonly at: bigint;
}

interface Bot {
  readonly slackPort: number;
  tell(order: Order): void;
  waitFor(enough: (seen: readonly Seen[]) => boolean): Promise<readonly Seen[]>;
  /** Milliseconds from `add` in the bot's process to the processor in the worker's. */
  addBare(): Promise<number>;
  stop(): Promise<void>;
}

/** A bot and a worker, each in a process of its own. */
async function startBot(env: NodeJS.ProcessEnv): Promise<Bot> {
  const [bot, worker] = [startChild('bot', env), startChild('worker', env)];
  const seen: Seen[] = [];
  for (const child of [bot, worker]) {
    child.on('message', (report: Report) => {
      if (report.is === 'appended') seen.push({ ...report, at: BigInt(report.at) });
    });
  }
  const [up] = await Promise.all([reportOf(bot, 'up'), reportOf(worker, 'up')]);
  return {
    slackPort: up.slackPort,
    tell: (order) => void bot.send(order),
    waitFor: async (enough) => {
      const until = Date.now() + PATIENCE_MS;
      while (!enough(seen)) {
        await pause(1);
        if (Date.now() < until) continue;
        const last = seen.slice(-8).map(({ runId, what }) => `${runId} ${what}`);
        throw new Error(`the bot went no further; last: ${last.join(', ')}`);
      }
      return seen;
    },
    addBare: async () => {
      const [adding, processed] = [reportOf(bot, 'adding'), reportOf(worker, 'processed')];
      bot.send({ do: 'add' } satisfies Order);
      return Number(BigInt((await processed).at) - BigInt((await adding).at)) / 1e6;
    },
    stop: async () => {
      const exits = [bot, worker].map((child) => once(child, 'exit'));
      for (const child of [bot, worker]) child.send({ do: 'stop' } satisfies Order);
      await Promise.all(exits);
    },
  };
}

function startChild(role: 'bot' | 'worker', env: NodeJS.ProcessEnv): ChildProcess {
  return fork(BOT, { env: { ...env, BENCH_ROLE: role }, execArgv: [], stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
}

async function reportOf<Is extends Report['is']>(child: ChildProcess, is: Is): Promise<Extract<Report, { is: Is }>> {
  return await new Promise((resolve, reject) => {
    const late = setTimeout(() => reject(new Error(`no report "${is}" within ${PATIENCE_MS / 1000} s`)), PATIENCE_MS);
    const hear = (report: Report): void => {
      if (report.is !== is) return;
      child.off('message', hear);
      clearTimeout(late);
      resolve(report as Extract<Report, { is: Is }>);
    };
    child.on('message', hear);
  });
}

function spread(values: readonly number[]): Spread {
  return { p50: round(percentile(values, 0.5)), p95: round(percentile(values, 0.95)) };
}
