import { askThread } from '../../../backup/artifacts/ask-thread.ts';
import { parsePiece, piecesOf } from '../../../backup/artifacts/declarative-pieces.ts';
import type { Side } from '../../../kong/proxy/choose-proofs.ts';
import { Fault } from '../../../runs/fault.ts';
import type { Compared } from './compare.ts';
import type { Selected } from '../../../runbooks/selection.ts';

/** What the thread is asked. Paths on the worker. */
export interface DocumentJob {
  /** What should be; null: nothing (a workspace that was not there). */
  readonly source: string | null;
  /** What decK dumped just now. */
  readonly present: string;
  /** Where the file for decK is written, 0600. */
  readonly out: string;
  readonly workspace: string | null;
  /** These alone; null: everything. */
  readonly only: readonly Selected[] | null;
  /** With `only`: what was selected and is not in the source goes away. */
  readonly back: boolean;
  /** Also what the proxies of the nodes can tell. */
  readonly sides: boolean;
  /** Another workspace's file brings them. */
  readonly skipCaCertificates: boolean;
}

/** How far the gateway is from what should be. Its hashes are secrets. */
export interface DocumentAnswer extends Compared {
  /** What proxies can tell of both; null unless it was asked for. Holds API keys. */
  readonly sides: { readonly source: Side; readonly present: Side } | null;
  /** What was selected and is not in the source: another workspace may have it. */
  readonly absent: readonly string[];
  /** Why what is there of the selection cannot be restored. */
  readonly problems: readonly string[];
  /** Ids of what of the selection is there and should not be: what goes on the way back. */
  readonly leaving: readonly string[];
}

export type ThreadSaid = DocumentAnswer | { readonly unreadable: 'source' | 'present' };

/**
 * Compares two declarative files entity by entity and writes the file that decK is to take. In a thread of its own, as
 * every parse of a big file: a blocked process would lose the lock of its own step.
 */
export async function lookAtDocuments(job: DocumentJob, signal: AbortSignal): Promise<DocumentAnswer> {
  const script = new URL('document-thread.ts', import.meta.url);
  const files = [job.present, ...(job.source === null ? [] : [job.source])];
  const name = 'the thread that compares declarative files';
  const said = await askThread<ThreadSaid>({ script, data: job, files, signal, name });
  if ('differences' in said) return said;
  throw unreadable(said.unreadable);
}

/** Tags that a declarative file was dumped by; decK changes only what has all of them. */
export async function selectTagsOf(path: string): Promise<readonly string[]> {
  for await (const piece of piecesOf(path)) {
    if (!piece.key.startsWith('_')) return [];
    if (piece.key !== '_info') continue;
    const info = parsePiece(piece)['_info'] as { select_tags?: unknown } | null;
    return Array.isArray(info?.select_tags) ? info.select_tags.map(String) : [];
  }
  return [];
}

/** Fault `declarative-unreadable`. */
export function unreadable(which: 'source' | 'present'): Fault {
  return new Fault(
    'declarative-unreadable',
    which === 'source'
      ? 'The declarative file of the set is whole, byte by byte, and is no declarative configuration.'
      : 'What decK wrote about the present state is no declarative configuration.',
    which === 'source'
      ? 'Restore another set, or the database of this one.'
      : 'Look at the disk of the worker and at the version of decK, then try again.',
    { retryable: which === 'present' },
  );
}
