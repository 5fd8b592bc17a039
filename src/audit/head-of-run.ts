import type { Pool } from 'pg';
import { inStore } from '../postgres/fault.ts';

/** The end of the trail as a signed head names it. */
export interface CoveringHead {
  readonly seq: number;
  readonly hash: string;
}

/**
 * The oldest signed head that covers the end of a run: everything about it up to its end is before that head. Null while
 * the run goes on or nobody signed since.
 */
export async function headOfRun(pool: Pool, runId: string): Promise<CoveringHead | null> {
  const { rows } = await inStore(() =>
    pool.query<{ seq: string; hash: string }>(
      `WITH ended AS (
         SELECT min(seq) AS seq FROM kong_chatops.audit_events
          WHERE run_id = $1 AND body::json ->> 'type' IN ('run.succeeded', 'run.failed', 'run.cancelled'))
       SELECT head.body::json #>> '{data,seq}' AS seq, head.body::json #>> '{data,hash}' AS hash
         FROM kong_chatops.audit_events head, ended
        WHERE head.run_id = 'system' AND head.seq > ended.seq AND head.body::json ->> 'type' = 'head.signed'
          AND (head.body::json #>> '{data,seq}')::bigint >= ended.seq
        ORDER BY head.seq LIMIT 1`,
      [runId],
    ),
  );
  const row = rows[0];
  return row === undefined ? null : { seq: Number(row.seq), hash: row.hash };
}
