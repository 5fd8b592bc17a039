import { readFile, writeFile } from 'node:fs/promises';
import { readDocument } from '../../../backup/artifacts/declarative-pieces.ts';
import { escapeTemplates, stateFile } from '../../../kong/deck/deck-template.ts';
import { compareDocuments } from './compare.ts';
import type { Compared } from './compare.ts';
import type { Document, Entity } from './document.ts';
import { entitiesOf } from './document.ts';
import type { DocumentAnswer, DocumentJob, ThreadSaid } from './documents.ts';
import { sideOf } from './proof/side.ts';
import { absentFrom, problemsOf, selectedEntities, withSelected, withSelectedBefore } from './selection.ts';

export async function answer(asked: unknown): Promise<ThreadSaid> {
  const job = asked as DocumentJob;
  const present = forThis(job, await readDocument(job.present));
  if (present === null) return { unreadable: 'present' };
  const source = job.source === null ? nothing(present, job.workspace) : forThis(job, await readDocument(job.source));
  if (source === null) return { unreadable: 'source' };
  const sides = job.sides ? { source: sideOf(source), present: sideOf(present) } : null;
  const seen = await (job.only === null ? whole(job, source, present) : part(job, source, present, job.only));
  return { ...seen, sides };
}

function forThis({ skipCaCertificates }: DocumentJob, document: Document | null): Document | null {
  if (document === null || !skipCaCertificates) return document;
  const { ca_certificates: _others, ...rest } = document;
  return rest;
}

type Seen = Omit<DocumentAnswer, 'sides'>;

async function whole(job: DocumentJob, source: Document, present: Document): Promise<Seen> {
  const text = job.source === null ? stateFile(source) : await readFile(job.source, 'utf8');
  await writeForDeck(job.out, text);
  return { ...compareDocuments(entitiesOf(source), present, false), absent: [], problems: [], leaving: [] };
}

async function part(
  job: DocumentJob,
  source: Document,
  present: Document,
  only: NonNullable<DocumentJob['only']>,
): Promise<Seen> {
  const problems = job.back ? [] : problemsOf(source, present, only);
  const merged = job.back ? withSelectedBefore(present, source, only) : withSelected(present, source, only);
  await writeForDeck(job.out, stateFile(merged));
  const wanted = selectedEntities(merged, only);
  const compared = compareDocuments(wanted, present, true);
  const known = new Set(wanted.map(({ key }) => key));
  const left = selectedEntities(present, only).filter(({ key }) => !known.has(key));
  const differences = [...compared.differences, ...left.map(notInSet)];
  const leaving = left.flatMap(({ id }) => id ?? []);
  return { ...compared, differences, absent: absentFrom(source, only), problems, leaving };
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
