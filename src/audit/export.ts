import { Readable } from 'node:stream';
import type { Pool } from 'pg';
import { trailLine } from '../runs/words/trail-line.ts';
import { streamRows } from './stream-rows.ts';

/**
 * The whole trail as NDJSON, one row a line with everything that its hash covers, so that `verifyExport` needs nothing
 * else. Pipe it; it reads only as fast as it is read.
 */
export function exportTrail(pool: Pool): Readable {
  return Readable.from(lines(pool), { objectMode: false });
}

async function* lines(pool: Pool): AsyncGenerator<string> {
  for await (const batch of streamRows(pool)) yield batch.map(trailLine).join('');
}
