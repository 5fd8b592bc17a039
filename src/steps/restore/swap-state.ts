import type { DatabaseRow, SwapNames } from '../../kong/database/database-admin.ts';
import { Fault } from '../../runs/fault.ts';

/**
 * Where a swap stands, from the names that exist alone: nothing else survives a killed worker.
 * `before`: the live one is the old one. `after`: it is the restored one. `missing`: there was none, and the restored one
 * waits beside. `between`: only somebody's hands can have made it, because the bot renames all or nothing.
 */
export type SwapState = 'before' | 'after' | 'missing' | 'between' | 'nothing-restored' | 'strange';

export function swapStateOf(names: SwapNames, rows: Readonly<Record<string, DatabaseRow>>): SwapState {
  const has = [names.live, names.scratch, names.kept].map((name) => (name in rows ? '1' : '0')).join('');
  const states: Readonly<Record<string, SwapState>> = {
    '110': 'before',
    '101': 'after',
    '010': 'missing',
    '011': 'between',
    // Either the swap of a database that was gone, or an old one whose restored copy was removed.
    '100': rows[names.live]?.mark?.includes(` whole as ${names.scratch}: `) === true ? 'after' : 'nothing-restored',
  };
  return states[has] ?? 'strange';
}

/** In words, for messages: which database the gateway has. */
export function liveInWords(state: SwapState, { live }: SwapNames): string {
  switch (state) {
    case 'after':
      return `${live} is the restored database`;
    case 'missing':
    case 'between':
      return `there is no database ${live}`;
    default:
      return `${live} is the database from before, unchanged`;
  }
}

/** What nobody can sort out by renaming. */
export function strangeNames(names: SwapNames, rows: Readonly<Record<string, DatabaseRow>>): Fault {
  const there = Object.keys(rows).sort();
  return new Fault(
    'swap.strange',
    `Of the databases ${names.live}, ${names.scratch} and ${names.kept} there ${there.length === 1 ? 'is' : 'are'} ${there.length === 0 ? 'none' : there.join(' and ')}: somebody renamed or removed one of them. Nothing was renamed.`,
    `Look what each of them holds (psql -l), and rename the right one to ${names.live}.`,
  );
}
