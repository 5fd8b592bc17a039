import { readFile, writeFile } from 'node:fs/promises';
import { parentPort, workerData } from 'node:worker_threads';
import { YAMLParseError } from 'yaml';
import { parsePiece, piecesOf } from '../../../backup/artifacts/declarative-pieces.ts';
import { escapeTemplates } from '../../../kong/deck/deck-template.ts';
import { compareDocuments } from './compare.ts';
import type { Compared } from './compare.ts';
import type { Document, Entity } from './document.ts';
import { entitiesOf } from './document.ts';
import type { DocumentAnswer, DocumentJob, ThreadSaid } from './documents.ts';
import { sideOf } from './proof/side.ts';
import { absentFrom, problemsOf, selectedEntities, withSelected, withSelectedBefore } from './selection.ts';

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

async function answerFor(job: DocumentJob): Promise<ThreadSaid> {
  const present = forThis(job, await load(job.present));
  if (present === null) return { unreadable: 'present' };
  const source = job.source === null ? nothing(present, job.workspace) : forThis(job, await load(job.source));
  if (source === null) return { unreadable: 'source' };
  const sides = job.sides ? { source: sideOf(source), present: sideOf(present) } : null;
  const answer = await (job.only === null ? whole(job, source, present) : part(job, source, present, job.only));
  return { ...answer, sides };
}

function forThis({ skipCaCertificates }: DocumentJob, document: Document | null): Document | null {
  if (document === null || !skipCaCertificates) return document;
  const { ca_certificates: _others, ...rest } = document;
  return rest;
}

type Seen = Omit<DocumentAnswer, 'sides'>;

async function whole(job: DocumentJob, source: Document, present: Document): Promise<Seen> {
  const text = job.source === null ? JSON.stringify(source) : await readFile(job.source, 'utf8');
  await writeForDeck(job.out, text);
  return { ...compareDocuments(entitiesOf(source), present, false), absent: [], problems: [] };
}

async function part(
  job: DocumentJob,
  source: Document,
  present: Document,
  only: NonNullable<DocumentJob['only']>,
): Promise<Seen> {
  const problems = job.back ? [] : problemsOf(source, present, only);
  const merged = job.back ? withSelectedBefore(present, source, only) : withSelected(present, source, only);
  await writeForDeck(job.out, JSON.stringify(merged));
  const wanted = selectedEntities(merged, only);
  const compared = compareDocuments(wanted, present, true);
  const known = new Set(wanted.map(({ key }) => key));
  const left = selectedEntities(present, only).filter(({ key }) => !known.has(key));
  const differences = [...compared.differences, ...left.map(notInSet)];
  return { ...compared, differences, absent: absentFrom(source, only), problems };
}

function notInSet({ list, name }: Entity): Compared['differences'][number] {
  return { list, name, what: 'not-in-set', fields: [] };
}

function nothing(present: Document, workspace: string | null): Document {
  return { _format_version: present['_format_version'], ...(workspace === null ? {} : { _workspace: workspace }) };
}

async function writeForDeck(path: string, text: string): Promise<void> {
  await writeFile(path, escapeTemplates(text), { mode: 0o600 });
}

// oxlint-disable unicorn/require-post-message-target-origin -- a thread has no origin
parentPort?.postMessage(await answerFor(workerData as DocumentJob));
