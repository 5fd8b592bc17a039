import { failedChecks } from './checks.ts';
import type { Check, Field, Fields, Json, Plain } from './field.ts';
import { asText, type Entity, isRecord } from './fill.ts';
import { luaFinds } from './lua-pattern.ts';

/** Kong's shape of errors: a sentence for each field, nested like the entity; rules over fields under `@entity`. */
export type Errors = { [field: string]: string | readonly string[] | Errors };

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;

const KIND: Readonly<Record<Field['type'], readonly [string, (value: Json) => boolean]>> = {
  string: ['expected a string', (value) => typeof value === 'string'],
  integer: ['expected an integer', (value) => Number.isInteger(value)],
  number: ['expected a number', (value) => typeof value === 'number'],
  boolean: ['expected a boolean', (value) => typeof value === 'boolean'],
  array: ['expected an array', Array.isArray],
  set: ['expected a set', Array.isArray],
  map: ['expected a map', isRecord],
  record: ['expected a record', isRecord],
  foreign: ['expected a valid table', isRecord],
};

/** Everything that is wrong with the filled entity; an empty object when nothing is. */
export function validate(fields: Fields, checks: readonly Check[], entity: Entity): Errors {
  const errors: Errors = {};
  for (const name of Object.keys(entity)) if (!(name in fields)) errors[name] = 'unknown field';
  for (const [name, field] of Object.entries(fields)) {
    const wrong = checkField(field, entity[name] ?? null);
    if (wrong !== null) errors[name] = wrong;
  }
  // Kong looks at a rule only when the fields that it speaks of are sound.
  return { ...errors, ...failedChecks(checks, entity, errors) };
}

export function isUuid(value: string): boolean {
  return UUID.test(value);
}

/** What is wrong with one value, or null. Used for fields and for elements of lists alike. */
export function checkField(field: Field, value: Json): string | Errors | null {
  if (value === null) return field.required ? 'required field missing' : null;
  if (field.eq === null) return 'value must be null';
  const [words, fits] = KIND[field.type];
  if (!fits(value)) return words;
  if (Array.isArray(value)) return checkItems(field, value as Json[]);
  if (isRecord(value)) return checkInside(field, value);
  const sentence = checkRange(field, value) ?? (typeof value === 'string' ? checkText(field, value) : null);
  return sentence ?? field.custom?.(value) ?? null;
}

function checkInside(field: Field, value: Entity): string | Errors | null {
  if (field.type === 'foreign') {
    const id = value['id'];
    return typeof id === 'string' && UUID.test(id) ? null : { id: 'expected a valid UUID' };
  }
  if (field.type === 'record') return orNull(validate(field.fields ?? {}, field.entity_checks ?? [], value));
  const wrong: Errors = {};
  for (const [key, item] of Object.entries(value)) {
    const sentence = (field.keys && checkField(field.keys, key)) ?? (field.values && checkField(field.values, item));
    if (sentence) wrong[key] = sentence;
  }
  return orNull(wrong);
}

function checkItems(field: Field, items: readonly Json[]): string | Errors | null {
  if (field.len_min !== undefined && items.length < field.len_min) return `length must be at least ${field.len_min}`;
  const wrong: Errors = {};
  for (const [index, item] of items.entries()) {
    const sentence = field.elements ? checkField(field.elements, item) : null;
    if (sentence !== null) wrong[index + 1] = sentence;
  }
  return orNull(wrong) ?? checkSubsets(field, items);
}

function checkSubsets({ mutually_exclusive_subsets: subsets }: Field, items: readonly Json[]): string | null {
  const touched = (subsets ?? []).filter((subset) => items.some((item) => subset.includes(asText(item))));
  if (touched.length < 2) return null;
  const all = (subsets ?? []).map((subset) => `('${subset.join("', '")}')`).join(', ');
  return `these sets are mutually exclusive: ${all}`;
}

function checkRange(field: Field, value: Json): string | null {
  if (field.one_of && !includes(field.one_of, value)) return `expected one of: ${field.one_of.join(', ')}`;
  if (field.between && !inside(Number(value), field.between))
    return `value should be between ${field.between[0]} and ${field.between[1]}`;
  if (field.gt !== undefined && Number(value) <= field.gt) return `value must be greater than ${field.gt}`;
  return null;
}

function checkText(field: Field, value: string): string | null {
  if (field.uuid && !UUID.test(value)) return 'expected a valid UUID';
  // Kong takes an empty text only where the schema says so.
  const shortest = field.len_min ?? 1;
  if (value.length < shortest) return `length must be at least ${shortest}`;
  if (field.starts_with !== undefined && !value.startsWith(field.starts_with))
    return `should start with: ${field.starts_with}`;
  return checkPatterns(field, value);
}

function checkPatterns(field: Field, value: string): string | null {
  const unwanted = field.match_none?.find(({ pattern }) => luaFinds(value, pattern));
  if (unwanted) return unwanted.err;
  const missing = field.match_all?.find(({ pattern }) => !luaFinds(value, pattern));
  if (missing) return missing.err;
  const any = field.match_any;
  if (any && !any.patterns.some((pattern) => luaFinds(value, pattern))) return any.err;
  if (field.match !== undefined && !luaFinds(value, field.match)) return field.err ?? `invalid value: ${value}`;
  return null;
}

function inside(value: number, [low, high]: readonly [number, number]): boolean {
  return value >= low && value <= high;
}

function orNull(errors: Errors): Errors | null {
  return Object.keys(errors).length === 0 ? null : errors;
}

function includes(allowed: readonly Plain[], value: Json): boolean {
  return (allowed as readonly Json[]).includes(value);
}
