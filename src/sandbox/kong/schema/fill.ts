import { randomBytes, randomUUID } from 'node:crypto';
import type { Field, Fields, Json } from './field.ts';

export type Entity = Record<string, Json>;

/** The entity with every field of its description: given values kept, defaults and automatic ones added, else null. */
export function fill(fields: Fields, given: Readonly<Entity>, now: number): Entity {
  const filled: Entity = { ...given };
  for (const [name, field] of Object.entries(fields)) filled[name] = fillOne(field, given[name], now);
  return filled;
}

function fillOne(field: Field, given: Json | undefined, now: number): Json {
  const value = given === undefined ? startValue(field, now) : given;
  if (field.type === 'record' && field.fields && isRecord(value)) return fill(field.fields, value, now);
  if (!Array.isArray(value)) return value;
  const items = (value as Json[]).map((item) => (field.elements ? fillOne(field.elements, item, now) : item));
  return field.type === 'set' ? withoutRepeats(items) : items;
}

function startValue(field: Field, now: number): Json {
  if (field.default !== undefined) return field.default;
  if (field.type === 'record' && field.required) return {};
  if (!field.auto) return null;
  if (field.uuid) return randomUUID();
  if (field.timestamp) return field.type === 'integer' ? Math.floor(now / 1000) : now / 1000;
  return randomBytes(24).toString('base64').replaceAll(/[+/]/g, 'x');
}

/** A change laid over what is there: records merge, everything else is replaced. */
export function merge(fields: Fields, old: Readonly<Entity>, change: Readonly<Entity>): Entity {
  const merged: Entity = { ...old };
  for (const [name, value] of Object.entries(change)) {
    const before = old[name];
    const inner = fields[name]?.type === 'record' ? fields[name].fields : undefined;
    merged[name] = inner && isRecord(value) && isRecord(before) ? merge(inner, before, value) : value;
  }
  return merged;
}

export function isRecord(value: Json | undefined): value is Entity {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function withoutRepeats(items: readonly Json[]): Json[] {
  const seen = new Map(items.map((item) => [JSON.stringify(item), item]));
  return [...seen.values()];
}

/** The text of a plain value; nothing for what is absent or not plain. */
export function asText(value: Json | undefined): string {
  return typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean' ? `${value}` : '';
}

/** The id inside a foreign field such as `{ id: '…' }`. */
export function idOf(value: Json | undefined): string {
  return isRecord(value) ? asText(value['id']) : '';
}
