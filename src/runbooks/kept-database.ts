import { isTakenBack } from '../runs/next.ts';
import type { Run } from '../runs/run.ts';

/** What became of the database that was live before a restore. */
export interface KeptDatabase {
  readonly name: string;
  /** `back`: it is live again. `dropped`: it is gone, because people asked for it. */
  readonly state: 'there' | 'dropped' | 'back';
}

/** The database that the swap put aside; null where none was: nothing was swapped, or there was none before. */
export function keptDatabase(run: Run): KeptDatabase | null {
  const swap = run.steps['swap-database'];
  const name = swap?.status === 'succeeded' ? swap.outputs?.['kept'] : undefined;
  if (typeof name !== 'string' || name === '') return null;
  if (isTakenBack(run)) return { name, state: 'back' };
  return { name, state: run.steps['drop-kept']?.status === 'succeeded' ? 'dropped' : 'there' };
}

/** The SQL with which people remove it on its server. */
export function dropByHand(name: string): string {
  return `DROP DATABASE "${name.replaceAll('"', '""')}";`;
}
