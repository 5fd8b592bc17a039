import type { Check, Json, Match, Plain } from './field.ts';
import type { Entity } from './fill.ts';
import { luaFinds } from './lua-pattern.ts';
import type { Errors } from './validate.ts';

/** The rules over several fields that the entity breaks, in Kong's words. */
export function failedChecks(checks: readonly Check[], entity: Entity, broken: Errors): Errors {
  const sentences: string[] = [];
  const errors: Errors = {};
  for (const check of checks) {
    if (fieldsIn(check).some((name) => name in broken)) continue;
    if ('conditional' in check) {
      const { if_field, if_match, then_field, then_match, then_err } = check.conditional;
      if (!matches(valueAt(entity, if_field), if_match)) continue;
      const wrong = mismatch(valueAt(entity, then_field), then_match);
      if (wrong === null) continue;
      if (then_err !== undefined) {
        sentences.push(then_err);
        continue;
      }
      sentences.push(`failed conditional validation given value of field '${if_field}'`);
      errors[then_field] = wrong;
      continue;
    }
    const sentence = failed(check, entity);
    if (sentence !== null) sentences.push(sentence);
  }
  return sentences.length > 0 ? { ...errors, '@entity': sentences } : errors;
}

function failed(check: Exclude<Check, { conditional: unknown }>, entity: Entity): string | null {
  if ('at_least_one_of' in check)
    return check.at_least_one_of.some((name) => isSet(valueAt(entity, name)))
      ? null
      : `at least one of these fields must be non-empty: ${quoted(check.at_least_one_of)}`;
  if ('only_one_of' in check)
    return check.only_one_of.filter((name) => isSet(valueAt(entity, name))).length === 1
      ? null
      : `exactly one of these fields must be non-empty: ${quoted(check.only_one_of)}`;
  if ('distinct' in check) {
    const values = check.distinct.map((name) => valueAt(entity, name)).filter(isSet);
    return new Set(values).size === values.length
      ? null
      : `values of these fields must be distinct: ${quoted(check.distinct)}`;
  }
  return check.run?.(entity) ?? null;
}

function mismatch(value: Json, match: Match): string | null {
  if (match.required) return isSet(value) ? null : 'required field missing';
  if ('eq' in match) return value === match.eq ? null : 'value must be null';
  if (match.len_eq !== undefined)
    return Array.isArray(value) && value.length !== match.len_eq ? 'length must be 0' : null;
  if (match.one_of && !includes(match.one_of, value)) return `expected one of: ${match.one_of.join(', ')}`;
  return null;
}

function matches(value: Json, match: Match): boolean {
  if ('eq' in match) return value === match.eq;
  if (match.one_of) return includes(match.one_of, value);
  if (match.not_one_of) return !includes(match.not_one_of, value);
  if (match.match !== undefined) return typeof value === 'string' && luaFinds(value, match.match);
  const { elements } = match;
  if (!elements?.not_one_of || !Array.isArray(value)) return false;
  const unwanted = elements.not_one_of;
  return (value as Json[]).every((item) => !includes(unwanted, item));
}

function fieldsIn(check: Check): readonly string[] {
  if ('conditional' in check) return [check.conditional.if_field, check.conditional.then_field];
  if ('custom_entity_check' in check) return check.custom_entity_check.field_sources;
  if ('only_one_of' in check) return check.only_one_of;
  return 'distinct' in check ? check.distinct : check.at_least_one_of;
}

/** The value at a dotted path such as `config.redis.host`. */
function valueAt(entity: Entity, path: string): Json {
  let value: Json = entity;
  for (const part of path.split('.')) {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return null;
    value = (value as Entity)[part] ?? null;
  }
  return value;
}

function isSet(value: Json): boolean {
  return value !== null && value !== '' && !(Array.isArray(value) && value.length === 0);
}

function quoted(names: readonly string[]): string {
  return names.map((name) => `'${name}'`).join(', ');
}

function includes(allowed: readonly Plain[], value: Json): boolean {
  return (allowed as readonly Json[]).includes(value);
}
