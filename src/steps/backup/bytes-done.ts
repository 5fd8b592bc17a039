import { plainTableName } from '../../kong/dump/dump.ts';
import type { StepContext } from '../../engine/ports.ts';

/**
 * Progress of a dump in bytes, by the size of each table with its indexes: an estimate, but an hour's table does not count
 * like an empty one. `done` tables are written; `name` is the last one begun.
 */
export function bytesDone(
  sizes: Readonly<Record<string, number>>,
  context: Pick<StepContext, 'progress'>,
  note: string,
): (done: number, total: number, name: string) => void {
  const bySize = new Map(Object.entries(sizes).map(([table, bytes]) => [plainTableName(table), bytes]));
  const total = Object.values(sizes).reduce((sum, bytes) => sum + bytes, 0);
  const begun: string[] = [];
  context.progress({ done: 0, total, unit: 'bytes', note });
  return (done, _, name) => {
    if (begun.at(-1) !== name) begun.push(name);
    const written = begun.slice(0, done).reduce((sum, table) => sum + (bySize.get(table) ?? 0), 0);
    context.progress({ done: written, total, unit: 'bytes', note });
  };
}
