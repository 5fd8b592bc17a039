import { stat } from 'node:fs/promises';
import { Worker } from 'node:worker_threads';

/** What the module of a job exports. `say`: a word on the way, which may be left out. */
export interface ThreadModule {
  readonly answer: (data: unknown, say: (word: unknown) => void) => Promise<unknown>;
}

export interface ThreadJob {
  /** The module that does it: a {@link ThreadModule}. */
  readonly script: URL;
  /** What it is given; a copy of it in a thread. */
  readonly data: unknown;
  /** What it reads. */
  readonly files: readonly string[];
  readonly signal: AbortSignal;
  /** For whoever looks for a bug: "the thread that parses the declarative file". */
  readonly name: string;
}

/** Done here and now: some 50 ms, less than a thread takes to start (a quarter of a second of a core). */
const SMALL_BYTES = 64 * 1024;

/**
 * Has a thread do what would block the process for minutes: a blocked process loses the lock of its own step. Small files
 * are not worth one. Rejects with the signal's reason when aborted.
 */
export async function askThread<Answer>(
  job: ThreadJob,
  hear: (word: unknown) => void = () => undefined,
): Promise<Answer> {
  job.signal.throwIfAborted();
  const small = await isSmall(job.files);
  // Nobody would hear of an abort that came meanwhile.
  job.signal.throwIfAborted();
  const answer = small ? await answerHere(job, hear) : await answerOfThread(job, hear);
  job.signal.throwIfAborted();
  return answer as Answer;
}

async function isSmall(files: readonly string[]): Promise<boolean> {
  const sizes = await Promise.all(files.map(async (file) => (await stat(file)).size));
  return sizes.reduce((sum, size) => sum + size, 0) <= SMALL_BYTES;
}

async function answerHere({ script, data }: ThreadJob, hear: (word: unknown) => void): Promise<unknown> {
  const { answer } = (await import(script.href)) as ThreadModule;
  return await answer(data, hear);
}

async function answerOfThread(
  { script, data, signal, name }: ThreadJob,
  hear: (word: unknown) => void,
): Promise<unknown> {
  const worker = new Worker(new URL('thread.ts', import.meta.url), { workerData: { script: script.href, data } });
  const stop = (): void => void worker.terminate();
  signal.addEventListener('abort', stop, { once: true });
  try {
    return await new Promise<unknown>((resolve, reject) => {
      worker.on('message', (said: { readonly word: unknown } | { readonly answer: unknown }) => {
        if ('answer' in said) resolve(said.answer);
        else hear(said.word);
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
