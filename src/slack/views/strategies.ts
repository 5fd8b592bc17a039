import type { Strategy } from '../../runbooks/restore.ts';
import type { JsonObject } from '../../runs/json.ts';

/** A way to restore, in the words of the window and the card. */
export interface StrategyWords {
  /** In a list of choices: at most 75 characters. */
  readonly label: string;
  /** What it does, in one line. */
  readonly does: string;
  /** What a go sets off. */
  readonly afterGo: string;
}

/** One row for each way to restore, in the order that Kong's guide recommends. */
export const STRATEGIES: Readonly<Record<Strategy, StrategyWords>> = {
  database: {
    label: 'Database: everything, swapped in at once',
    does: 'Restores the dump beside the live database, compares, then swaps by renaming. Everything comes back, and one click undoes it.',
    afterGo: 'The restored database goes live; the one before is kept, and it can be undone until the run is closed.',
  },
  'fresh-database': {
    label: 'Fresh database: when the dump cannot be used',
    does: 'Makes an empty database, prepares it for this Kong and loads the saved declarative files, then swaps by renaming. What only the dump holds does not come back.',
    afterGo: 'The fresh database goes live; the one before is kept, and it can be undone until the run is closed.',
  },
  declarative: {
    label: 'Declarative: decK syncs the saved configuration',
    does: 'For when the dump cannot be used, or for chosen entities alone. Changes the live gateway in place, workspace by workspace.',
    afterGo:
      'The gateway is changed where it is; the safety backup keeps what was before, and it can be undone until the run is closed.',
  },
  files: {
    label: 'Files: kong.conf and what it points to',
    does: 'Writes the saved files beside those in use, and says what to run. Nothing in use is touched.',
    afterGo: 'The files are written into a new folder; none that is in use is touched.',
  },
  dbless: {
    label: 'DB-less: load the saved file into every node',
    does: 'For nodes without a database: each is given the saved configuration over its Admin API.',
    afterGo:
      'The gateway is changed where it is; the safety backup keeps what was before, and it can be undone until the run is closed.',
  },
};

/** The words for the strategy of a plan; those for the database where it names none. */
export function strategyWords({ strategy }: JsonObject): StrategyWords {
  const known = typeof strategy === 'string' && Object.hasOwn(STRATEGIES, strategy);
  return STRATEGIES[known ? (strategy as Strategy) : 'database'];
}
