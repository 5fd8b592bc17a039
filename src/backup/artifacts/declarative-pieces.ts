import { createReadStream } from 'node:fs';
import { parse, YAMLParseError } from 'yaml';
import type { ScalarTag, Tags } from 'yaml';
import { linesOf } from '../../runs/words/lines.ts';

/** Characters that are parsed at once: the whole file of a big gateway takes more memory than a process has. */
const AT_ONCE = 256 * 1024;

/** A piece of the file that is a document of its own: one key of the top level with some or all of its list. */
export interface Piece {
  readonly key: string;
  readonly firstLine: number;
  readonly lines: string[];
  characters: number;
}

/** Throws a YAMLParseError, or a TypeError for what is YAML but no part of a declarative file. */
export function parsePiece(piece: Piece): Readonly<Record<string, unknown>> {
  // Not `silent`: that takes a file that breaks off in the middle for a whole one.
  const text = piece.lines.join('\n');
  const options = { logLevel: 'error', customTags: numbersOfDeck } as const;
  const document: unknown = withoutAliases(() =>
    /[\ufffe\uffff]/.test(text) ? parse(text, mended, options) : parse(text, options),
  );
  if (typeof document !== 'object' || document === null || Array.isArray(document)) {
    throw new TypeError('not a mapping');
  }
  return document as Readonly<Record<string, unknown>>;
}

/** decK writes no alias. The parser tells of one that leads nowhere or to too much by another error, which quotes the text. */
function withoutAliases(parsed: () => unknown): unknown {
  try {
    return parsed();
  } catch (error) {
    throw error instanceof ReferenceError ? new TypeError('an alias') : error;
  }
}

/**
 * Numbers as decK means them. It leaves a text without quotes where its own parser finds no number that it can hold: a key
 * of forty hexadecimal digits after `0x`, or `5e1234`. Such a text must not become a number here, or two would be one.
 */
function numbersOfDeck(tags: Tags): Tags {
  return tags.flatMap((tag): Tags => {
    if (typeof tag !== 'object' || !isNumeric(tag)) return [tag];
    // decK writes every number in decimal, so what looks like another base is a text.
    return tag.format === 'HEX' || tag.format === 'OCT' ? [] : [finite(tag)];
  });
}

function isNumeric(tag: Exclude<Tags[number], string>): tag is ScalarTag {
  return tag.tag === 'tag:yaml.org,2002:int' || tag.tag === 'tag:yaml.org,2002:float';
}

function finite(tag: ScalarTag): ScalarTag {
  return { ...tag, resolve: (text, ...more) => (Number.isFinite(Number(text)) ? tag.resolve(text, ...more) : text) };
}

/**
 * Cuts the file where the top level shows: a key or an item of its list in the first column. Everything else of an
 * entity is indented, also the lines of long texts.
 */
export async function* piecesOf(path: string): AsyncGenerator<Piece> {
  let piece: Piece | null = null;
  let number = 0;
  for await (const written of linesOf(createReadStream(path))) {
    const line = broken(written);
    number += 1;
    const begun = begins(piece, line, number);
    if (begun !== null && piece !== null) yield piece;
    piece = begun ?? added(piece, line, number);
  }
  if (piece !== null) yield piece;
}

/** For decK, YAML 1.1, U+2028 and U+2029 end a line as well; for our parser they are text. No stand-in can be in its file. */
const STAND_INS: Readonly<Record<string, string>> = { '\u2028': '\ufffe', '\u2029': '\uffff' };
const REAL: Readonly<Record<string, string>> = { '\ufffe': '\u2028', '\uffff': '\u2029' };

/** Such a line as the several that it is for decK, all of them indented, which decK leaves out at a start and a quote. */
function broken(line: string): string {
  if (!/[\u2028\u2029]/.test(line)) return line;
  return line
    .replace(/^([\u2028\u2029]+)( +)/, '$2$1$2')
    .replaceAll(/([\u2028\u2029]+)(?=[^\u2028\u2029])/g, '$1\n')
    .replaceAll(/\n'/g, "\n          '")
    .replaceAll(/[\u2028\u2029]/g, (each) => STAND_INS[each] ?? each);
}

/** What the parser made of the end of a line, inside quotes a space, is what stood there. */
function mended(_key: unknown, value: unknown): unknown {
  if (typeof value !== 'string') return value;
  return value.replaceAll(/([\ufffe\uffff])[\n ]?/g, (_all, each: string) => REAL[each] ?? each);
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

/** The whole file, read piece by piece; null when it is no declarative file. For a thread: a big one takes minutes. */
export async function readDocument(path: string): Promise<Readonly<Record<string, unknown>> | null> {
  const document: Record<string, unknown> = {};
  try {
    for await (const piece of piecesOf(path)) {
      for (const [key, value] of Object.entries(parsePiece(piece))) {
        const before = document[key];
        document[key] = Array.isArray(before) && Array.isArray(value) ? [...(before as unknown[]), ...value] : value;
      }
    }
  } catch (error) {
    // Only the fact is told: the parser quotes the text around the fault, which may be a key.
    if (error instanceof YAMLParseError || error instanceof TypeError) return null;
    throw error;
  }
  return typeof document['_format_version'] === 'string' ? document : null;
}
