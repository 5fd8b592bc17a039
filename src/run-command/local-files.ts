import { randomBytes } from 'node:crypto';
import { constants } from 'node:fs';
import type { Stats } from 'node:fs';
import { lstat, open, readdir, rename, rm, stat, statfs, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Fault } from '../runs/fault.ts';
import type { FileEntry, RunCommand } from './command.ts';
import { fileFault, tooLarge } from './file-faults.ts';
import type { FileTrouble } from './file-faults.ts';

type FileOperations = Pick<RunCommand, 'readFile' | 'writeFile' | 'listFiles' | 'fileEntry' | 'freeBytes'>;

/** Of one file, unless told otherwise. */
export const LARGEST_READ = 64 * 1024 * 1024;

/** File operations of this machine. All throw the Faults that {@link RunCommand} names. */
export const localFiles: FileOperations = {
  readFile: async (path, options) => await attempt(path, () => readBounded(path, options?.maxBytes ?? LARGEST_READ)),
  writeFile: async (path, content, options) =>
    await attempt(path, () => writeWhole(path, content, options?.mode ?? 0o600)),
  listFiles: async (path, options) => {
    const found = await attempt(path, () => list(path, options?.deep ?? false));
    return found.sort((a, b) => (a.path < b.path ? -1 : 1));
  },
  fileEntry: async (path) => {
    try {
      return entryOf(path, await stat(path));
    } catch (error) {
      if (codeOf(error) === 'ENOENT' || codeOf(error) === 'ENOTDIR') return null;
      throw asFault(path, error);
    }
  },
  freeBytes: async (path) => {
    const { bavail, bsize } = await attempt(path, () => statfs(path));
    return bavail * bsize;
  },
};

async function readBounded(path: string, maxBytes: number): Promise<Buffer> {
  // Without waiting: opening a pipe that nobody writes to would block a thread of this process for good.
  await using file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
  const stats = await file.stat();
  if (!stats.isFile()) throw notAFile(path);
  const { size } = stats;
  // Files under /proc say 0 and a growing file says too little, so the read is bounded as well.
  const parts: Buffer[] = [];
  let bytes = size > maxBytes ? size : 0;
  while (bytes <= maxBytes) {
    const { bytesRead, buffer } = await file.read(Buffer.allocUnsafe(64 * 1024));
    if (bytesRead === 0) return Buffer.concat(parts);
    bytes += bytesRead;
    parts.push(buffer.subarray(0, bytesRead));
  }
  throw tooLarge(path, maxBytes);
}

function notAFile(path: string): Fault {
  return new Fault(
    'file.not-a-file',
    `${path} is a folder, a pipe or a device, and no file that can be read to its end.`,
    'Correct the path in the configuration, or put a plain file there.',
  );
}

/** Under another name first: whoever reads it sees the old content or the new, never a part, and never wider rights. */
async function writeWhole(path: string, content: string | Buffer, mode: number): Promise<void> {
  const draft = `${path}.${randomBytes(4).toString('hex')}`;
  try {
    await writeFile(draft, content, { mode: 0o600, flag: 'wx' });
    await using file = await open(draft, 'r+');
    await file.chmod(mode);
    await rename(draft, path);
  } catch (error) {
    await rm(draft, { force: true });
    throw error;
  }
}

async function list(folder: string, deep: boolean): Promise<FileEntry[]> {
  const found: FileEntry[] = [];
  for (const name of await readdir(folder)) {
    const path = join(folder, name);
    const stats = await lstat(path).catch(goneMeanwhile);
    if (stats === null) continue;
    const entry = entryOf(path, stats);
    found.push(entry);
    if (deep && entry.kind === 'folder') found.push(...(await attempt(path, () => list(path, true))));
  }
  return found;
}

function goneMeanwhile(error: unknown): null {
  if (codeOf(error) === 'ENOENT') return null;
  throw error;
}

function entryOf(path: string, stats: Stats): FileEntry {
  return { path, kind: kindOf(stats), bytes: stats.size, mode: stats.mode & 0o7777, modifiedAt: stats.mtime };
}

function kindOf(stats: Stats): FileEntry['kind'] {
  if (stats.isFile()) return 'file';
  if (stats.isDirectory()) return 'folder';
  if (stats.isSymbolicLink()) return 'link';
  return stats.isSocket() ? 'socket' : 'other';
}

async function attempt<T>(path: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw asFault(path, error);
  }
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : 'unknown';
}

const TROUBLES: Readonly<Record<string, FileTrouble>> = {
  ENOENT: 'missing',
  ENOTDIR: 'missing',
  EACCES: 'forbidden',
  EPERM: 'forbidden',
  ENOSPC: 'disk-full',
  EDQUOT: 'disk-full',
};

function asFault(path: string, error: unknown): Fault {
  if (error instanceof Fault) return error;
  const code = codeOf(error);
  return fileFault(TROUBLES[code] ?? 'failed', { path, said: code, cause: error });
}
