import { YAMLParseError } from 'yaml';
import { parsePiece, piecesOf } from '../../../../backup/artifacts/declarative-pieces.ts';
import type { ChosenJob, ChosenSaid } from './check-chosen.ts';
import { ChosenSearch } from './search.ts';

export async function answer(job: unknown): Promise<ChosenSaid> {
  const { paths, only } = job as ChosenJob;
  const search = new ChosenSearch(only);
  try {
    for (const path of paths) await lookInto(path, search);
  } catch (error) {
    // Only the fact is told: the parser quotes the text around the fault, which may be a key.
    if (error instanceof YAMLParseError || error instanceof TypeError) return { unreadable: 'source' };
    throw error;
  }
  return { absent: search.absent() };
}

async function lookInto(path: string, search: ChosenSearch): Promise<void> {
  for await (const piece of piecesOf(path)) {
    if (search.isDone()) return;
    search.take(parsePiece(piece));
  }
}
