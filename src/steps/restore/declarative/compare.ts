import { canonicalText } from '../../../runs/json.ts';
import type { Body, Document, Entity } from './document.ts';
import { entitiesOf, kindOfList, ownerKey } from './document.ts';

/** What is not as wanted on the gateway. Names of fields, never their values. */
export type Difference = {
  readonly list: string;
  readonly name: string;
  readonly what: 'missing' | 'not-in-set' | 'different';
  /** Where `different`: which fields. */
  readonly fields: readonly string[];
};

/** A stored hash that decK cannot carry: every write of Kong hashes it again (facts A10). `value` is a secret. */
export type HashDifference = {
  readonly list: 'basicauth_credentials' | 'oauth2_credentials';
  readonly id: string;
  readonly name: string;
  readonly value: string;
};

export interface Compared {
  readonly differences: readonly Difference[];
  /** Credentials that are right but for their stored hash. */
  readonly hashes: readonly HashDifference[];
  /** Credentials that must be written first, and whose hash will be wrong then. */
  readonly hashesToCome: readonly HashDifference[];
}

/** Set anew by every write, or counting down by itself (facts I9). */
const CHURN = new Set(['created_at', 'updated_at', 'ttl']);
/** Order says nothing in them. */
const SETS = new Set(['tags', 'protocols', 'methods']);

/**
 * Compares entity by entity. `wanted` null: nothing should be there. `only`: keys of the entities that matter; then what
 * is there beyond them is no difference.
 */
export function compareDocuments(wanted: readonly Entity[], present: Document, only: boolean): Compared {
  const there = new Map(entitiesOf(present).map((entity) => [entity.key, entity]));
  const differences: Difference[] = [];
  const hashes: HashDifference[] = [];
  const hashesToCome: HashDifference[] = [];
  const known = new Set<string>();
  for (const entity of wanted) {
    known.add(entity.key);
    const found = there.get(entity.key);
    if (found === undefined) {
      differences.push({ list: entity.list, name: entity.name, what: 'missing', fields: [] });
      hashesToCome.push(...hashOf(entity));
      continue;
    }
    const fields = [...new Set([...movedFrom(entity, found), ...differingFields(entity.fields, found.fields)])];
    const hash =
      fields.length === 1 && entity.id === found.id && fields[0] === HASHED[entity.list] ? hashOf(entity) : [];
    hashes.push(...hash);
    if (hash.length > 0 || fields.length === 0) continue;
    differences.push({ list: entity.list, name: entity.name, what: 'different', fields });
    hashesToCome.push(...hashOf(entity));
  }
  if (only) return { differences, hashes, hashesToCome };
  for (const [key, entity] of there) {
    if (!known.has(key)) differences.push({ list: entity.list, name: entity.name, what: 'not-in-set', fields: [] });
  }
  return { differences, hashes, hashesToCome };
}

/** By what it belongs to, where that is another: a route of the same fields under another service is another route. */
function movedFrom(wanted: Entity, present: Entity): readonly string[] {
  if (ownerKey(wanted.owner) === ownerKey(present.owner)) return [];
  const owner = wanted.owner ?? present.owner;
  return owner === null ? [] : [kindOfList(owner.list).one];
}

/** Names of fields that differ; null and absent are the same. */
export function differingFields(wanted: Body, present: Body): readonly string[] {
  const names = new Set([...Object.keys(wanted), ...Object.keys(present)]);
  return [...names]
    .filter((name) => !CHURN.has(name) && textOf(name, wanted[name]) !== textOf(name, present[name]))
    .sort();
}

function textOf(name: string, value: unknown): string {
  const plain = withoutNulls(value);
  if (!SETS.has(name) || !Array.isArray(plain)) return canonicalText(plain ?? null);
  return canonicalText(plain.map((item) => canonicalText(item)).sort());
}

function withoutNulls(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutNulls);
  if (typeof value !== 'object' || value === null) return value;
  const kept = Object.entries(value).filter(([, item]) => item !== null && item !== undefined);
  return Object.fromEntries(kept.map(([name, item]) => [name, withoutNulls(item)]));
}

const HASHED: Readonly<Record<string, string>> = {
  basicauth_credentials: 'password',
  oauth2_credentials: 'client_secret',
};

/** The stored hash of a credential; none where Kong stores it as it is given. */
function hashOf({ list, id, name, fields }: Entity): readonly HashDifference[] {
  const value = fields[HASHED[list] ?? ''];
  if (id === null || typeof value !== 'string') return [];
  if (list === 'basicauth_credentials') return [{ list, id, name, value }];
  return list === 'oauth2_credentials' && fields['hash_secret'] === true ? [{ list, id, name, value }] : [];
}
