import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { setTimeout as pause } from 'node:timers/promises';
import { createEventStore } from '../src/audit/store.ts';
import { createPool } from '../src/postgres/pool.ts';
import { freePort } from '../src/sandbox/with-parent.ts';
import { need } from '../test/support/need.ts';
import { startRedis } from '../test/support/store/redis.ts';
import { ALICE, writeBotConfig } from './bot-config.ts';
import { startBotProcess } from './bot-process.ts';
import { atLeast, atMost, percentile, round, type Findings } from './facts.ts';
import { startBenchSlack, type BenchSlack } from './slack.ts';
import { openStore, type BenchStore } from './store.ts';

const GATEWAYS = 40;
const PER_SECOND = 50;
const SECONDS = Number(process.env['BENCH_ACK_SECONDS'] ?? '60');
/** An answer may come so long after the last command: a backup's waits up to 2 s for its card. */
const ANSWER_MS = 10_000;

/**
 * 50 signed slash commands a second for a minute, four of five `/kong-status` of all 40 gateways, one `/kong-backup`,
 * to `kong-chatops start --only bot`: how fast each is acknowledged, and whether each is answered. No worker runs, so
 * the 40 runs wait and every further backup is answered with the run that is there.
 */
export async function benchAck(): Promise<Findings> {
  const onPostgres = await measure(null);
  if (!need('redis-server')) return { facts: { onPostgres }, checks: checksOf('PostgreSQL', onPostgres) };
  const redis = await startRedis();
  try {
    const onRedis = await measure(redis.url);
    return {
      facts: { onPostgres, onRedis },
      checks: [...checksOf('PostgreSQL', onPostgres), ...checksOf('Redis', onRedis)],
    };
  } finally {
    await redis.stop();
  }
}

interface Measured {
  readonly commands: number;
  readonly perSecond: number;
  readonly ackMs: Spread;
  /** From the delivery of a `/kong-status` to its answer. */
  readonly statusAnswerMs: Spread;
  readonly acknowledged: number;
  readonly answeredOnce: number;
  readonly runs: number;
  readonly runsExpected: number;
  /** How late the event loops were, p99: the bot's, and this process's, whose lateness counts against the bot. */
  readonly loopLateMs: { readonly bot: number; readonly bench: number };
  /** Of one core, while the commands came: what it used, and how long it was ready to run and had to wait for others. */
  readonly botCpuShare: number;
  readonly botWaitedShare: number;
}

interface Spread {
  readonly p50: number;
  readonly p95: number;
  readonly p99: number;
  readonly max: number;
}

function checksOf(backend: string, measured: Measured) {
  return [
    atMost(`${backend}: command acknowledged, p99`, measured.ackMs.p99, 50, 'ms'),
    atLeast(`${backend}: commands acknowledged and answered once`, measured.answeredOnce, measured.commands),
    atLeast(`${backend}: runs for the gateways asked for`, measured.runs, measured.runsExpected),
  ];
}

async function measure(redisUrl: string | null): Promise<Measured> {
  const folder = await mkdtemp(join(tmpdir(), 'kong-chatops-bench-'));
  const store = await openStore();
  const [slackPort, operationsPort] = [await freePort(), await freePort()];
  const slack = await startBenchSlack(() => slackPort);
  try {
    const env = await writeBotConfig({
      folder,
      databaseUrl: store.botUrl,
      slackApiUrl: slack.apiUrl,
      mode: 'http',
      slackPort,
      operationsPort,
      redisUrl: redisUrl ?? undefined,
      gateways: names.map((name) => ({ name, environment: 'staging', admin_api: { url: 'http://127.0.0.1:1' } })),
    });
    const bot = await startBotProcess(['--only', 'bot'], env, operationsPort);
    try {
      const loop = monitorEventLoopDelay({ resolution: 1 });
      const before = await botFacts(operationsPort, bot.pid);
      loop.enable();
      const sent = await deliver(slack);
      loop.disable();
      const after = await botFacts(operationsPort, bot.pid);
      await allAnswered(slack, sent);
      return {
        ...(await summary(slack, store, sent)),
        loopLateMs: { bot: round(after.loopLateMs), bench: round(loop.percentile(99) / 1e6) },
        botCpuShare: round((after.cpuSeconds - before.cpuSeconds) / SECONDS),
        botWaitedShare: round((after.waitedSeconds - before.waitedSeconds) / SECONDS),
      };
    } finally {
      await bot.stop();
      if (bot.log() !== '') process.stderr.write(`the bot said: ${bot.log()}\n`);
    }
  } finally {
    await slack.stop();
    await store.stop();
    await rm(folder, { recursive: true, force: true });
  }
}

interface Sent {
  readonly key: string;
  readonly asks: 'status' | 'backup';
  readonly at: number;
  /** NaN when it was not acknowledged. */
  ackMs: number;
}

/** Keeps its schedule whatever the bot does: a slow answer does not slow the next command down. */
async function deliver(slack: BenchSlack): Promise<Sent[]> {
  const sent: Sent[] = [];
  const deliveries: Promise<void>[] = [];
  const began = performance.now();
  for (let i = 0; i < PER_SECOND * SECONDS; i += 1) {
    const due = began + (i * 1000) / PER_SECOND;
    await pause(Math.max(0, due - performance.now()));
    const backup = i % 5 === 4;
    const one: Sent = { key: `trigger-${i}`, asks: backup ? 'backup' : 'status', at: performance.now(), ackMs: NaN };
    sent.push(one);
    const words = backup ? (names[Math.floor(i / 5) % GATEWAYS] ?? '') : '';
    const delivery = slack.command(`/kong-${one.asks}`, words, one.key, ALICE).then(
      (ms) => void (one.ackMs = ms),
      () => undefined,
    );
    deliveries.push(delivery);
  }
  await Promise.all(deliveries);
  return sent;
}

const names = Array.from({ length: GATEWAYS }, (_, n) => `gateway-${n + 1}`);

async function allAnswered(slack: BenchSlack, sent: readonly Sent[]): Promise<void> {
  const until = performance.now() + ANSWER_MS;
  while (performance.now() < until && sent.some(({ key }) => !slack.answers.has(key))) await pause(100);
}

async function summary(slack: BenchSlack, store: BenchStore, sent: readonly Sent[]) {
  const acknowledged = sent.filter(({ ackMs }) => !Number.isNaN(ackMs));
  const answers = (one: Sent) => slack.answers.get(one.key) ?? [];
  const statuses = sent.filter(({ asks }) => asks === 'status');
  return {
    commands: sent.length,
    perSecond: PER_SECOND,
    ackMs: spread(acknowledged.map(({ ackMs }) => ackMs)),
    statusAnswerMs: spread(statuses.flatMap((one) => answers(one).map(({ at }) => at - one.at))),
    acknowledged: acknowledged.length,
    answeredOnce: acknowledged.filter((one) => answers(one).length === 1 && !isBug(answers(one)[0]?.text)).length,
    runs: await countRuns(store.botUrl),
    runsExpected: Math.min(GATEWAYS, sent.length - statuses.length),
  };
}

/** How late its event loop is, by its own `/metrics`, and its time on a core and in the queue for one, by the kernel. */
async function botFacts(port: number, pid: number) {
  const answer = await fetch(`http://127.0.0.1:${port}/metrics`);
  const late = /^nodejs_eventloop_lag_p99_seconds (\S+)$/m.exec(await answer.text())?.[1];
  const [ran = 0, waited = 0] = (await readFile(`/proc/${pid}/schedstat`, 'utf8')).split(' ').map(Number);
  return { loopLateMs: Number(late) * 1000, cpuSeconds: ran / 1e9, waitedSeconds: waited / 1e9 };
}

function isBug(text = ''): boolean {
  return text.startsWith('Something went wrong');
}

async function countRuns(url: string): Promise<number> {
  const pool = createPool({ url, applicationName: 'bench', max: 1, onError: () => undefined });
  const runs = await createEventStore(pool).findRuns({ limit: 10_000 });
  await pool.end();
  return runs.length;
}

function spread(values: readonly number[]): Spread {
  const at = (share: number): number => round(percentile(values, share));
  return { p50: at(0.5), p95: at(0.95), p99: at(0.99), max: at(1) };
}
