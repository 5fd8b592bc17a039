import { Worker } from 'node:worker_threads';
import { Fault } from '../../../runs/fault.ts';

export interface ImportJob {
  /** The declarative file of the set, on the worker. */
  readonly source: string;
  /** Where the file for `kong config db_import` is written, 0600. */
  readonly out: string;
}

/** How many entities of each kind the file has, by the name of its list. */
export type ImportCounts = Readonly<Record<string, number>>;

/**
 * Makes of decK's file one that Kong's own import takes as it is stored (`_transform: false`): passwords keep their
 * hashes, ids stay (facts I3). In a thread of its own, as every parse of a big file.
 */
export async function makeImportFile(job: ImportJob, signal: AbortSignal): Promise<ImportCounts> {
  signal.throwIfAborted();
  const worker = new Worker(new URL('import-thread.ts', import.meta.url), { workerData: job });
  const stop = (): void => void worker.terminate();
  signal.addEventListener('abort', stop, { once: true });
  try {
    const counts = await new Promise<ImportCounts | null>((resolve, reject) => {
      worker.once('message', resolve);
      worker.once('error', reject);
      worker.once('exit', () => reject(new Error('the thread that makes the import file ended without an answer')));
    });
    if (counts !== null) return counts;
  } catch (error) {
    signal.throwIfAborted();
    throw error;
  } finally {
    signal.removeEventListener('abort', stop);
    await worker.terminate();
  }
  throw new Fault(
    'declarative-unreadable',
    'The declarative file of the set is whole, byte by byte, and is no declarative configuration.',
    'Restore another set. The live database is untouched.',
  );
}
