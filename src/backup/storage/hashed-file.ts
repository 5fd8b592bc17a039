import { createHash } from 'node:crypto';
import { Transform } from 'node:stream';
import type { StoredFile } from './destination.ts';

/** Counts and hashes what passes through it, for `pipeline(source, hashed.through, sink)`. */
export interface HashedFile {
  take(chunk: Buffer): void;
  through(chunks: AsyncIterable<Buffer>): AsyncGenerator<Buffer>;
  /** What has passed. Call once, at the end. */
  result(): StoredFile;
}

export function hashedFile(onBytes?: (bytes: number) => void): HashedFile {
  const hash = createHash('sha256');
  let bytes = 0;
  const take = (chunk: Buffer): void => {
    hash.update(chunk);
    bytes += chunk.length;
    onBytes?.(bytes);
  };
  return {
    take,
    async *through(chunks) {
      for await (const chunk of chunks) {
        take(chunk);
        yield chunk;
      }
    },
    result: () => ({ bytes, sha256: hash.digest('hex') }),
  };
}

/** The same as a stream that others can be put behind. */
export function hashing(hashed: HashedFile): Transform {
  return new Transform({
    highWaterMark: 1 << 20,
    transform(chunk: Buffer, _, done) {
      hashed.take(chunk);
      done(null, chunk);
    },
  });
}

/** Reads to the end: how many bytes came and their SHA-256. `onBytes` is told the running total. */
export async function hashOf(source: AsyncIterable<Buffer>, onBytes?: (bytes: number) => void): Promise<StoredFile> {
  const hashed = hashedFile(onBytes);
  for await (const _ of hashed.through(source)) continue;
  return hashed.result();
}
