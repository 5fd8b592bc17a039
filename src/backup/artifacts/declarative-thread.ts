import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { createInterface } from 'node:readline';
import { parentPort, workerData } from 'node:worker_threads';
import { parse, YAMLParseError } from 'yaml';
import { canonicalText } from '../../runs/json.ts';
import type { DeclarativeAnswer } from './declarative-file.ts';
import { countDeclarative, isEntityList } from './entities.ts';

/** Characters that are parsed at once: the whole file of a big gateway takes more memory than a process has. */
const AT_ONCE = 256 * 1024;

/** A piece of the file that is a document of its own: one key of the top level with some or all of its list. */
interface Piece {
  readonly key: string;
  readonly firstLine: number;
  readonly lines: string[];
  characters: number;
}

class DeclarativeReader {
  readonly #counts: Record<string, number> = {};
  readonly #digests: string[] = [];
  readonly #scalars = new Map<string, unknown>();

  /** Throws a YAMLParseError, or a TypeError for what is YAML but no part of a declarative file. */
  take(piece: Piece): void {
    // Not `silent`: that takes a file that breaks off in the middle for a whole one.
    const document: unknown = parse(piece.lines.join('\n'), { logLevel: 'error' });
    if (typeof document !== 'object' || document === null || Array.isArray(document)) {
      throw new TypeError('not a mapping');
    }
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

/**
 * Cuts the file where the top level shows: a key or an item of its list in the first column. Everything else of an
 * entity is indented, also the lines of long texts.
 */
async function* piecesOf(path: string): AsyncGenerator<Piece> {
  let piece: Piece | null = null;
  let number = 0;
  for await (const line of createInterface({ input: createReadStream(path), crlfDelay: Infinity })) {
    number += 1;
    const begun = begins(piece, line, number);
    if (begun !== null && piece !== null) yield piece;
    piece = begun ?? added(piece, line, number);
  }
  if (piece !== null) yield piece;
}

/** The piece that this line begins: a key of the top level, or the next item of a list that is long enough already. */
function begins(piece: Piece | null, line: string, number: number): Piece | null {
  const key = /^([A-Za-z_][\w-]*):(?:\s|$)/.exec(line)?.[1];
  if (key !== undefined) return { key, firstLine: number, lines: [line], characters: line.length };
  if (piece === null || piece.characters <= AT_ONCE || !line.startsWith('- ')) return null;
  const { key: list } = piece;
  // One line before its first, because the key is said again.
  return { key: list, firstLine: number - 1, lines: [`${list}:`, line], characters: line.length };
}

function added(piece: Piece | null, line: string, number: number): Piece | null {
  if (piece === null) {
    // What else stands before the first key is left to the parser to refuse.
    const nothing = line === '' || line === '---' || line.startsWith('#');
    return nothing ? null : { key: '', firstLine: number, lines: [line], characters: line.length };
  }
  piece.lines.push(line);
  piece.characters += line.length;
  return piece;
}

async function answerFor(path: string, report: (characters: number) => void): Promise<DeclarativeAnswer> {
  const reader = new DeclarativeReader();
  let read = 0;
  for await (const piece of piecesOf(path)) {
    try {
      reader.take(piece);
    } catch (error) {
      // Only the place leaves this thread: the parser quotes the text around it, which may be a key.
      if (error instanceof YAMLParseError) return { line: piece.firstLine - 1 + (error.linePos?.[0].line ?? 1) };
      if (error instanceof TypeError) return { line: piece.firstLine };
      throw error;
    }
    report((read += piece.characters));
  }
  return reader.answer();
}

// oxlint-disable unicorn/require-post-message-target-origin -- a thread has no origin
const answer = await answerFor(String(workerData), (read) => parentPort?.postMessage({ read }));
parentPort?.postMessage(answer);
