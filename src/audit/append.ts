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

/**
 * Appends all events of the request or none, in one round trip: the expected version is checked, the chain continued,
 * the index row written and the listeners told by the same transaction.
 * Throws a StoreFault when the database fails; after a lost connection the outcome is unknown, so load again.
 */
export async function append(pool: Pool, request: AppendRequest): Promise<AppendResult> {
  const row = await callAppend(pool, [
    request.runId,
    request.expectedVersion,
    request.events.map(bodyOf),
    JSON.stringify(indexColumns(request.index)),
    request.deliveryKey ?? null,
  ]);
  if (row.outcome === 'appended') return { appended: true, version: row.version, seq: Number(row.seq) };
  if (row.outcome === 'conflict') return { appended: false, because: 'conflict' };
  return { appended: false, because: row.outcome, runId: row.other_run ?? request.runId };
}

/** Appends to the system stream, at its end wherever that is. */
export async function appendSystem(pool: Pool, event: NewSystemEvent): Promise<void> {
  await callAppend(pool, [SYSTEM_STREAM, null, [bodyOf(event)], null, null]);
}

async function callAppend(pool: Pool, values: unknown[]): Promise<AppendRow> {
  const { rows } = await inStore(() =>
    pool.query<AppendRow>({
      name: 'append_events',
      text: 'SELECT outcome, other_run, version, seq FROM kong_chatops.append_events($1, $2, $3, $4, $5)',
      values,
    }),
  );
  if (rows[0] === undefined) throw new TypeError('append_events answers one row');
  return rows[0];
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
  };
}
