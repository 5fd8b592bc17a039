import type { Pool } from 'pg';
import { inStore } from './fault.ts';

/** As `ProgressRow` of engine/ports.ts. */
export interface StepProgress {
  readonly runId: string;
  readonly step: string;
  readonly attempt: number;
  readonly at: string;
  readonly done: number;
  readonly total: number | null;
  readonly unit: 'bytes' | 'tables' | 'files' | 'workspaces' | 'checks' | 'lines';
  readonly note?: string;
}

/** How far a running step is: one row per run, overwritten, notified. Not part of the audit trail. */
export function createProgressBoard(pool: Pool): {
  report(row: StepProgress): Promise<void>;
  read(runId: string): Promise<StepProgress | null>;
} {
  return { report: (row) => report(pool, row), read: (runId) => read(pool, runId) };
}

async function report(pool: Pool, row: StepProgress): Promise<void> {
  await inStore(() =>
    pool.query({
      name: 'report_progress',
      // An older report that arrives late changes nothing and tells nobody.
      text: `WITH put AS (
          INSERT INTO kong_chatops.step_progress AS p (run_id, step, attempt, done, total, unit, note, at)
          VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
          ON CONFLICT (run_id) DO UPDATE SET step = excluded.step, attempt = excluded.attempt, done = excluded.done,
            total = excluded.total, unit = excluded.unit, note = excluded.note, at = excluded.at
          WHERE excluded.at >= p.at
          RETURNING run_id)
        SELECT pg_notify('kong_chatops_progress', run_id) FROM put`,
      values: [row.runId, row.step, row.attempt, row.done, row.total, row.unit, row.note ?? null, row.at],
    }),
  );
}

async function read(pool: Pool, runId: string): Promise<StepProgress | null> {
  const { rows } = await inStore(() =>
    pool.query<Omit<StepProgress, 'runId' | 'at' | 'note'> & { note: string | null; at: Date }>({
      name: 'read_progress',
      text: `SELECT step, attempt, done::float8 AS done, total::float8 AS total, unit, note, at
               FROM kong_chatops.step_progress WHERE run_id = $1`,
      values: [runId],
    }),
  );
  const row = rows[0];
  if (row === undefined) return null;
  const { note, at, ...rest } = row;
  return { runId, ...rest, at: at.toISOString(), ...(note === null ? {} : { note }) };
}
