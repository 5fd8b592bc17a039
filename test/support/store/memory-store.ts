import type { WatchEvent } from '../../../src/schedules/event.ts';
import type { EventStore, RunFilter } from '../../../src/engine/ports.ts';
import type { NewSystemEvent, RunEvent } from '../../../src/runs/event.ts';
import type { AppendRequest, AppendResult, RunIndex } from '../../../src/runs/log.ts';

/** A log in memory that refuses like the real one: expected version, one holder of a lock, one run per delivery. */
export interface MemoryStore extends EventStore {
  readonly system: readonly NewSystemEvent[];
  /** Called after every append, as the real store's notification is. */
  onAppend(listener: (runId: string) => void): void;
}

export function memoryStore(): MemoryStore {
  const logs = new Map<string, RunEvent[]>();
  const indexes = new Map<string, RunIndex>();
  const deliveries = new Map<string, string>();
  const system: NewSystemEvent[] = [];
  const listeners: ((runId: string) => void)[] = [];
  let number = 141;
  let seq = 0;

  const refusal = (request: AppendRequest): AppendResult | null => {
    const known = request.deliveryKey === undefined ? undefined : deliveries.get(request.deliveryKey);
    if (known !== undefined) return { appended: false, because: 'duplicate', runId: known };
    if ((logs.get(request.runId)?.length ?? 0) !== request.expectedVersion) {
      return { appended: false, because: 'conflict' };
    }
    const holder = [...indexes.values()].find(
      ({ id, exclusive }) => exclusive !== null && exclusive === request.index.exclusive && id !== request.runId,
    );
    return holder === undefined ? null : { appended: false, because: 'exclusive', runId: holder.id };
  };

  return {
    system,
    onAppend: (listener) => void listeners.push(listener),
    append: (request) => {
      const refused = refusal(request);
      if (refused !== null) return Promise.resolve(refused);
      const log = logs.get(request.runId) ?? [];
      for (const event of request.events) log.push({ ...event, runId: request.runId, version: log.length + 1 });
      logs.set(request.runId, log);
      number = Math.max(number, Number(request.runId.slice(2)) || 0);
      indexes.set(request.runId, request.index);
      if (request.deliveryKey !== undefined) deliveries.set(request.deliveryKey, request.runId);
      seq += request.events.length;
      for (const listener of listeners) listener(request.runId);
      return Promise.resolve({ appended: true, version: log.length, seq });
    },
    appendSystem: (event, key) => {
      if (key !== undefined && deliveries.has(key))
        return Promise.resolve({ appended: false, because: 'duplicate', runId: 'system' });
      if (key !== undefined) deliveries.set(key, 'system');
      system.push(event);
      return Promise.resolve({ appended: true, version: system.length, seq: (seq += 1) });
    },
    systemEvents: (types, after) =>
      Promise.resolve(
        system
          .map((event, index) => ({ ...event, version: index + 1 }))
          .filter((event): event is typeof event & WatchEvent => event.version > after && types.includes(event.type)),
      ),
    load: (runId) => Promise.resolve([...(logs.get(runId) ?? [])]),
    nextRunId: (letter) => Promise.resolve(`${letter}-${number + 1}`),
    openRuns: () => Promise.resolve([...indexes.values()].filter(({ active, unsettled }) => active || unsettled)),
    findRuns: (filter) =>
      Promise.resolve([...indexes.values()].toReversed().filter(matching(filter)).slice(0, filter.limit)),
    // All of them: whoever asks looks for the newest of each gateway.
    latestRuns: () => Promise.resolve([...indexes.values()].toReversed()),
    provenSets: (gateway) =>
      Promise.resolve(
        [...indexes.values()].flatMap((index) =>
          index.gateway === gateway && index.setId !== null
            ? [{ set: index.setId, verifiedAt: index.verifiedAt, restoredAt: index.restoredAt }]
            : [],
        ),
      ),
  };
}

function matching({ gateway, person, active, verified, locked, kind }: RunFilter): (index: RunIndex) => boolean {
  return (index) =>
    (gateway === undefined || index.gateway === gateway) &&
    (person === undefined || index.requestedBy === person) &&
    (active === undefined || index.active === active) &&
    (locked === undefined || (index.exclusive !== null && !index.active) === locked) &&
    (verified === undefined || (index.verifiedAt !== null) === verified) &&
    isOfKind(index, kind);
}

function isOfKind(index: RunIndex, kind: RunFilter['kind']): boolean {
  return kind === undefined || index.kind === kind;
}
