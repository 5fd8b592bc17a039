import type { DatabaseContent, RowPrint } from './database-content.ts';
import type { TableShape } from './database-content-sql.ts';

/** How one table differs: rows that only the other side has, rows that differ, rows that only this side has. */
export interface TableChange {
  readonly bare: string;
  readonly created: number;
  readonly updated: number;
  readonly deleted: number;
  /** Of a few rows, in the order of their keys; the key where the row has no name. */
  readonly names: readonly string[];
  /** Hash over what differs on both sides. */
  readonly prints: readonly string[];
}

/** 256 parts: one of a table with 100,000 rows has some 400. */
const BITS = 8;
/** Rows of so many parts are fetched at once: bounds the memory, whatever the size of the table. */
const PARTS_AT_ONCE = 16;
const NAMES = 5;
const NOTHING: Readonly<Record<string, readonly [number, string]>> = {};

/**
 * What changes in a table when `after` takes the place of `before`. Equal parts are told by one hash each, so only rows
 * near a difference travel, as hashes. `before` null: there is nothing, so everything is created.
 */
export async function compareTable(
  before: DatabaseContent | null,
  after: DatabaseContent,
  shape: TableShape,
): Promise<TableChange> {
  const [old, restored] = await Promise.all([before?.parts(shape, BITS) ?? NOTHING, after.parts(shape, BITS)]);
  const names = [...new Set([...Object.keys(old), ...Object.keys(restored)])].sort();
  const different = names.filter((part) => old[part]?.[1] !== restored[part]?.[1]);
  const total: Tally = { created: 0, updated: 0, deleted: 0, names: [], prints: [] };
  for (let from = 0; from < different.length; from += PARTS_AT_ONCE) {
    const some = different.slice(from, from + PARTS_AT_ONCE);
    const [was, is] = await Promise.all([before?.rowsIn(shape, BITS, some) ?? [], after.rowsIn(shape, BITS, some)]);
    tally(total, was, is);
  }
  for (const part of different) total.prints.push(`${part} ${old[part]?.[1] ?? '-'} ${restored[part]?.[1] ?? '-'}`);
  return { bare: shape.bare, ...total };
}

interface Tally {
  created: number;
  updated: number;
  deleted: number;
  readonly names: string[];
  readonly prints: string[];
}

function tally(total: Tally, before: readonly RowPrint[], after: readonly RowPrint[]): void {
  const old = new Map(before.map(([key, hash, name]) => [key, { hash, name }]));
  for (const [key, hash, name] of after) {
    const known = old.get(key);
    old.delete(key);
    if (known?.hash === hash) continue;
    if (known === undefined) total.created += 1;
    else total.updated += 1;
    note(total, key, name);
  }
  for (const [key, { name }] of old) {
    total.deleted += 1;
    note(total, key, name);
  }
}

function note(total: Tally, key: string, name: string | null): void {
  if (total.names.length < NAMES) total.names.push(name ?? shortKey(key));
}

/** `["3f2c…"]` → `3f2c…`: enough to find the row again. */
function shortKey(key: string): string {
  const text = key.replaceAll(/[[\]" ]/g, '');
  return text.length > 36 ? `${text.slice(0, 36)}…` : text;
}
