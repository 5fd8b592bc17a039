import type { Pool } from 'pg';
import { inStore } from '../postgres/fault.ts';
import type { RunIndex } from '../runs/log.ts';
import type { PersonId } from '../runs/person.ts';
import type { RunKind } from '../runs/plan.ts';
import type { RunState } from '../runs/run.ts';

/** As `RunFilter` of engine/ports.ts. */
export interface FindRuns {
  readonly gateway?: string;
  readonly person?: PersonId;
  readonly active?: boolean;
  readonly verified?: boolean;
  readonly locked?: boolean;
  readonly kind?: RunKind;
  readonly limit: number;
}

/** As `ProvenSet` of engine/ports.ts. */
export interface ProvenSet {
  readonly set: string;
  readonly verifiedAt: string | null;
  readonly restoredAt: string | null;
}

interface RunRow {
  readonly id: string;
  readonly kind: RunKind;
  readonly gateway: string;
  readonly state: RunState;
  readonly version: number;
  readonly requested_by: string;
  readonly requested_at: Date;
  readonly updated_at: Date;
  readonly active: boolean;
  readonly unsettled: boolean;
  readonly exclusive: string | null;
  readonly due_at: Date | null;
  readonly verified_at: Date | null;
  readonly set_id: string | null;
  readonly restored_at: Date | null;
}

const COLUMNS =
  'id, kind, gateway, state, version, requested_by, requested_at, updated_at, active, unsettled, exclusive, due_at, verified_at, set_id, restored_at';

/** Runs that the sweep must look at: active, or owing a last drawing. Oldest first, so that none is starved. */
export async function openRuns(pool: Pool): Promise<RunIndex[]> {
  const { rows } = await inStore(() =>
    pool.query<RunRow>(`SELECT ${COLUMNS} FROM kong_chatops.runs WHERE active OR unsettled ORDER BY requested_at, id`),
  );
  return rows.map(indexOfRow);
}

/** Runs by the person who asked, the gateway, whether they are active or verified something. Newest first. */
export async function findRuns(pool: Pool, filter: FindRuns): Promise<RunIndex[]> {
  const { rows } = await inStore(() =>
    pool.query<RunRow>(
      `SELECT ${COLUMNS} FROM kong_chatops.runs
        WHERE ($1::text IS NULL OR gateway = $1)
          AND ($2::text IS NULL OR requested_by = $2)
          AND ($3::boolean IS NULL OR active = $3)
          AND ($4::boolean IS NULL OR (verified_at IS NOT NULL) = $4)
          AND ($5::boolean IS NULL OR (exclusive IS NOT NULL AND NOT active) = $5)
          AND ($6::text IS NULL OR kind = $6)
        ORDER BY requested_at DESC, length(id) DESC, id DESC LIMIT $7`,
      [
        filter.gateway ?? null,
        filter.person ?? null,
        filter.active ?? null,
        filter.verified ?? null,
        filter.locked ?? null,
        filter.kind ?? null,
        filter.limit,
      ],
    ),
  );
  return rows.map(indexOfRow);
}

/**
 * What a status needs of every gateway, in one statement: its newest verified backup, its newest ended run, its active ones,
 * and whichever locks it, however long ago it ended. A run that is two of these comes once.
 */
export async function latestRuns(pool: Pool): Promise<RunIndex[]> {
  const { rows } = await inStore(() =>
    pool.query<RunRow>(
      `SELECT ${COLUMNS} FROM kong_chatops.runs WHERE active
       UNION
       SELECT ${COLUMNS} FROM (
         SELECT *, row_number() OVER newest AS rank, row_number() OVER newest_verified AS verified_rank
           FROM kong_chatops.runs WHERE NOT active
         WINDOW newest AS (PARTITION BY gateway ORDER BY requested_at DESC, length(id) DESC, id DESC),
                newest_verified AS (PARTITION BY gateway
                                    ORDER BY kind <> 'backup' OR verified_at IS NULL,
                                             requested_at DESC, length(id) DESC, id DESC)
       ) ended WHERE rank = 1 OR (verified_rank = 1 AND kind = 'backup' AND verified_at IS NOT NULL) OR exclusive IS NOT NULL
       ORDER BY requested_at DESC, id DESC`,
    ),
  );
  return rows.map(indexOfRow);
}

/** What runs proved of each set of a gateway: when it was verified, and when a drill last restored it. */
export async function provenSets(pool: Pool, gateway: string): Promise<ProvenSet[]> {
  const { rows } = await inStore(() =>
    pool.query<{ set_id: string; verified_at: Date | null; restored_at: Date | null }>(
      `SELECT set_id, max(verified_at) AS verified_at, max(restored_at) AS restored_at
         FROM kong_chatops.runs WHERE gateway = $1 AND set_id IS NOT NULL GROUP BY set_id ORDER BY set_id`,
      [gateway],
    ),
  );
  return rows.map((row) => ({
    set: row.set_id,
    verifiedAt: row.verified_at?.toISOString() ?? null,
    restoredAt: row.restored_at?.toISOString() ?? null,
  }));
}

/** Every row of the index, by id: for comparing it with the log. */
export async function allRuns(pool: Pool): Promise<RunIndex[]> {
  const { rows } = await inStore(() => pool.query<RunRow>(`SELECT ${COLUMNS} FROM kong_chatops.runs ORDER BY id`));
  return rows.map(indexOfRow);
}

function indexOfRow(row: RunRow): RunIndex {
  return {
    id: row.id,
    kind: row.kind,
    gateway: row.gateway,
    state: row.state,
    version: row.version,
    requestedBy: row.requested_by,
    requestedAt: row.requested_at.toISOString(),
    updatedAt: row.updated_at.toISOString(),
    active: row.active,
    unsettled: row.unsettled,
    exclusive: row.exclusive,
    dueAt: row.due_at?.toISOString() ?? null,
    verifiedAt: row.verified_at?.toISOString() ?? null,
    setId: row.set_id,
    restoredAt: row.restored_at?.toISOString() ?? null,
  };
}
