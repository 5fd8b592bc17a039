import { readFileSync, statfsSync } from 'node:fs';

const PLACE = '/dev/shm';
/** The suite takes less than a third of it. */
const ROOM_BYTES = 6 * 1024 ** 3;

/**
 * A folder in memory for what tests write, null where there is none with room enough that also runs programs. Databases
 * come and go by the hundred here: on a disk the files of theirs alone take a third of the machine.
 */
export function memoryFolder(): string | null {
  try {
    const mount = readFileSync('/proc/mounts', 'utf8')
      .split('\n')
      .map((line) => line.split(' '))
      .find(([, place, kind]) => place === PLACE && kind === 'tmpfs');
    if (mount === undefined || mount[3]?.split(',').includes('noexec') === true) return null;
    const { bavail, bsize } = statfsSync(PLACE);
    return bavail * bsize >= ROOM_BYTES ? PLACE : null;
  } catch {
    return null;
  }
}
