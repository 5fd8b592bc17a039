import { DatabaseError } from 'pg';
import { foreignMissing, type KongRefusal, primaryKeyTaken, referencedBy, uniqueTaken } from '../admin/answer.ts';
import type { Kind } from '../entities/table.ts';
import { asText, type Entity, idOf } from '../schema/fill.ts';

const UNIQUE_VIOLATION = '23505';
const FOREIGN_KEY_VIOLATION = '23503';

/** What Kong answers when the database refuses a write; null when it is no refusal that Kong has words for. */
export function refusalOfWrite(error: unknown, kind: Kind, entity: Entity): KongRefusal | null {
  if (!(error instanceof DatabaseError)) return null;
  const constraint = error.constraint ?? '';
  if (error.code === UNIQUE_VIOLATION) {
    if (constraint === `${kind.table}_pkey` || constraint === `${kind.table}_id_ws_id_unique`)
      return primaryKeyTaken(asText(entity['id']));
    const fields = kind.unique[constraint];
    return fields ? uniqueTaken(Object.fromEntries(fields.map((field) => [field, entity[field] ?? null]))) : null;
  }
  if (error.code !== FOREIGN_KEY_VIOLATION) return null;
  const missing = Object.entries(kind.foreign).find(([field]) => constraint.includes(`${field}_id`));
  return missing ? foreignMissing(missing[0], idOf(entity[missing[0]]), missing[1]) : null;
}

/** The same for a deletion that something still points to. */
export function refusalOfDelete(error: unknown, kind: Kind): KongRefusal | null {
  if (!(error instanceof DatabaseError) || error.code !== FOREIGN_KEY_VIOLATION) return null;
  return referencedBy(kind.name, error.table ?? '');
}
