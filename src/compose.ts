import { hostname } from 'node:os';
import type { Pool } from 'pg';
import type { Config } from './config/schema.ts';
import type { EngineDeps } from './engine/deps.ts';
import type { OperationsDeps } from './engine/commands/operations-deps.ts';
import type { EventStore, Operations, PeopleDirectory, ProgressBoard, StepLocks } from './engine/ports.ts';
import type { Watch } from './engine/watch/ports.ts';
import type { Log } from './operations/log.ts';
import type { RunCommand } from './run-command/command.ts';
import type { Actor } from './runs/person.ts';
import type { QueueName, StepQueue } from './runs/plan.ts';
import { encryptionOf } from './backup/encryption/encryption.ts';
import { readRows } from './audit/read-rows.ts';
import { recordHead } from './audit/heads.ts';
import { createEventStore } from './audit/store.ts';
import { catalogue, type CatalogueEntry } from './backup/set/catalogue.ts';
import { createEngine, type Engine } from './engine/advance.ts';
import { rememberFolds } from './engine/commands/folds.ts';
import { lastVerifiedBackup } from './engine/last-verified.ts';
import { recallingStore } from './engine/recall.ts';
import { createOperations } from './engine/commands/operations.ts';
import { openWorkRoot, type WorkRoot } from './run-command/work-folders.ts';
import { openWatch } from './engine/watch/open.ts';
import { engineGateway } from './gateway-plans.ts';
import { createMetrics, type Metrics } from './operations/metrics.ts';
import { createStepLocks } from './postgres/lock.ts';
import { createPool } from './postgres/pool.ts';
import { createProgressBoard } from './postgres/progress.ts';
import { connect as connectQueues, type Queues } from './queue/connect.ts';
import { localRunner } from './run-command/local.ts';
import { runnerFor } from './run-command/runner-for.ts';
import { QUEUES } from './runs/plan.ts';
import { openDestination } from './steps/deps.ts';
import { stepsFor } from './steps/steps.ts';
import { VERSION } from './version.ts';
import { watchPorts, watchSources } from './watched-gateways.ts';

/** What every process of the bot has, whatever it serves: the store, the queues, the engine, people's operations. */
export interface Core {
  readonly config: Config;
  readonly log: Log;
  readonly pool: Pool;
  readonly store: EventStore;
  readonly board: ProgressBoard;
  readonly queues: Queues;
  readonly engine: Engine;
  readonly operations: Operations;
  readonly metrics: Metrics;
  /** What the clock asks for: schedules, alarms, retention. */
  readonly watch: Watch;
  readonly self: Actor;
  /** Waits so long for running steps, then hands them over; ends every connection. */
  close(graceMs: number): Promise<void>;
}

export interface CoreOptions {
  readonly people: PeopleDirectory;
  /** Queues whose steps this process carries out. */
  readonly serves: readonly StepQueue[];
  /** Shown in pg_stat_activity: `bot`, `worker`, `cli`. */
  readonly role: string;
  /** Wraps the append port: a test's way to kill the process right after an append. */
  readonly wrapStore?: ((store: EventStore) => EventStore) | undefined;
  /** Runs programs near gateways; the local machine's unless a test gives another. */
  readonly runner?: RunCommand | undefined;
}

/** Builds the core. Connects lazily but for the queues; throws a Fault when those cannot be reached. */
export async function compose(config: Config, options: CoreOptions, log: Log): Promise<Core> {
  const { DATABASE_URL: url, REDIS_URL: redisUrl } = config.environment;
  const pool = createPool({
    url,
    applicationName: `kong-chatops ${options.role}`,
    onError: (error) => log.warn({ err: error }, 'lost an idle connection to the store'),
  });
  const store = recallingStore(wrapped(createEventStore(pool), options, (result) => metrics.appendTried(result)));
  const board = createProgressBoard(pool);
  const queues = await connectQueues({
    databaseUrl: url,
    ...(redisUrl === undefined ? {} : { redisUrl }),
    queues: QUEUES,
    mayBeAway: options.role === 'cli',
    // A dead worker's job blocks the next wake of the same name until the queue gives it up: as patient as the lock.
    stalledMs: Math.max(config.limits.heartbeat_seconds * 1000, 2000),
    onError: (error) => log.warn({ err: error }, queueTrouble(options.role)),
  });
  const metrics: Metrics = createMetrics({
    version: VERSION,
    sources: metricSources(config, store, queues, () => opened.watch),
  });
  const self: Actor = { kind: 'bot', host: hostname(), pid: process.pid };
  const folders = openWorkRoot();
  const locks = createStepLocks({ url, heartbeatMs: config.limits.heartbeat_seconds * 1000 });
  const parts: Parts = { config, log, store, board, queues, metrics, pool, self };
  const engine = createEngine(engineDeps(parts, options, { folders, locks }));
  const asked: OperationsDeps = {
    store,
    folds: rememberFolds(store),
    board,
    people: options.people,
    gateways: config.gateways.map((gateway) => engineGateway(config, gateway, options.serves)),
    configDigest: config.digest,
    clock: now,
    storedSets: (gateway) => storedSets(config, gateway),
    coordinate: (run) => engine.coordinate(run.id, run).catch((error: unknown) => notWoken(log, run.id, error)),
    readAudit: async (query) => (await readRows(pool, query)).rows,
    onRefusal: (code) => metrics.refused(code),
  };
  const opened = openWatch(asked, { ports: watchPorts(config), self, log });
  const operations = createOperations(asked, opened);
  const close = async (graceMs: number): Promise<void> => {
    await engine.stop(graceMs);
    await queues.close(1000);
    await locks.close();
    await pool.end();
    folders.close();
  };
  return { ...parts, engine, operations, watch: opened.watch, close };
}

function queueTrouble(role: string): string {
  return role === 'cli'
    ? 'the queue does not answer; what you do is recorded all the same, and a running worker finds it by itself'
    : 'a queue had trouble';
}

/** What was recorded stands; the sweep wakes the run again. */
function notWoken(log: Log, runId: string, error: unknown): void {
  log.warn({ err: error, runId }, 'nobody could be woken; the sweep will');
}

type Parts = Pick<Core, 'config' | 'log' | 'store' | 'board' | 'queues' | 'metrics' | 'pool' | 'self'>;

interface Grounds {
  readonly folders: WorkRoot;
  readonly locks: StepLocks;
}

function engineDeps(parts: Parts, options: CoreOptions, { folders, locks }: Grounds): EngineDeps {
  const { config, log, store, board, queues, metrics, pool, self } = parts;
  const { runner } = options;
  const sign = () => recordHead(pool, config.secret(config.signing.private_key), self, now().toISOString());
  return {
    store,
    board,
    queue: queues.wakeQueue,
    locks,
    stepsFor: stepsFor({
      config,
      runnerFor: runner === undefined ? runnerFor : () => runner,
      worker: localRunner(),
      clock: now,
      head: sign,
      encryption: encryptionOf(config, localRunner()),
    }),
    clock: now,
    log,
    host: hostname(),
    pid: process.pid,
    folders,
    retrySeconds: config.limits.retry_seconds,
    serves: new Set(options.serves),
    onAttempt: ({ runId, step, outcome, seconds }) => {
      metrics.stepEnded(step, outcome, seconds);
      log.info({ runId, step, outcome, seconds }, 'a step ended');
    },
  };
}

const now = (): Date => new Date();

function wrapped(store: EventStore, options: CoreOptions, tried: (result: string) => void): EventStore {
  const inner = options.wrapStore?.(store) ?? store;
  return {
    ...inner,
    append: async (request) => {
      const result = await inner.append(request);
      tried(result.appended ? 'appended' : result.because);
      return result;
    },
  };
}

function metricSources(config: Config, store: EventStore, queues: Queues, watch: () => Watch) {
  return {
    ...watchSources(config, watch),
    queueDepths: async () => {
      const depths = Object.entries(await queues.depths());
      return Object.fromEntries(depths.map(([queue, states]) => [queue, states['waiting'] ?? 0]));
    },
    activeRuns: async () => (await store.findRuns({ active: true, limit: 1000 })).length,
    lastVerified: async () =>
      await Promise.all(
        config.gateways.map(async ({ name }) => {
          const at = (await lastVerifiedBackup(store, name))?.verifiedAt ?? null;
          return { gateway: name, at: at === null ? null : new Date(at) };
        }),
      ),
  };
}

/** What lies in the destinations of a gateway now; nothing is remembered of it. */
async function storedSets(config: Config, name: string): Promise<readonly CatalogueEntry[]> {
  const names = config.gateways.find((gateway) => gateway.name === name)?.destinations ?? [];
  return await catalogue(
    names.map((destination) => openDestination(config, destination)),
    name,
    now(),
  );
}

/** Queues that carry steps; `publish` carries drawing. */
export function stepQueues(queues: readonly QueueName[]): readonly StepQueue[] {
  return queues.filter((queue): queue is StepQueue => queue !== 'publish');
}
