import type { Version } from '../version.ts';

export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };

/** A value that a list of allowed values may hold. */
export type Plain = string | number;

/** Answers null when the value is fine, otherwise Kong's words for what is wrong with it. */
export type Custom = (value: Json) => string | null;

/**
 * One field as Kong describes it at `GET /schemas/…`; the names of the attributes are Kong's own.
 * `only`, `custom` and `random` are ours and never shown.
 */
export interface Field {
  readonly type: 'string' | 'integer' | 'number' | 'boolean' | 'array' | 'set' | 'map' | 'record' | 'foreign';
  readonly required?: boolean;
  readonly default?: Json;
  readonly auto?: true;
  readonly uuid?: true;
  readonly timestamp?: true;
  readonly unique?: true;
  readonly len_min?: number;
  readonly one_of?: readonly Plain[];
  readonly not_one_of?: readonly Plain[];
  readonly between?: readonly [number, number];
  readonly gt?: number;
  readonly eq?: null;
  readonly match?: string;
  readonly match_none?: readonly { readonly pattern: string; readonly err: string }[];
  readonly match_all?: readonly { readonly pattern: string; readonly err: string }[];
  readonly match_any?: { readonly patterns: readonly string[]; readonly err: string };
  readonly starts_with?: string;
  readonly is_regex?: true;
  readonly err?: string;
  readonly referenceable?: true;
  readonly encrypted?: true;
  readonly reference?: string;
  readonly on_delete?: 'cascade';
  readonly mutually_exclusive_subsets?: readonly (readonly string[])[];
  readonly deprecation?: Json;
  readonly elements?: Field;
  readonly keys?: Field;
  readonly values?: Field;
  readonly fields?: Fields;
  readonly shorthand_fields?: Fields;
  readonly entity_checks?: readonly Check[];
  /** Present in this version alone. */
  readonly only?: Version;
  readonly custom?: Custom;
}

export type Fields = Readonly<Record<string, Field>>;

export interface Match {
  readonly eq?: null | Json;
  readonly required?: boolean;
  readonly one_of?: readonly Plain[];
  readonly not_one_of?: readonly Plain[];
  readonly match?: string;
  readonly len_eq?: number;
  readonly elements?: Field;
}

/** A rule over several fields. `run` is ours: Kong shows only where a custom check looks. */
export type Check =
  | { readonly at_least_one_of: readonly string[] }
  | { readonly only_one_of: readonly string[] }
  | { readonly distinct: readonly string[] }
  | {
      readonly conditional: {
        readonly if_field: string;
        readonly if_match: Match;
        readonly then_field: string;
        readonly then_match: Match;
        readonly then_err?: string;
      };
    }
  | {
      readonly custom_entity_check: {
        readonly field_sources: readonly string[];
        readonly run_with_missing_fields?: true;
      };
      readonly run?: (entity: Record<string, Json>) => string | null;
    };

type Rest = Omit<Field, 'type'>;

export const text = (rest: Rest = {}): Field => ({ type: 'string', ...rest });
export const integer = (rest: Rest = {}): Field => ({ type: 'integer', ...rest });
export const decimal = (rest: Rest = {}): Field => ({ type: 'number', ...rest });
export const flag = (rest: Rest = {}): Field => ({ type: 'boolean', ...rest });
export const list = (elements: Field, rest: Rest = {}): Field => ({ type: 'array', elements, ...rest });
export const set = (elements: Field, rest: Rest = {}): Field => ({ type: 'set', elements, ...rest });
export const map = (keys: Field, values: Field, rest: Rest = {}): Field => ({ type: 'map', keys, values, ...rest });
export const record = (fields: Fields, rest: Rest = {}): Field => ({ type: 'record', fields, ...rest });
export const foreign = (reference: string, rest: Rest = {}): Field => ({ type: 'foreign', reference, ...rest });

/** A switch that must be there and has a default, Kong's commonest kind. */
export const toggle = (value: boolean, rest: Rest = {}): Field => flag({ required: true, default: value, ...rest });

/** The fields that this version knows, all the way down, in the order in which they are described. */
export function fieldsOf(fields: Fields, version: Version): Fields {
  return Object.fromEntries(
    Object.entries(fields)
      .filter(([, field]) => field.only === undefined || field.only === version)
      .map(([name, field]) => [name.replace(/@.*$/, ''), fieldOf(field, version)]),
  );
}

function fieldOf({ only: _only, shorthand_fields, ...field }: Field, version: Version): Field {
  const shorthand = shorthand_fields && fieldsOf(shorthand_fields, version);
  return {
    ...field,
    ...(field.elements && { elements: fieldOf(field.elements, version) }),
    ...(field.values && { values: fieldOf(field.values, version) }),
    ...(field.keys && { keys: fieldOf(field.keys, version) }),
    ...(field.fields && { fields: fieldsOf(field.fields, version) }),
    ...(shorthand && Object.keys(shorthand).length > 0 ? { shorthand_fields: shorthand } : {}),
  };
}
