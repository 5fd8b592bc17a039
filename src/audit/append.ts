import type { Pool } from 'pg';
import { inStore } from '../postgres/fault.ts';
import type { NewEvent, NewSystemEvent } from '../runs/event.ts';
import { SYSTEM_STREAM } from '../runs/event.ts';
import { canonicalText } from '../runs/json.ts';
import type { AppendRequest, AppendResult, RunIndex } from '../runs/log.ts';

interface AppendRow {
  readonly outcome: 'appended' | 'conflict' | 'exclusive' | 'duplicate';
  readonly other_run: string | null;
  readonly version: number;
  readonly seq: string;
}

/** One call of `append_events`; `expected` and `index` null mean the end of the system stream. */
export interface AppendCall {
  readonly runId: string;
  readonly expected: number | null;
  readonly bodies: readonly string[];
  readonly index: Record<string, unknown> | null;
  readonly deliveryKey: string | null;
}

/** Appends all events of a request or none: the expected version is checked, the chain continued, listeners told. */
export function callOf(request: AppendRequest): AppendCall {
  return {
    runId: request.runId,
    expected: request.expectedVersion,
    bodies: request.events.map(bodyOf),
    index: indexColumns(request.index),
    deliveryKey: request.deliveryKey ?? null,
  };
}

/** Appends to the system stream, at its end wherever that is. */
export function systemCallOf(event: NewSystemEvent, key?: string): AppendCall {
  return { runId: SYSTEM_STREAM, expected: null, bodies: [bodyOf(event)], index: null, deliveryKey: key ?? null };
}

/**
 * Does the calls in one round trip and one transaction, each with its own outcome, in order.
 * Throws a StoreFault when the database fails; after a lost connection the outcome is unknown, so load again.
 */
export async function appendAll(pool: Pool, calls: readonly AppendCall[]): Promise<AppendResult[]> {
  const { rows } = await inStore(() =>
    pool.query<AppendRow>({
      name: 'append_batch',
      text: 'SELECT outcome, other_run, version, seq FROM kong_chatops.append_batch($1)',
      values: [JSON.stringify(calls)],
    }),
  );
  return rows.map((row, i) => resultOf(row, calls[i]?.runId ?? ''));
}

function resultOf(row: AppendRow, runId: string): AppendResult {
  if (row.outcome === 'appended') return { appended: true, version: row.version, seq: Number(row.seq) };
  if (row.outcome === 'conflict') return { appended: false, because: 'conflict' };
  return { appended: false, because: row.outcome, runId: row.other_run ?? runId };
}

/** The stored text of an event: who, when, what. Run and version stand beside it, under the same hash. */
function bodyOf(event: NewEvent | NewSystemEvent): string {
  const body = { actor: event.actor, at: event.at, data: event.data, type: event.type };
  try {
    const text = canonicalText(body);
    if (!text.includes(NUL_ESCAPE)) return text;
  } catch {
    // Repaired below.
  }
  return canonicalText(JSON.parse(JSON.stringify(body), storable));
}

const NUL_ESCAPE = String.raw`\u0000`;

/**
 * A tool's output may hold a NUL (which PostgreSQL's JSON functions refuse) or half an emoji, cut off by a length limit
 * (which has no canonical text). Losing that character beats losing the event.
 */
function storable(_key: string, value: unknown): unknown {
  return typeof value === 'string' ? value.toWellFormed().replaceAll('\0', '\uFFFD') : value;
}

/** The columns of `kong_chatops.runs`. */
export function indexColumns(index: RunIndex): Record<string, unknown> {
  return {
    id: index.id,
    kind: index.kind,
    gateway: index.gateway,
    state: index.state,
    version: index.version,
    requested_by: index.requestedBy,
    requested_at: index.requestedAt,
    updated_at: index.updatedAt,
    active: index.active,
    unsettled: index.unsettled,
    exclusive: index.exclusive,
    due_at: index.dueAt,
    verified_at: index.verifiedAt,
    set_id: index.setId,
    restored_at: index.restoredAt,
  };
}
