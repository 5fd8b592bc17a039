import { Worker } from 'node:worker_threads';
import { Fault } from '../../runs/fault.ts';

/** What a declarative file says, read to its last line. */
export interface DeclarativeFile {
  readonly formatVersion: string;
  /** As the file names it; null on Kong OSS. */
  readonly workspace: string | null;
  /** Entities by kind. */
  readonly counts: Readonly<Record<string, number>>;
  /** SHA-256 of its content without regard to layout and order: two files with the same one configure the same. */
  readonly contentSha256: string;
}

/** What the thread says: how many characters it has read so far, and in the end what it found or where it broke. */
export type DeclarativeAnswer = { readonly file: DeclarativeFile } | { readonly line: number | null };

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
  const worker = new Worker(new URL('declarative-thread.ts', import.meta.url), { workerData: path });
  const stop = (): void => void worker.terminate();
  signal.addEventListener('abort', stop, { once: true });
  try {
    const answer = await new Promise<DeclarativeAnswer>((resolve, reject) => {
      worker.on('message', (said: DeclarativeAnswer | { readonly read: number }) => {
        if ('read' in said) onRead(said.read);
        else resolve(said);
      });
      worker.once('error', reject);
      worker.once('exit', () =>
        reject(new Error('the thread that parses the declarative file ended without an answer')),
      );
    });
    if ('file' in answer) return answer.file;
    throw unreadable(answer.line);
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
