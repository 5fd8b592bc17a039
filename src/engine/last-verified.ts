import type { RunIndex } from '../runs/log.ts';
import type { EventStore } from './ports.ts';

/**
 * The newest backup run of a gateway whose set was read back and compared; null when there is none. The safety backup of
 * a restore is none: it holds what the restore was to get rid of, and no schedule made it.
 */
export async function lastVerifiedBackup(
  store: Pick<EventStore, 'findRuns'>,
  gateway: string,
): Promise<RunIndex | null> {
  const [last] = await store.findRuns({ gateway, verified: true, kind: 'backup', limit: 1 });
  return last ?? null;
}
