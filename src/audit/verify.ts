import type { Readable } from 'node:stream';
import type { Pool } from 'pg';
import { Fault } from '../runs/fault.ts';
import { ChainReader, type ChainOptions, type ChainVerdict } from './chain-reader.ts';
import type { ChainRow } from './chain.ts';
import { linesOf } from '../runs/words/lines.ts';
import { partOf } from '../runs/words/trail-line.ts';
import { streamRows } from './stream-rows.ts';

/**
 * Reads the whole trail from the database and recomputes the chain here, not there: a server that lies about its
 * functions is found out. Memory stays flat. Throws a StoreFault when the database fails.
 */
export async function verifyDatabase(pool: Pool, options: ChainOptions = {}): Promise<ChainVerdict> {
  const reader = new ChainReader(options);
  for await (const batch of streamRows(pool)) for (const row of batch) reader.read(row);
  return reader.finish();
}

/**
 * The same over an export (NDJSON), with no database at hand. Throws a Fault naming the line that is none, and one for a
 * part of the trail: the rows left out would look deleted.
 */
export async function verifyExport(input: Readable, options: ChainOptions = {}): Promise<ChainVerdict> {
  const reader = new ChainReader(options);
  let line = 0;
  for await (const text of linesOf(input as AsyncIterable<Uint8Array | string>)) {
    line += 1;
    if (text !== '') reader.read(rowOfLine(text, line));
  }
  return reader.finish();
}

function rowOfLine(text: string, line: number): ChainRow {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    // Told below, together with JSON of another shape.
  }
  if (isChainRow(value)) return value;
  const part = partOf(value);
  if (part !== null) {
    throw new Fault(
      'audit.part-of-the-trail',
      `This file is a part of the audit trail (${part}), and a part cannot prove that no row is missing.`,
      'Check the whole trail: `kong-chatops audit verify`, or `kong-chatops audit export` and then `kong-chatops audit verify --file`.',
    );
  }
  throw new Fault(
    'audit.not-an-export',
    `Line ${line} is not a row of an audit export.`,
    'Give the file that `kong-chatops audit export` wrote, whole and unchanged. A cut-off last line means that the copy was cut off.',
  );
}

function isChainRow(value: unknown): value is ChainRow {
  if (typeof value !== 'object' || value === null) return false;
  const row = value as Record<keyof ChainRow, unknown>;
  const texts = [row.runId, row.body, row.prevHash, row.hash].every((one) => typeof one === 'string');
  return texts && Number.isSafeInteger(row.seq) && Number.isSafeInteger(row.version);
}
