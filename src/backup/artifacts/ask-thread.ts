import { Worker } from 'node:worker_threads';

export interface ThreadJob {
  /** The module that the thread runs; it posts its answer and ends. */
  readonly script: URL;
  /** What it is given as `workerData`. */
  readonly data: unknown;
  readonly signal: AbortSignal;
  /** For whoever looks for a bug: "the thread that parses the declarative file". */
  readonly name: string;
}

/**
 * Has a thread do what would block the process for minutes: a blocked process loses the lock of its own step. `hear` makes
 * an answer of what the thread says; undefined: not the answer yet. Rejects with the signal's reason when aborted.
 */
export async function askThread<Answer>(
  { script, data, signal, name }: ThreadJob,
  hear: (said: unknown) => Answer | undefined,
): Promise<Answer> {
  signal.throwIfAborted();
  const worker = new Worker(script, { workerData: data });
  const stop = (): void => void worker.terminate();
  signal.addEventListener('abort', stop, { once: true });
  try {
    return await new Promise<Answer>((resolve, reject) => {
      worker.on('message', (said: unknown) => {
        const answer = hear(said);
        if (answer !== undefined) resolve(answer);
      });
      worker.once('error', reject);
      worker.once('exit', () => reject(new Error(`${name} ended without an answer`)));
    });
  } catch (error) {
    signal.throwIfAborted();
    throw error;
  } finally {
    signal.removeEventListener('abort', stop);
    await worker.terminate();
  }
}
