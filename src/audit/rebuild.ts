import type { Pool } from 'pg';
import { inStore } from '../postgres/fault.ts';
import { SYSTEM_STREAM, type RunEvent } from '../runs/event.ts';
import type { RunIndex } from '../runs/log.ts';
import { indexColumns } from './append.ts';
import { load } from './load.ts';

/**
 * Makes the runs index again from the log alone. `fold` and `indexOf` are the pure functions that the engine uses.
 * Needs the owner's pool: the bot's role may not write the index. Answers how many runs there are.
 */
export async function rebuildIndex<Run>(
  ownerPool: Pool,
  fold: (events: readonly RunEvent[]) => Run,
  indexOf: (run: Run) => RunIndex,
): Promise<number> {
  const rows: Record<string, unknown>[] = [];
  for (const runId of await runIds(ownerPool)) rows.push(indexColumns(indexOf(fold(await load(ownerPool, runId)))));
  await replaceIndex(ownerPool, rows);
  return rows.length;
}

async function runIds(pool: Pool): Promise<string[]> {
  const { rows } = await inStore(() =>
    pool.query<{ run_id: string }>(
      'SELECT run_id FROM kong_chatops.audit_events WHERE version = 1 AND run_id <> $1 ORDER BY seq',
      [SYSTEM_STREAM],
    ),
  );
  return rows.map((row) => row.run_id);
}

/** One statement, so that no reader meets an empty index. Run it while the bot is stopped: appends meanwhile would be lost. */
async function replaceIndex(pool: Pool, rows: readonly Record<string, unknown>[]): Promise<void> {
  await inStore(() =>
    pool.query(
      `WITH fresh AS (SELECT * FROM json_populate_recordset(NULL::kong_chatops.runs, $1)),
            gone AS (DELETE FROM kong_chatops.runs WHERE id NOT IN (SELECT id FROM fresh))
       SELECT count(kong_chatops.put_run(fresh)) FROM fresh`,
      [JSON.stringify(rows)],
    ),
  );
}
