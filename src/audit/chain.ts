import { createHash } from 'node:crypto';

/** A row of the trail as it is stored and exported. Hashes are 64 hexadecimal digits. */
export interface ChainRow {
  readonly seq: number;
  readonly runId: string;
  readonly version: number;
  readonly body: string;
  readonly prevHash: string;
  readonly hash: string;
}

/** What precedes the first row. */
export const GENESIS_HASH = '0'.repeat(64);

/** The rule of the chain; `event_hash` in SQL computes the same. */
export function rowHash(row: Omit<ChainRow, 'hash'>): string {
  return createHash('sha256')
    .update(`${row.prevHash}\n${row.seq}\n${row.runId}\n${row.version}\n${row.body}`, 'utf8')
    .digest('hex');
}
