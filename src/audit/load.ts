import type { Pool } from 'pg';
import { inStore } from '../postgres/fault.ts';
import { SYSTEM_STREAM, type RunEvent } from '../runs/event.ts';
import type { WatchEvent } from '../schedules/event.ts';

/** All events of a run in order; empty when there is no such run. */
export async function load(pool: Pool, runId: string): Promise<RunEvent[]> {
  const { rows } = await inStore(() =>
    pool.query<{ version: number; body: string }>({
      name: 'load_events',
      text: 'SELECT version, body FROM kong_chatops.audit_events WHERE run_id = $1 ORDER BY version',
      values: [runId],
    }),
  );
  return rows.map((row) => eventOf(runId, row.version, row.body));
}

/** Rows of the system stream of these types behind a version of it, in order. */
export async function systemEvents(pool: Pool, types: readonly string[], after: number): Promise<WatchEvent[]> {
  const { rows } = await inStore(() =>
    pool.query<{ version: number; body: string }>({
      name: 'system_events',
      text: `SELECT version, body FROM kong_chatops.audit_events
              WHERE run_id = $1 AND version > $2 AND body::json ->> 'type' = ANY($3) ORDER BY version`,
      values: [SYSTEM_STREAM, after, types],
    }),
  );
  return rows.map(
    ({ version, body }) => ({ ...(JSON.parse(body) as Omit<WatchEvent, 'version'>), version }) as WatchEvent,
  );
}

/** The next free number for a kind of run: `B-142`. The append of that run takes it, so a refused one leaves no gap. */
export async function nextRunId(pool: Pool, letter: string): Promise<string> {
  const { rows } = await inStore(() =>
    pool.query<{ number: string }>({
      name: 'next_run_number',
      text: 'SELECT kong_chatops.next_run_number($1) AS number',
      values: [letter],
    }),
  );
  if (rows[0] === undefined) throw new TypeError('next_run_number answers one row');
  return `${letter}-${rows[0].number}`;
}

/** The stored text back as an event. What was appended came from typed events, so it is not checked again. */
export function eventOf(runId: string, version: number, body: string): RunEvent {
  return { ...(JSON.parse(body) as Omit<RunEvent, 'runId' | 'version'>), runId, version } as RunEvent;
}
