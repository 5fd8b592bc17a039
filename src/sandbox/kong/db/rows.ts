import type { Kind } from '../entities/table.ts';
import type { Field, Json } from '../schema/field.ts';
import { type Entity, idOf } from '../schema/fill.ts';

/** A row as node-postgres reads it: dates for timestamps, texts for bigints. */
export type Row = Readonly<Record<string, unknown>>;

export function columnOf(kind: Kind, field: string): string {
  return field in kind.foreign ? `${field}_id` : field;
}

/** Column → value for everything that the kind's fields say. */
export function toRow(kind: Kind, entity: Entity): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(kind.fields).map(([name, field]) => [columnOf(kind, name), toColumn(field, entity[name] ?? null)]),
  );
}

function toColumn(field: Field, value: Json): unknown {
  if (value === null) return null;
  if (field.type === 'foreign') return idOf(value) || null;
  if (field.timestamp) return new Date(Math.round(Number(value) * 1000));
  // Lists of records are jsonb[]: node-postgres turns each element into text, Postgres reads it as json.
  if (field.type === 'record' || field.type === 'map') return JSON.stringify(value);
  return value;
}

/** The entity that the Admin API shows for a row: every field, absent ones as null. */
export function toEntity(kind: Kind, row: Row): Entity {
  const entity = Object.fromEntries(
    Object.entries(kind.fields).map(([name, field]) => [name, fromColumn(field, row[columnOf(kind, name)] ?? null)]),
  );
  return kind.ttl ? { ...entity, ttl: secondsLeft(row['ttl']) } : entity;
}

function fromColumn(field: Field, value: unknown): Json {
  if (value === null) return null;
  if (field.type === 'foreign') return { id: value as string };
  if (value instanceof Date)
    return field.type === 'integer' ? Math.floor(value.getTime() / 1000) : value.getTime() / 1000;
  if (field.type === 'integer' || field.type === 'number') return Number(value);
  if (field.type === 'record' && field.fields) return withNulls(field, value as Entity);
  return value as Json;
}

/** Kong shows every field of a record, also those that a row written by an older version lacks. */
function withNulls(field: Field, value: Entity): Entity {
  const shown = Object.entries(field.fields ?? {}).map(([name, inner]) => {
    const item = value[name] ?? null;
    return [name, inner.type === 'record' && item !== null ? withNulls(inner, item as Entity) : item] as const;
  });
  return { ...value, ...Object.fromEntries(shown) };
}

function secondsLeft(until: unknown): number | null {
  return until instanceof Date ? Math.max(0, Math.floor((until.getTime() - Date.now()) / 1000)) : null;
}
