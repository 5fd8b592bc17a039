import { writeFile } from 'node:fs/promises';
import { parentPort, workerData } from 'node:worker_threads';
import { YAMLParseError } from 'yaml';
import { parsePiece, piecesOf } from '../../../backup/artifacts/declarative-pieces.ts';
import type { Document } from '../declarative/document.ts';
import { countLists, importDocument } from './import-document.ts';
import type { ImportCounts, ImportJob } from './import-file.ts';

async function load(path: string): Promise<Document | null> {
  const document: Record<string, unknown> = {};
  try {
    for await (const piece of piecesOf(path)) {
      for (const [key, value] of Object.entries(parsePiece(piece))) {
        const before = document[key];
        document[key] = Array.isArray(before) && Array.isArray(value) ? [...(before as unknown[]), ...value] : value;
      }
    }
  } catch (error) {
    // Only the fact leaves this thread: the parser quotes the text around the fault, which may be a key.
    if (error instanceof YAMLParseError || error instanceof TypeError) return null;
    throw error;
  }
  return typeof document['_format_version'] === 'string' ? document : null;
}

async function make({ source, out }: ImportJob): Promise<ImportCounts | null> {
  const document = await load(source);
  if (document === null) return null;
  const wanted = importDocument(document);
  await writeFile(out, JSON.stringify(wanted), { mode: 0o600 });
  return countLists(wanted);
}

// oxlint-disable unicorn/require-post-message-target-origin -- a thread has no origin
parentPort?.postMessage(await make(workerData as ImportJob));
