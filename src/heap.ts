import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

/**
 * For a worker: V8 is told not to mark on four threads at once. The buffers of a backup set off a dozen collections for
 * each 140 MB, and those threads cost it a quarter of its time (bench/backup.ts), on the cores that PostgreSQL needs. A
 * bot alone has no such streams, and under a storm of commands it would let its memory grow. Said from within, before the
 * libraries are loaded, so that no way to start it needs flags.
 */
export function collectAlone(): void {
  setFlagsFromString('--no-concurrent-marking');
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
