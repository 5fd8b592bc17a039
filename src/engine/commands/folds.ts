import type { RunIndex } from '../../runs/log.ts';
import type { Run } from '../../runs/run.ts';
import type { EventStore } from '../ports.ts';
import { fold } from '../../runs/evolve.ts';
import { keepLately } from '../lately.ts';

/** Folded runs by id and version. */
export interface Folds {
  /** The run that an index row is of, at that version or newer; null when the log does not have it. */
  of(index: Pick<RunIndex, 'id' | 'version'>): Promise<Run | null>;
}

/** More than any page shows; the oldest look leaves first. */
const KEPT = 500;

/**
 * Remembers folded runs for questions that change nothing: forty gateways on a status page are forty runs, of which
 * hardly one has changed since the last look. A run at a version never changes, so nothing here can be stale.
 */
export function rememberFolds(store: Pick<EventStore, 'load'>): Folds {
  const kept = new Map<string, Run>();
  return {
    of: async ({ id, version }) => {
      const known = kept.get(id);
      const run = known?.version === version ? known : fold(await store.load(id));
      if (run === null) return null;
      keepLately(kept, id, run, KEPT);
      return run;
    },
  };
}
