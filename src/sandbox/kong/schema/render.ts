import type { Version } from '../version.ts';
import type { Check, Field, Fields, Json } from './field.ts';

/** What `GET /schemas/…` answers: fields as a list of one-key objects; Kong 2 keeps the rules over fields to itself. */
export function renderSchema(fields: Fields, checks: readonly Check[], version: Version): Json {
  const shown = { fields: renderFields(fields) };
  return version === '2.8.5' ? shown : { entity_checks: renderChecks(checks), ...shown };
}

function renderFields(fields: Fields): Json[] {
  return Object.entries(fields).map(([name, field]) => ({ [name]: renderField(field) }));
}

function renderField({ custom: _custom, only: _only, ...field }: Field): Json {
  const { elements, keys, values, fields, shorthand_fields, entity_checks, ...plain } = field;
  return {
    ...(plain as Record<string, Json>),
    ...(elements && { elements: renderField(elements) }),
    ...(keys && { keys: renderField(keys) }),
    ...(values && { values: renderField(values) }),
    ...(fields && { fields: renderFields(fields) }),
    ...(shorthand_fields && { shorthand_fields: renderFields(shorthand_fields) }),
    ...(entity_checks && { entity_checks: renderChecks(entity_checks) }),
  };
}

function renderChecks(checks: readonly Check[]): Json[] {
  return checks.map((check) => {
    const { run: _run, ...shown } = check as { run?: unknown };
    return shown;
  });
}
