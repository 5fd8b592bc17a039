import { stat } from 'node:fs/promises';
import { Worker } from 'node:worker_threads';
import { Fault } from '../../runs/fault.ts';
import { answerFor } from './declarative-reader.ts';
import type { DeclarativeAnswer, DeclarativeFile } from './declarative-reader.ts';

/** Parsed here and now: some 50 ms, as much as a thread takes to start. */
const SMALL = 64 * 1024;

/**
 * Parses a declarative file in a thread of its own: YAML of a big gateway takes minutes, in which a blocked process
 * would lose the lock of its own step. Fault when it is not a whole declarative file.
 */
export async function readDeclarativeFile(
  path: string,
  signal: AbortSignal,
  onRead: (characters: number) => void = () => undefined,
): Promise<DeclarativeFile> {
  signal.throwIfAborted();
  const { size } = await stat(path);
  const answer = size <= SMALL ? await answerFor(path, onRead) : await answerOfThread(path, signal, onRead);
  signal.throwIfAborted();
  if ('file' in answer) return answer.file;
  throw unreadable(answer.line);
}

async function answerOfThread(
  path: string,
  signal: AbortSignal,
  onRead: (characters: number) => void,
): Promise<DeclarativeAnswer> {
  const worker = new Worker(new URL('declarative-thread.ts', import.meta.url), { workerData: path });
  const stop = (): void => void worker.terminate();
  signal.addEventListener('abort', stop, { once: true });
  try {
    return await new Promise<DeclarativeAnswer>((resolve, reject) => {
      worker.on('message', (said: DeclarativeAnswer | { readonly read: number }) => {
        if ('read' in said) onRead(said.read);
        else resolve(said);
      });
      worker.once('error', reject);
      worker.once('exit', () =>
        reject(new Error('the thread that parses the declarative file ended without an answer')),
      );
    });
  } catch (error) {
    signal.throwIfAborted();
    throw error;
  } finally {
    signal.removeEventListener('abort', stop);
    await worker.terminate();
  }
}

function unreadable(line: number | null): Fault {
  return new Fault(
    'declarative-unreadable',
    `The file that decK wrote is not a declarative configuration${line === null ? '' : `: it breaks at line ${line}`}.`,
    'Nothing of it is kept. Look at the disk of the worker and at the version of decK, then try again.',
    { retryable: true },
  );
}
