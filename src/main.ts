import { hostname } from 'node:os';
import type { Config } from './config/schema.ts';
import type { EventStore, Operations } from './engine/ports.ts';
import type { Log } from './operations/log.ts';
import type { RunCommand } from './run-command/command.ts';
import type { QueueName } from './runs/plan.ts';
import type { PublishTimes } from './slack/publish/ports.ts';
import type { Core } from './compose.ts';
import type { SlackSide } from './slack-side.ts';
import { recordHead } from './audit/heads.ts';
import { startSweep } from './engine/sweep.ts';
import { startTicking } from './engine/watch/ticking.ts';
import { operationsServer } from './operations/server.ts';
import { protectionReport, type Probe } from './operations/readiness.ts';
import { checkStore, type StoreCheck } from './postgres/check.ts';
import { listen, PROGRESS_CHANNEL, RUNS_CHANNEL } from './postgres/listen.ts';
import { compose, stepQueues } from './compose.ts';
import { openSlackSide, peopleForCli, peopleOf } from './slack-side.ts';

export interface StartOptions {
  /** Slack's commands and clicks, drawing and posting (the queue `publish`), App Home, the hourly signed head. */
  readonly bot: boolean;
  /** Queues whose steps this process carries out. */
  readonly queues: readonly QueueName[];
  /** A stop waits for running steps, however long they take. */
  readonly drain: boolean;
}

/** For tests and the sandbox only. */
export interface StartHooks {
  readonly wrapStore?: (store: EventStore) => EventStore;
  /** Runs programs near gateways instead of the local runner: a tool that breaks as a test wants it to. */
  readonly runner?: RunCommand;
  /** How long an intent to post without an outcome is left alone. Shorter than a post can take is safe only in tests. */
  readonly publishTimes?: Partial<PublishTimes>;
  /** Port of the events endpoint in HTTP mode and of the operations endpoint, instead of the configured ones. */
  readonly operationsPort?: number;
}

export interface Running {
  readonly operations: Operations;
  readonly operationsPort: number;
  /** Port of the events endpoint in HTTP mode. */
  readonly slackPort: number | null;
  /** Finishes or hands over within `limits.shutdown_seconds`; nothing is lost. */
  stop(): Promise<void>;
}

/** Jobs of a queue at once in one process: an hour-long dump must not keep the others' clocks from being heard. */
const CONCURRENCY = 4;
const HEAD_EVERY_MS = 3_600_000;

/** The same operations as Slack has, without Slack's connection: for the command line. */
export async function connect(config: Config, log: Log): Promise<{ operations: Operations; close(): Promise<void> }> {
  // Said before anything else is tried: whatever lies on it would blame itself.
  await checkStore(config.environment.DATABASE_URL);
  const people = await peopleForCli(config, log);
  const core = await compose(config, { people, serves: [], role: 'cli' }, log);
  return { operations: core.operations, close: () => core.close(0) };
}

/** Starts the bot, a worker, or both. Resolves once everything is up, or throws a Fault that says what is not. */
export async function start(config: Config, options: StartOptions, log: Log, hooks: StartHooks = {}): Promise<Running> {
  const checked = await checkStore(config.environment.DATABASE_URL);
  const serves = stepQueues(options.queues);
  const role = options.bot ? 'bot' : 'worker';
  const { wrapStore, runner } = hooks;
  const core = await compose(config, { people: peopleOf(config, log), serves, role, wrapStore, runner }, log);
  const up: (() => Promise<void>)[] = [() => core.close(graceMs(config, options))];
  const stop = async (): Promise<void> => {
    // What started last stops first; one that fails to stop keeps nobody else from stopping.
    for (const close of up.splice(0).reverse()) {
      await close().catch((error: unknown) => log.error({ err: error }, 'a part did not stop well'));
    }
  };
  try {
    await recordConfig(core, role);
    return { ...(await startParts(core, checked, options, hooks, up)), operations: core.operations, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** Which configuration is in force belongs to the audit: policies and groups stand in it (behaviour 9, decision 1). */
async function recordConfig({ store, self, config }: Core, role: string): Promise<void> {
  const data = { digest: config.digest, process: `${role} on ${hostname()}` };
  await store.appendSystem({ type: 'config.loaded', at: new Date().toISOString(), actor: self, data });
}

async function startParts(
  core: Core,
  checked: StoreCheck,
  options: StartOptions,
  hooks: StartHooks,
  up: (() => Promise<void>)[],
): Promise<Pick<Running, 'operationsPort' | 'slackPort'>> {
  const { config, log, engine, queues } = core;
  const slack = options.bot ? openSlackSide(core, hooks.publishTimes) : null;
  if (slack !== null) up.push(() => slack.stop());

  const ears = await startListening(core, slack);
  up.push(() => ears.close());
  const sweep = startSweep({ store: core.store, queue: queues.wakeQueue, log }, engine, config.limits.sweep_seconds);
  up.push(() => sweep.stop());
  const onReconnect = (): void => {
    sweep.once().catch((error: unknown) => log.warn({ err: error }, 'sweep failed; the next one tries again'));
  };
  ears.onReconnect(onReconnect);

  for (const queue of stepQueues(options.queues)) {
    await queues.startWorker(queue, CONCURRENCY, (runId) => engine.work(runId));
  }
  if (slack !== null) {
    await queues.startWorker('publish', CONCURRENCY, (runId) => slack.draw(runId));
    up.push(signHourly(core));
  }
  // Every process looks at the clock: where there is no Slack there is no bot. Each time gets one answer, whoever is first.
  const look = async (): Promise<void> => {
    await core.watch.tick();
    await slack?.tellAlarms();
  };
  const ticking = startTicking(look, config.limits.sweep_seconds, log);
  up.push(() => ticking.stop());

  const probes = probesOf(core, checked, slack, ears);
  const { host, port } = config.operations;
  const server = operationsServer({ host, port: hooks.operationsPort ?? port, probes, metrics: core.metrics, log });
  const listening = await server.start();
  up.push(() => server.stop());
  const slackPort = (await slack?.start()) ?? null;
  // Whatever happened while nobody was here.
  onReconnect();
  log.info({ bot: options.bot, queues: options.queues, operations: listening.port }, 'kong-chatops is up');
  return { operationsPort: listening.port, slackPort };
}

/** Leaves a few seconds of the shutdown for what comes after the steps. */
function graceMs(config: Config, { drain }: StartOptions): number {
  return drain ? Number.POSITIVE_INFINITY : Math.max(0, config.limits.shutdown_seconds - 10) * 1000;
}

interface Ears {
  heard(): boolean;
  onReconnect(then: () => void): void;
  close(): Promise<void>;
}

/** Hears of every append and of progress: aborts what is wanted no more, has cards drawn. */
async function startListening(core: Core, slack: SlackSide | null): Promise<Ears> {
  const { engine, log } = core;
  const quietly = (what: Promise<unknown>): void => {
    what.catch((error: unknown) => log.warn({ err: error }, 'a notification could not be followed'));
  };
  let heard = true;
  let then: () => void = () => undefined;
  const listener = await listen({
    url: core.config.environment.DATABASE_URL,
    channels: [RUNS_CHANNEL, PROGRESS_CHANNEL],
    onNotify: (channel, runId) => {
      if (channel === RUNS_CHANNEL) {
        quietly(engine.changed(runId));
        slack?.changed();
      }
      // Straight to the publisher, which gathers: a notification reaches every bot, a lost one costs one sweep.
      slack?.drawSoon(runId);
    },
    onReconnect: () => {
      heard = true;
      then();
    },
    onLost: (error) => {
      heard = false;
      log.warn({ err: error }, 'lost the listening connection; coming back');
    },
  });
  return {
    heard: () => heard,
    onReconnect: (given) => {
      then = given;
    },
    close: () => listener.close(),
  };
}

/** A head of the trail signed every hour is a witness that nothing before it changed (behaviour 9.3). */
function signHourly({ pool, config, self, log }: Core): () => Promise<void> {
  const timer = setInterval(() => {
    const key = config.secret(config.signing.private_key);
    recordHead(pool, key, self, new Date().toISOString()).catch((error: unknown) =>
      log.error({ err: error }, 'the head of the audit trail could not be signed'),
    );
  }, HEAD_EVERY_MS);
  return () => Promise.resolve(clearInterval(timer));
}

function probesOf(core: Core, checked: StoreCheck, slack: SlackSide | null, ears: Ears): readonly Probe[] {
  return [
    {
      name: 'database',
      check: async () => {
        await core.pool.query('SELECT 1');
        return protectionReport(checked.protection === 'triggers alone');
      },
    },
    {
      name: 'queue',
      check: async () => {
        await core.queues.depths();
        return { state: 'ok', detail: `${core.queues.backend} answers` };
      },
    },
    {
      name: 'listener',
      check: async () =>
        ears.heard()
          ? { state: 'ok', detail: 'hears of every append' }
          : { state: 'fail', detail: 'the listening connection is lost', hint: 'It comes back with the database.' },
    },
    ...(slack === null ? [] : [{ name: 'slack', check: async () => slack.report() }]),
  ];
}
