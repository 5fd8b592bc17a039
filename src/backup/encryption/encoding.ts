import { pipeline } from 'node:stream';
import type { Readable } from 'node:stream';
import { constants, createZstdCompress, createZstdDecompress } from 'node:zlib';
import type { Cipher } from './cipher.ts';
import type { StoredFile } from '../storage/destination.ts';
import { hashedFile, hashing } from '../storage/hashed-file.ts';

/** What was done to an artifact's bytes before they were stored, in this order. Undone from the last to the first. */
export type Coding = 'zstd' | 'age';

/** What is needed to open it. */
export interface Opening {
  readonly cipher: Cipher;
  readonly identities: readonly string[];
}

/** Who can open what is stored, and how it is closed. */
export interface Sealing {
  readonly cipher: Cipher;
  readonly recipients: readonly string[];
}

export interface Encoded {
  /** What is stored. Breaks with the error of the source or of whoever encodes. */
  readonly stream: Readable;
  /** Size and hash of the source, once it was read to its end. */
  plain(): StoredFile;
}

const PARAMS = { [constants.ZSTD_c_compressionLevel]: 1, [constants.ZSTD_c_checksumFlag]: 1 };
const CHUNK = 1 << 18;
/** The suffix that the plain tools know a file by. */
const SUFFIX: Readonly<Record<Coding, string>> = { zstd: '.zst', age: '.age' };

/** `database.dump` becomes `database.dump.zst.age`. */
export function storedName(name: string, codings: readonly Coding[]): string {
  return name + codings.map((coding) => SUFFIX[coding]).join('');
}

/** The name without the suffixes that its codings gave it. */
export function plainNameOf(stored: string, codings: readonly Coding[]): string {
  const suffix = storedName('', codings);
  return stored.endsWith(suffix) ? stored.slice(0, stored.length - suffix.length) : stored;
}

/** Compresses (zstd 1: the fastest, and smaller than gzip 6 here) and encrypts while it passes; nothing is kept. */
export function encode(
  source: Readable,
  codings: readonly Coding[],
  sealing: Sealing | null,
  signal: AbortSignal,
): Encoded {
  source.on('error', () => undefined);
  const hashed = hashedFile();
  const measured = pipeline(source, hashing(hashed), () => undefined);
  const stream = codings.reduce<Readable>((from, coding) => {
    if (coding === 'zstd')
      return pipeline(from, createZstdCompress({ chunkSize: CHUNK, params: PARAMS }), () => undefined);
    const { cipher, recipients } = sealing ?? noSealing();
    return cipher.encrypt(from, recipients, signal);
  }, measured);
  return { stream, plain: () => hashed.result() };
}

/** The way back: what {@link encode} was given. Breaks when it cannot be decrypted or decompressed to its end. */
export function decode(
  stored: Readable,
  codings: readonly Coding[],
  opening: Opening | null,
  signal: AbortSignal,
): Readable {
  stored.on('error', () => undefined);
  return codings.reduceRight<Readable>((from, coding) => {
    if (coding === 'zstd') return pipeline(from, createZstdDecompress({ chunkSize: CHUNK }), () => undefined);
    const { cipher, identities } = opening ?? noSealing();
    return cipher.decrypt(from, identities, signal);
  }, stored);
}

/** A signed manifest or a step asked for age without keys: both check before, so this is a bug. */
function noSealing(): never {
  throw new Error('age was asked for without keys');
}
