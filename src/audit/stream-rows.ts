import type { Pool, PoolClient } from 'pg';
import { inStore } from '../postgres/fault.ts';
import type { ChainRow } from './chain.ts';

/** Rows per round trip: big enough to hide the round trip, small enough for flat memory (about 2 MB). */
const BATCH = 2_000;

type RowArray = [seq: string, runId: string, version: number, body: string, prevHash: string, hash: string];

/** The whole trail in order, batch by batch, as of one moment: appends meanwhile are not seen. */
export async function* streamRows(pool: Pool): AsyncGenerator<ChainRow[]> {
  const client = await inStore(() => pool.connect());
  let broken: Error | undefined;
  try {
    await begin(client);
    for (;;) {
      const rows = await fetchBatch(client);
      if (rows.length > 0) yield rows;
      if (rows.length < BATCH) return;
    }
  } catch (error) {
    broken = error instanceof Error ? error : new Error(String(error));
    throw error;
  } finally {
    // Ends the transaction and its cursor; a broken session is thrown away by the pool.
    if (broken === undefined) await client.query('ROLLBACK').catch((error: Error) => (broken = error));
    client.release(broken);
  }
}

async function begin(client: PoolClient): Promise<void> {
  await inStore(async () => {
    await client.query('BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY');
    await client.query(
      `DECLARE trail NO SCROLL CURSOR FOR
        SELECT seq, run_id, version, body, prev_hash, hash FROM kong_chatops.audit_events ORDER BY seq`,
    );
  });
}

async function fetchBatch(client: PoolClient): Promise<ChainRow[]> {
  const { rows } = await inStore(() => client.query<RowArray>({ text: `FETCH ${BATCH} FROM trail`, rowMode: 'array' }));
  return rows.map(([seq, runId, version, body, prevHash, hash]) => ({
    seq: Number(seq),
    runId,
    version,
    body,
    prevHash,
    hash,
  }));
}
