import { randomUUID } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { mkdir, open, readdir, rename, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { StoredFile } from './destination.ts';
import { hashedFile } from './hashed-file.ts';

/** Makes each folder (0700) unless it is there. Parents are not made. */
export async function makeFolders(folders: readonly string[]): Promise<void> {
  for (const folder of folders) {
    await mkdir(folder, { mode: 0o700 }).catch((error: unknown) => {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    });
  }
}

/**
 * Streams into `file` (0600) by way of a file in the folder `parts` of the same file system: `file` is there whole and
 * on the disk, or not at all.
 */
export async function writeWhole(
  file: string,
  parts: string,
  source: Readable,
  signal: AbortSignal,
): Promise<StoredFile> {
  const part = join(parts, randomUUID());
  const hashed = hashedFile();
  try {
    const sink = createWriteStream(part, { flags: 'wx', mode: 0o600, flush: true, highWaterMark: 1 << 20 });
    await pipeline(source, (chunks: AsyncIterable<Buffer>) => hashed.through(chunks), sink, { signal });
    await rename(part, file);
  } catch (error) {
    await rm(part, { force: true });
    throw error;
  }
  return hashed.result();
}

/** The same for a short text. */
export async function writeText(file: string, parts: string, text: string): Promise<void> {
  const part = join(parts, randomUUID());
  try {
    const handle = await open(part, 'wx', 0o600);
    try {
      await handle.writeFile(text, 'utf8');
      await handle.sync();
    } finally {
      await handle.close();
    }
    await rename(part, file);
  } catch (error) {
    await rm(part, { force: true });
    throw error;
  }
}

/** Gives a folder its place for good: a rename survives a power cut only after both folders were synced. */
export async function moveFolder(from: string, to: string): Promise<void> {
  await syncFolder(from);
  await rename(from, to);
  await syncFolder(dirname(to));
}

/** Puts what was renamed or removed in a folder on the disk. */
export async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

export async function exists(path: string): Promise<boolean> {
  return (await sizeOf(path)) !== null;
}

/** Null when there is nothing. */
export async function sizeOf(path: string): Promise<number | null> {
  return stat(path).then(
    (facts) => facts.size,
    (error: unknown) => absent(error, null),
  );
}

/** Names in a folder, sorted; empty when there is no such folder. */
export async function namesIn(folder: string): Promise<string[]> {
  const names = await readdir(folder).catch((error: unknown) => absent(error, []));
  return names.sort((a, b) => (a < b ? -1 : 1));
}

function absent<T>(error: unknown, instead: T): T {
  const { code } = error as NodeJS.ErrnoException;
  if (code === 'ENOENT' || code === 'ENOTDIR') return instead;
  throw error;
}
