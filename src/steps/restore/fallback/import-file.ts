import { askThread } from '../../../backup/artifacts/ask-thread.ts';
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
  const script = new URL('import-thread.ts', import.meta.url);
  const name = 'the thread that makes the import file';
  const counts = await askThread<ImportCounts | null>({ script, data: job, files: [job.source], signal, name });
  if (counts !== null) return counts;
  throw new Fault(
    'declarative-unreadable',
    'The declarative file of the set is whole, byte by byte, and is no declarative configuration.',
    'Restore another set. The live database is untouched.',
  );
}
