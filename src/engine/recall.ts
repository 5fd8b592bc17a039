import type { RunEvent } from '../runs/event.ts';
import type { Run } from '../runs/run.ts';
import type { EventStore } from './ports.ts';
import { fold } from '../runs/evolve.ts';
import { keepLately } from './lately.ts';

export interface RecallingStore extends EventStore {
  /** The run as this process last saw it; null when it did not see it lately. It may be out of date. */
  recall(runId: string): Run | null;
}

/** More than the runs that people decide on at the same time; whoever was not seen for longest leaves first. */
const KEPT = 100;

/**
 * Remembers what was loaded and appended here, so that a click on a card that was just drawn costs one round trip: the
 * decision is made on the remembered run, and an append on a version that is out of date is refused by the store.
 */
export function recallingStore(store: EventStore): RecallingStore {
  const seen = new Map<string, readonly RunEvent[]>();
  const keep = (runId: string, events: readonly RunEvent[]): void => keepLately(seen, runId, events, KEPT);
  return {
    ...store,
    recall: (runId) => fold(seen.get(runId) ?? []),
    load: async (runId) => {
      const events = await store.load(runId);
      if (events.length > (seen.get(runId)?.length ?? 0)) keep(runId, events);
      return events;
    },
    append: async (request) => {
      const { runId, expectedVersion } = request;
      const result = await store.append(request);
      const before = expectedVersion === 0 ? [] : seen.get(runId);
      if (result.appended && before?.length === expectedVersion)
        keep(runId, [
          ...before,
          ...request.events.map((event, i) => ({ ...event, runId, version: expectedVersion + i + 1 })),
        ]);
      else if (!result.appended) seen.delete(runId);
      return result;
    },
  };
}
