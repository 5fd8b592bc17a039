import { writeFile } from 'node:fs/promises';
import { readDocument } from '../../../backup/artifacts/declarative-pieces.ts';
import { countLists, importDocument } from './import-document.ts';
import type { ImportCounts, ImportJob } from './import-file.ts';

/** Null: no declarative configuration. */
export async function answer(job: unknown): Promise<ImportCounts | null> {
  const { source, out } = job as ImportJob;
  const document = await readDocument(source);
  if (document === null) return null;
  const wanted = importDocument(document);
  await writeFile(out, JSON.stringify(wanted), { mode: 0o600 });
  return countLists(wanted);
}
