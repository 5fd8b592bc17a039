import type { NewEvent, NewSystemEvent } from './event.ts';
import type { RunKind } from './plan.ts';
import type { RunState } from './run.ts';

/** The `runs` row: an index, written with the append from the folded state, never read to decide. */
export interface RunIndex {
  readonly id: string;
  readonly kind: RunKind;
  readonly gateway: string;
  readonly state: RunState;
  readonly version: number;
  readonly requestedBy: string;
  readonly requestedAt: string;
  readonly updatedAt: string;
  /** False once terminal. The sweep wakes the active ones. */
  readonly active: boolean;
  /** True while a message of an ended run still owes its last drawing. The sweep publishes those too. */
  readonly unsettled: boolean;
  /** What at most one active run may hold, e.g. `backup:production`; null once terminal. A unique constraint. */
  readonly exclusive: string | null;
  /** When the clock alone makes something due (expiry, reminder, retry); null when nothing waits for time. */
  readonly dueAt: string | null;
  /** Set when a backup was verified: ISO time; feeds "last verified". */
  readonly verifiedAt: string | null;
  /** The set that the run published, or that a drill restored; null when it has none (yet). */
  readonly setId: string | null;
  /** Set when a drill restored `setId` into a scratch database and every count matched: ISO time. */
  readonly restoredAt: string | null;
}

export interface AppendRequest {
  readonly runId: string;
  /** The version the writer decided on: 0 for a new run. */
  readonly expectedVersion: number;
  readonly events: readonly NewEvent[];
  readonly index: RunIndex;
  /** A delivery's own id (command trigger, CLI request): the same one twice is `duplicate`. */
  readonly deliveryKey?: string;
}

/**
 * `conflict`: somebody else wrote first, reload and decide again. `exclusive`: another active run holds it.
 * `duplicate`: this delivery was already recorded. `runId` names the other run where there is one.
 */
export type AppendResult =
  | { readonly appended: true; readonly version: number; readonly seq: number }
  | { readonly appended: false; readonly because: 'conflict' }
  | { readonly appended: false; readonly because: 'exclusive' | 'duplicate'; readonly runId: string };

/** With a key: the same one twice is `duplicate`, so that of two processes which find the same fact one records it. */
export type AppendSystem = (event: NewSystemEvent, key?: string) => Promise<AppendResult>;
