import { setTimeout as sleep } from 'node:timers/promises';
import type { Backend, Processor } from './backend.ts';

/** Does what a wake asks for. What it throws is logged; the job is gone either way, and a later wake works. */
export type Handler = (runId: string, version: number, jobName: string) => Promise<void>;

export interface WorkerSettings {
  readonly queue: string;
  readonly concurrency: number;
  readonly handler: Handler;
  readonly onError: (error: Error) => void;
  readonly stalledMs: number;
}

export interface RunningWorker {
  close(graceMs: number): Promise<void>;
}

/** Starts to serve a queue; resolves when it does. */
export async function startWorkerOn(backend: Backend, settings: WorkerSettings): Promise<RunningWorker> {
  const running = new Set<Promise<void>>();
  const process: Processor = async (job) => {
    const work = settings.handler(job.data.runId, job.data.version, job.name);
    running.add(work);
    try {
      await work;
    } finally {
      running.delete(work);
    }
  };
  const worker = backend.worker(settings.queue, process, {
    concurrency: settings.concurrency,
    removeOnComplete: { count: 0 },
    removeOnFail: { count: 0 },
    // A dead worker's job is due again after at most lockDuration + stalledInterval.
    lockDuration: settings.stalledMs,
    stalledInterval: settings.stalledMs,
    // A job that was lost many times is not a failed job: the run decides, not the queue.
    maxStalledCount: 1_000,
    runRetryDelay: 1_000,
  });
  worker.on('error', settings.onError);
  worker.on('failed', (_job, error) => settings.onError(error));
  await worker.waitUntilReady();
  return {
    async close(graceMs) {
      // Stops taking jobs without waiting for the running ones.
      await worker.pause(true).catch(settings.onError);
      await finished(running, graceMs);
      await worker.close(running.size > 0);
    },
  };
}

/** Resolves when all have ended, or after `graceMs`. */
async function finished(running: ReadonlySet<Promise<void>>, graceMs: number): Promise<void> {
  const timeout = new AbortController();
  const late = sleep(graceMs, undefined, { signal: timeout.signal }).catch(() => undefined);
  await Promise.race([Promise.allSettled(running), late]);
  timeout.abort();
}
