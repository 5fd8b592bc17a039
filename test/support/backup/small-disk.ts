import { rmSync, statfsSync, writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';

/** A disk of its own, of so many MiB, that a test may fill. Check `need('root')` first. */
export interface SmallDisk {
  readonly path: string;
  /** Until only so many bytes are left, before anybody else gets a turn. */
  fillTo(left: number): void;
  /** Takes the filling away. */
  free(): void;
  remove(): Promise<void>;
}

/** Null where this system lets nobody mount one. */
export async function smallDisk(mebibytes: number): Promise<SmallDisk | null> {
  const path = await mkdtemp(join(tmpdir(), 'kong-chatops-small-'));
  const mount = await execa('mount', ['-t', 'tmpfs', '-o', `size=${mebibytes}m`, 'tmpfs', path], { reject: false });
  if (mount.exitCode !== 0) {
    process.stderr.write('skipping: this system does not let us mount a tmpfs\n');
    await rm(path, { recursive: true });
    return null;
  }
  const filling = join(path, 'filling');
  return {
    path,
    fillTo: (left) => {
      // Whoever else writes there meanwhile takes what was just counted.
      while (!filled(path, filling, left));
    },
    free: () => rmSync(filling, { force: true }),
    remove: async () => {
      await execa('umount', ['--lazy', path]);
      await rm(path, { recursive: true, force: true });
    },
  };
}

function filled(path: string, filling: string, left: number): boolean {
  rmSync(filling, { force: true });
  const { bavail, bsize } = statfsSync(path);
  try {
    writeFileSync(filling, Buffer.alloc(Math.max(0, bavail * bsize - left)));
    return true;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOSPC') return false;
    throw error;
  }
}
