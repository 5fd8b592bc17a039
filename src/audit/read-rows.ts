import type { Pool } from 'pg';
import { inStore } from '../postgres/fault.ts';
import type { PersonId } from '../runs/person.ts';

/** As `AuditQuery` of engine/ports.ts. `since` (inclusive) and `until` (exclusive) are ISO times. */
export interface ReadRows {
  readonly about?: { readonly runId: string } | { readonly gateway: string } | { readonly person: PersonId };
  readonly since?: string;
  readonly until?: string;
  readonly before?: number;
  readonly limit: number;
}
/** As `AuditRow` of engine/ports.ts. */
export interface StoredRow {
  readonly seq: number;
  readonly runId: string;
  readonly version: number;
  readonly body: string;
  readonly prevHash: string;
  readonly hash: string;
}

/**
 * A page of the trail, newest first. About a person: what they did themselves. About a gateway: its runs.
 * `more` says whether older rows follow; ask again with `before` set to the last row's `seq`.
 */
export async function readRows(pool: Pool, query: ReadRows): Promise<{ rows: StoredRow[]; more: boolean }> {
  const about = query.about ?? {};
  const { rows } = await inStore(() =>
    pool.query<Pick<StoredRow, 'version' | 'body' | 'hash'> & { seq: string; run_id: string; prev_hash: string }>(
      `SELECT seq, run_id, version, body, prev_hash, hash FROM kong_chatops.audit_events
        WHERE ($1::text IS NULL OR run_id = $1)
          AND ($2::text IS NULL OR run_id IN (SELECT id FROM kong_chatops.runs WHERE gateway = $2))
          AND ($3::text IS NULL OR (body::json #>> '{actor,person}') = $3)
          AND ($4::text IS NULL OR ((body::json ->> 'at') COLLATE "C") >= $4)
          AND ($5::text IS NULL OR ((body::json ->> 'at') COLLATE "C") < $5)
          AND ($6::bigint IS NULL OR seq < $6)
        ORDER BY seq DESC LIMIT $7`,
      [
        'runId' in about ? about.runId : null,
        'gateway' in about ? about.gateway : null,
        'person' in about ? about.person : null,
        normalised(query.since),
        normalised(query.until),
        query.before ?? null,
        query.limit + 1,
      ],
    ),
  );
  const page = rows.slice(0, query.limit);
  return {
    rows: page.map((row) => ({
      seq: Number(row.seq),
      runId: row.run_id,
      version: row.version,
      body: row.body,
      prevHash: row.prev_hash,
      hash: row.hash,
    })),
    more: rows.length > query.limit,
  };
}

/** Stored times have milliseconds and Z; compared as text, so the question needs the same form. */
function normalised(iso: string | undefined): string | null {
  return iso === undefined ? null : new Date(iso).toISOString();
}
