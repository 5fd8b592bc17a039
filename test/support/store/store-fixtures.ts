import type { NewEvent } from '../../../src/runs/event.ts';
import type { AppendRequest, RunIndex } from '../../../src/runs/log.ts';
import type { Actor } from '../../../src/runs/person.ts';

/** Events and index rows for tests of the store, which does not look into them. */
export const BOT: Actor = { kind: 'bot', host: 'test', pid: 1 };
export const AT = '2026-11-21T08:00:00.000Z';

export function watcher(person = 'T01/U01ALICE', at = AT): NewEvent {
  return {
    type: 'watcher.added',
    at,
    actor: { kind: 'person', person, via: 'cli', host: 'h', systemUser: 'alice' },
    data: { person },
  };
}

export function indexRow(id: string, version: number, more: Partial<RunIndex> = {}): RunIndex {
  return {
    id,
    kind: 'backup',
    gateway: 'production',
    state: 'running',
    version,
    requestedBy: 'T01/U01ALICE',
    requestedAt: AT,
    updatedAt: AT,
    active: true,
    unsettled: false,
    exclusive: null,
    dueAt: null,
    verifiedAt: null,
    setId: null,
    restoredAt: null,
    ...more,
  };
}

export function appendRequest(
  runId: string,
  expectedVersion: number,
  more: { index?: Partial<RunIndex>; events?: readonly NewEvent[]; deliveryKey?: string } = {},
): AppendRequest {
  const events = more.events ?? [watcher()];
  return {
    runId,
    expectedVersion,
    events,
    index: indexRow(runId, expectedVersion + events.length, more.index),
    ...(more.deliveryKey === undefined ? {} : { deliveryKey: more.deliveryKey }),
  };
}
