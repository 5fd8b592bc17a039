import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Fault } from '../runs/fault.ts';

/** A work root, or (with a word) a private folder of one command: `kong-chatops-12-abc123`, `kong-chatops-home-12-abc123`. */
const OURS = /^kong-chatops-(?:([a-z]+)-)?(\d+)-[A-Za-z0-9]{6}$/;
const madeHere = new Set<string>();

/** Working folders of one process. Fits `WorkFolders` of engine/ports.ts. */
export interface WorkRoot {
  readonly path: string;
  /** A new, empty 0700 folder whose name begins with `name`. Fault `work-folder` where there can be none. */
  make(name: string): Promise<string>;
  remove(path: string): Promise<void>;
  /** Removes them all. */
  close(): void;
}

/**
 * A new 0700 folder for this process's attempts, and the end of what dead processes left behind: a killed worker cannot
 * remove the half of a dump it was writing. `within` is the system's temporary folder unless told otherwise. Fault
 * `work-folder` where it cannot be written.
 */
export function openWorkRoot(within = tmpdir()): WorkRoot {
  for (const name of namesIn(within)) {
    const [, word, number] = OURS.exec(name) ?? [];
    const pid = Number(number);
    const path = join(within, name);
    // In a container every process is number 1: a root with our own number that we did not make is a predecessor's.
    const predecessors = pid === process.pid && word === undefined && !madeHere.has(path);
    if (pid > 0 && (predecessors || !isAlive(pid))) remove(path);
  }
  const path = folderIn(within, `kong-chatops-${process.pid}-`);
  madeHere.add(path);
  return {
    path,
    // Not through the thread pool: under load its queue takes longer than everything else between a go and its step.
    make: async (name) => folderIn(path, `${name}-`),
    // A killed program may still be letting go of its last file.
    remove: async (folder) => await rm(folder, { recursive: true, force: true, maxRetries: 5 }),
    close: () => {
      madeHere.delete(path);
      remove(path);
    },
  };
}

/** What cannot be listed cannot be written either, and that is told. */
function namesIn(folder: string): readonly string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

function folderIn(path: string, prefix: string): string {
  try {
    return mkdtempSync(join(path, prefix));
  } catch (error) {
    throw noFolder(path, error);
  }
}

function noFolder(path: string, cause: unknown): Fault {
  const code = cause instanceof Error && 'code' in cause ? ` (${String(cause.code)})` : '';
  return new Fault(
    'work-folder',
    `No folder to work in can be made below ${path}${code}. Nothing was begun.`,
    'Free space there, or point TMPDIR at a folder that this user may write; where somebody cleared it, start the program again.',
    { cause, retryable: true },
  );
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    // EPERM: it lives and is somebody else's.
    return error instanceof Error && 'code' in error && error.code === 'EPERM';
  }
}

function remove(path: string): void {
  try {
    rmSync(path, { recursive: true, force: true });
  } catch {
    // Another user's: not ours to remove.
  }
}
