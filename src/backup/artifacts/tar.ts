import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { pack } from 'tar-stream';
import type { Pack } from 'tar-stream';

/** One file of an archive. `bytes` must be what `open` gives, because a tar says the size first. */
export interface TarEntry {
  readonly name: string;
  readonly bytes: number;
  readonly mode: number;
  readonly modifiedAt: Date;
  readonly open: () => AsyncIterable<Buffer>;
}

/**
 * A tar of these files, made as it is read. The same entries always give the same bytes: they are sorted by name and
 * owned by nobody in particular. Breaks with the error of the first entry that breaks.
 */
export function tarOf(entries: readonly TarEntry[]): Readable {
  const sorted = [...entries].sort((a, b) => (a.name < b.name ? -1 : 1));
  const tar = pack();
  // streamx's Readable is no Node stream: `pipeline` takes it, our destinations ask for a Node one.
  const readable = Readable.from(tar, { objectMode: false, highWaterMark: 1 << 20 });
  fill(tar, sorted).catch((error: unknown) => tar.destroy(error instanceof Error ? error : new Error('tar failed')));
  return readable;
}

async function fill(tar: Pack, entries: readonly TarEntry[]): Promise<void> {
  for (const { name, bytes, mode, modifiedAt, open } of entries) {
    const entry = tar.entry({ name, size: bytes, mode, mtime: modifiedAt, uid: 0, gid: 0, uname: '', gname: '' });
    await pipeline(open(), entry);
  }
  tar.finalize();
}
