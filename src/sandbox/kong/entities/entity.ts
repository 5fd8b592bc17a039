import type { Check, Fields, Json } from '../schema/field.ts';
import { asText, type Entity, idOf } from '../schema/fill.ts';
import type { Errors } from '../schema/validate.ts';
import type { Version } from '../version.ts';

/** What a hook may look at while an entity is being written. */
export interface Writing {
  readonly version: Version;
  /** The fields that the caller sent, before defaults. */
  readonly given: Readonly<Entity>;
}

/**
 * One kind of entity: everything that its Admin API paths, its SQL and its schema are derived from.
 * Columns follow from fields: a foreign field `service` lives in `service_id`, records and maps in jsonb.
 */
export interface EntityKind {
  /** Kong's name; also the name of the table unless `table` says otherwise. */
  readonly name: string;
  readonly table?: string;
  /** First path segment of its collection, for example `key-auths`. */
  readonly path: string;
  /** Last segment when nested below what it belongs to, for example `key-auth` below a consumer. */
  readonly nestedPath?: string;
  readonly only?: Version;
  readonly fields: Fields;
  readonly checks?: readonly Check[];
  /** The field that may stand for the id in a path. */
  readonly endpointKey?: string | ((version: Version) => string | undefined);
  /** Constraint of the database → the fields that Kong names when it is violated. */
  readonly unique: Readonly<Record<string, readonly string[]>>;
  /** Fields of the `cache_key` column; null when this version has no such column. */
  readonly cacheKey?: (entity: Entity, workspace: string, version: Version) => string | null;
  /** Not bound to a workspace. */
  readonly global?: true;
  /** Rows carry a time to live. */
  readonly ttl?: true;
  /** A short way to write fields, resolved before anything else: `url` of a service, for example. */
  readonly expand?: (given: Entity, version: Version) => Entity;
  /** Values worked out after validation: hashes, digests. */
  readonly finish?: (entity: Entity, writing: Writing) => Entity;
  /** What else is wrong with a filled entity. */
  readonly inspect?: (entity: Entity, writing: Writing) => Errors;
  /** How the answer differs from the row. */
  readonly show?: (entity: Entity, version: Version) => Entity;
}

/** `routes:ID::::WORKSPACE`: five places for key fields between table and workspace, as Kong writes it. */
export function cacheKeyOf(table: string, parts: readonly Json[], workspace: string): string {
  const places = Array.from({ length: 5 }, (_, index) => partText(parts[index] ?? null));
  return [table, ...places, workspace].join(':');
}

function partText(part: Json): string {
  return asText(part) || idOf(part);
}
