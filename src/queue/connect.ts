import { setTimeout as sleep } from 'node:timers/promises';
import { SchemaMigrationRequiredError } from 'bullmq';
import { notMigrated } from '../postgres/fault.ts';
import { Fault } from '../runs/fault.ts';
import type { QueueName } from '../runs/plan.ts';
import { postgresBackend, redisBackend, type Backend, type BullQueue } from './backend.ts';
import { unreachable } from './fault.ts';
import { jobId } from './job-id.ts';
import { onceAMinute } from './once-a-minute.ts';
import { startWorkerOn, type Handler, type RunningWorker } from './worker.ts';

export interface ConnectOptions {
  readonly databaseUrl: string;
  /** Set: BullMQ runs on Redis. Left out: on PostgreSQL. */
  readonly redisUrl?: string;
  readonly queues: readonly QueueName[];
  /** Lost connections, failed wakes, handlers that threw. For the log; nothing here ends the process. */
  readonly onError: (error: Error) => void;
  /** The queues may be away: whoever serves none can record all the same, and the sweep wakes. Default false. */
  readonly mayBeAway?: boolean;
  /** A job whose worker died is given to another one after this time at most twice over. Default 15 s. */
  readonly stalledMs?: number;
}

/** As `Wake` of engine/ports.ts. */
export interface WakeRequest {
  readonly queue: QueueName;
  readonly runId: string;
  readonly version: number;
  readonly name: string;
  readonly delayMs?: number;
}

export type Depths = Readonly<Record<string, Readonly<Record<string, number>>>>;

export interface Queues {
  /** `PostgreSQL` or `Redis`. */
  readonly backend: string;
  /** Fits `WakeQueue` of engine/ports.ts. Never rejects: a lost wake is logged and costs one sweep. */
  readonly wakeQueue: { wake(wake: WakeRequest): Promise<void> };
  /** Serves a queue, at most `concurrency` jobs at once. One worker per queue and process. */
  startWorker(queue: QueueName, concurrency: number, handler: Handler): Promise<void>;
  /** Jobs per queue and state (`waiting`, `active`, `delayed` …). */
  depths(): Promise<Depths>;
  /** Takes no more jobs, waits for the running ones for `graceMs`, then lets go of them and disconnects. */
  close(graceMs: number): Promise<void>;
}

const WAKE_TIMEOUT_MS = 2_000;
const READY_TIMEOUT_MS = 15_000;

/** Connects the queues. Throws a Fault when they do not answer (unless they may be away) or BullMQ's tables are missing. */
export async function connect(given: ConnectOptions): Promise<Queues> {
  const options = { ...given, onError: onceAMinute(given.onError) };
  const backend =
    options.redisUrl === undefined
      ? postgresBackend(options.databaseUrl, options.queues.length, options.onError)
      : redisBackend(options.redisUrl, options.onError);
  const queues = new Map(options.queues.map((name) => [name, openQueue(backend, name, options.onError)]));
  const workers: RunningWorker[] = [];
  try {
    if (options.mayBeAway !== true)
      await ready(backend, Promise.all([...queues.values()].map((queue) => queue.waitUntilReady())));
  } catch (error) {
    await closeAll(backend, queues, workers, 0);
    throw error;
  }
  let closed: Promise<void> | null = null;
  return {
    backend: backend.name,
    wakeQueue: { wake: (wake) => wakeOn(queues.get(wake.queue), wake, options.onError) },
    async startWorker(queue, concurrency, handler) {
      const { onError, stalledMs = 15_000 } = options;
      workers.push(await startWorkerOn(backend, { queue, concurrency, handler, onError, stalledMs }));
    },
    depths: () => depthsOf(queues),
    close: (graceMs) => (closed ??= closeAll(backend, queues, workers, graceMs)),
  };
}

function openQueue(backend: Backend, name: string, onError: (error: Error) => void): BullQueue {
  // A kept job silently blocks its id, so none is kept.
  const queue = backend.queue(name, { defaultJobOptions: { removeOnComplete: true, removeOnFail: true } });
  queue.on('error', onError);
  return queue;
}

async function ready(backend: Backend, connected: Promise<unknown>): Promise<void> {
  const timeout = new AbortController();
  const late = sleep(READY_TIMEOUT_MS, undefined, { signal: timeout.signal }).then(() => {
    throw new Error(`no answer for ${READY_TIMEOUT_MS / 1000} s`);
  });
  try {
    await Promise.race([connected, late]);
  } catch (error) {
    if (error instanceof SchemaMigrationRequiredError) throw notMigrated(error);
    throw error instanceof Fault ? error : unreachable(backend.name, error);
  } finally {
    timeout.abort();
    // Whichever lost the race must not surface later as unhandled.
    connected.catch(() => undefined);
    late.catch(() => undefined);
  }
}

async function wakeOn(queue: BullQueue | undefined, wake: WakeRequest, onError: (error: Error) => void): Promise<void> {
  if (queue === undefined) return onError(new Error(`the queue ${wake.queue} is not connected in this process`));
  const delay = Math.max(0, wake.delayMs ?? 0);
  const data = { runId: wake.runId, version: wake.version };
  const added = queue.add(wake.name, data, { jobId: jobId(wake, delay, Date.now()), delay });
  const timeout = new AbortController();
  // Redis takes orders while it is away and fills them later: whoever wakes must not wait for that.
  const late = sleep(WAKE_TIMEOUT_MS, 'late', { signal: timeout.signal }).catch(() => 'in time');
  try {
    if ((await Promise.race([added, late])) === 'late')
      onError(new Error(`waking ${wake.runId} takes long; the sweep will`));
  } catch (error) {
    onError(error instanceof Error ? error : new Error(String(error)));
  } finally {
    timeout.abort();
    added.catch(() => undefined);
  }
}

async function depthsOf(queues: ReadonlyMap<string, BullQueue>): Promise<Depths> {
  const entries = [...queues].map(async ([name, queue]) => [name, await queue.getJobCounts()] as const);
  return Object.fromEntries(await Promise.all(entries));
}

async function closeAll(
  backend: Backend,
  queues: ReadonlyMap<string, BullQueue>,
  workers: readonly RunningWorker[],
  graceMs: number,
): Promise<void> {
  await Promise.all(workers.map((worker) => worker.close(graceMs)));
  await Promise.all([...queues.values()].map((queue) => queue.close().catch(() => undefined)));
  await backend.close();
}
