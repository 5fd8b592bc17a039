import {
  createPostgresBackend,
  Queue,
  Worker,
  type Job,
  type JobsOptions,
  type PgPool,
  type QueueOptions,
  type WorkerOptions,
} from 'bullmq';
import { Redis } from 'ioredis';
import { Pool } from 'pg';

/** What a job carries: queues hold no truth. */
export interface WakeData {
  readonly runId: string;
  readonly version: number;
}
export type Processor = (job: Job<WakeData>) => Promise<void>;

/** What is used of BullMQ's Queue, whatever lies beneath. */
export interface BullQueue {
  add(name: string, data: WakeData, options: JobsOptions): Promise<unknown>;
  getJobCounts(): Promise<Record<string, number>>;
  waitUntilReady(): Promise<unknown>;
  close(): Promise<void>;
  on(event: 'error', listener: (error: Error) => void): unknown;
}
/** What is used of BullMQ's Worker. */
export interface BullWorker {
  waitUntilReady(): Promise<unknown>;
  pause(doNotWaitActive: boolean): Promise<void>;
  close(force: boolean): Promise<void>;
  on(event: 'error', listener: (error: Error) => void): unknown;
  on(event: 'failed', listener: (job: Job<WakeData> | undefined, error: Error) => void): unknown;
}

/** Where BullMQ keeps its jobs. Two implementations below, one contract test. */
export interface Backend {
  /** For messages: `PostgreSQL` or `Redis`. */
  readonly name: string;
  queue(name: string, options: Omit<QueueOptions, 'connection'>): BullQueue;
  worker(name: string, processor: Processor, options: Omit<WorkerOptions, 'connection'>): BullWorker;
  /** After every queue and worker is closed. */
  close(): Promise<void>;
}

/**
 * BullMQ in the schema `bullmq` of the store's database. Left alone it opens a pool and a listening connection per queue
 * and per worker (decision 7); here all share one pool: one listening connection per worker and two for everything else.
 */
export function postgresBackend(url: string, workers: number, onError: (error: Error) => void): Backend {
  const pool = new Pool({
    connectionString: url,
    application_name: 'kong-chatops queues',
    max: workers + 2,
    connectionTimeoutMillis: 10_000,
    idleTimeoutMillis: 30_000,
    // BullMQ's statements name no schema.
    options: '-c search_path=bullmq',
    keepAlive: true,
    keepAliveInitialDelayMillis: 10_000,
  });
  pool.on('error', onError);
  // Every queue and worker adds its own listener to the shared pool.
  pool.setMaxListeners(0);
  // BullMQ describes node-postgres in its own types, which differ from the published ones in what may be undefined.
  const connection = pool as PgPool;
  return {
    name: 'PostgreSQL',
    queue: (name, options) => new Queue(name, { ...options, connection }, createPostgresBackend),
    worker: (name, processor, options) =>
      new Worker(name, processor, { ...options, connection }, createPostgresBackend),
    close: () => pool.end(),
  };
}

/** BullMQ on Redis: one shared connection, and a blocking one per worker (BullMQ makes and closes those itself). */
export function redisBackend(url: string, onError: (error: Error) => void): Backend {
  const connection = new Redis(url, {
    // Required by BullMQ's workers: they wait for a lost server as long as it takes.
    maxRetriesPerRequest: null,
    retryStrategy: (times) => Math.min(times * 100, 2_000),
    connectionName: 'kong-chatops',
  });
  connection.on('error', onError);
  connection.setMaxListeners(0);
  const prefix = 'kong-chatops';
  return {
    name: 'Redis',
    queue: (name, options) => new Queue(name, { ...options, connection, prefix }),
    worker: (name, processor, options) => new Worker(name, processor, { ...options, connection, prefix }),
    async close() {
      connection.disconnect();
    },
  };
}
