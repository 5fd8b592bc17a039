import { writeFile } from 'node:fs/promises';
import { parentPort, workerData } from 'node:worker_threads';
import { readDocument } from '../../../backup/artifacts/declarative-pieces.ts';
import { countLists, importDocument } from './import-document.ts';
import type { ImportCounts, ImportJob } from './import-file.ts';

async function make({ source, out }: ImportJob): Promise<ImportCounts | null> {
  const document = await readDocument(source);
  if (document === null) return null;
  const wanted = importDocument(document);
  await writeFile(out, JSON.stringify(wanted), { mode: 0o600 });
  return countLists(wanted);
}

// oxlint-disable unicorn/require-post-message-target-origin -- a thread has no origin
parentPort?.postMessage(await make(workerData as ImportJob));
