import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

/**
 * For a worker: V8 collects in one go, on one thread. The buffers of a backup set off a dozen collections for each 140 MB;
 * four threads that mark beside it take the cores that PostgreSQL needs, and what comes meanwhile is kept for longer
 * (bench/backup.ts: a tenth of the time and 15 MB). The pauses, some 30 ms, are nothing to a worker. Said from within,
 * before the libraries are loaded, so that no way to start it needs flags.
 */
export function collectAlone(): void {
  setFlagsFromString('--no-concurrent-marking');
  setFlagsFromString('--no-incremental-marking');
}

/**
 * What loading the libraries left behind: an idle process collects no garbage by itself. `last-resort` also returns the
 * empty pages; it takes a tenth of a second, once.
 */
export function giveBack(): void {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as (options: { type: string; execution: string; flavor: string }) => void;
  collect({ type: 'major', execution: 'sync', flavor: 'last-resort' });
}
