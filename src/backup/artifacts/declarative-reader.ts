import { createHash } from 'node:crypto';
import { YAMLParseError } from 'yaml';
import { canonicalText } from '../../runs/json.ts';
import { parsePiece, piecesOf } from './declarative-pieces.ts';
import type { Piece } from './declarative-pieces.ts';
import { countDeclarative, isEntityList } from './entities.ts';

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

/** What it found in the end, or the line where it broke. */
export type DeclarativeAnswer = { readonly file: DeclarativeFile } | { readonly line: number | null };

class DeclarativeReader {
  readonly #counts: Record<string, number> = {};
  readonly #digests: string[] = [];
  readonly #scalars = new Map<string, unknown>();

  /** Throws a YAMLParseError, or a TypeError for what is YAML but no part of a declarative file. */
  take(piece: Piece): void {
    const document = parsePiece(piece);
    for (const [kind, count] of Object.entries(countDeclarative(document))) {
      this.#counts[kind] = (this.#counts[kind] ?? 0) + count;
    }
    for (const [key, value] of Object.entries(document)) {
      if (!Array.isArray(value)) this.#scalars.set(key, value);
      for (const part of Array.isArray(value) ? value : [value]) this.#digests.push(digest(key, part));
    }
  }

  answer(): DeclarativeAnswer {
    const version = this.#scalars.get('_format_version');
    const workspace = this.#scalars.get('_workspace');
    if (typeof version !== 'string') return { line: null };
    const hash = createHash('sha256');
    for (const each of this.#digests.sort()) hash.update(each);
    return {
      file: {
        formatVersion: version,
        workspace: typeof workspace === 'string' ? workspace : null,
        counts: this.#counts,
        contentSha256: hash.digest('hex'),
      },
    };
  }
}

/** decK lists entities in another order each time, so order must not count. */
function digest(key: string, value: unknown): string {
  return createHash('sha256')
    .update(canonicalText([key, orderless(value)]))
    .digest('base64');
}

function orderless(value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
  const entries = Object.entries(value).map(([key, inner]) => {
    if (!isEntityList(key, inner)) return [key, inner];
    return [key, inner.map((child) => canonicalText(orderless(child))).sort()];
  });
  return Object.fromEntries(entries) as unknown;
}

/** Reads the declarative file of this path to its last line; `say` is told how many characters were read. */
export async function answer(path: unknown, say: (characters: number) => void): Promise<DeclarativeAnswer> {
  const reader = new DeclarativeReader();
  let read = 0;
  for await (const piece of piecesOf(String(path))) {
    try {
      reader.take(piece);
    } catch (error) {
      // Only the place leaves this thread: the parser quotes the text around it, which may be a key.
      if (error instanceof YAMLParseError) return { line: piece.firstLine - 1 + (error.linePos?.[0].line ?? 1) };
      if (error instanceof TypeError) return { line: piece.firstLine };
      throw error;
    }
    say((read += piece.characters));
  }
  return reader.answer();
}
