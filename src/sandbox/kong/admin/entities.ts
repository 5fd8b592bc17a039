import { type Row, toEntity, toRow } from '../db/rows.ts';
import type { Place } from '../db/statements.ts';
import { deleteRow, selectBy, selectSniNames, selectTargets, upsertRow } from '../db/statements.ts';
import { refusalOfDelete, refusalOfWrite } from '../db/violations.ts';
import type { Kind } from '../entities/table.ts';
import { asText, type Entity, idOf } from '../schema/fill.ts';
import { isUuid } from '../schema/validate.ts';
import { type Answer, certificateNotFound, invalidKey, methodNotAllowed, noContent, notFound, ok } from './answer.ts';
import type { Call, Node, Owner } from './node.ts';
import { prepare } from './prepare.ts';

/** `GET`, `PUT`, `PATCH` and `DELETE` of one entity, by id or by the name that its kind allows. */
export async function entity(node: Node, call: Call, kind: Kind, key: string, owner?: Owner): Promise<Answer> {
  const place: Place = { pool: node.pool, workspace: call.workspace };
  const found = await find(place, kind, key, owner);
  const mine = found && (!owner || idOf(found[owner.field]) === owner.id) ? found : null;
  switch (call.method) {
    case 'GET':
      return read(node, place, kind, key, mine);
    case 'PUT':
      return put(node, place, call, kind, key, mine, owner);
    case 'PATCH':
      return mine ? updateEntity(node, place, kind, mine, call.body) : notFound;
    case 'DELETE':
      return remove(place, kind, mine);
    default:
      return methodNotAllowed;
  }
}

async function read(node: Node, place: Place, kind: Kind, key: string, found: Entity | null): Promise<Answer> {
  if (found) return ok(await show(node, place, kind, found));
  if (kind.name === 'certificates') throw certificateNotFound(key);
  return notFound;
}

/** The entity that a path segment means, or null. Throws when the segment cannot be a key of this kind. */
export async function find(place: Place, kind: Kind, key: string, owner?: Owner): Promise<Entity | null> {
  if (isUuid(key)) return entityOf(kind, await selectBy(place, kind, 'id', key));
  if (kind.endpointKey === undefined) throw invalidKey();
  if (kind.name === 'targets' && owner) return entityOf(kind, await targetByName(place, kind, owner.id, key));
  return entityOf(kind, await selectBy(place, kind, kind.endpointKey, key));
}

/** A target is named within its upstream only. */
export async function targetByName(place: Place, kind: Kind, upstream: string, name: string): Promise<Row | null> {
  const rows = await selectTargets(place, kind, upstream);
  return rows.find((row) => row['target'] === name) ?? null;
}

function entityOf(kind: Kind, row: Row | null): Entity | null {
  return row && toEntity(kind, row);
}

async function put(
  node: Node,
  place: Place,
  call: Call,
  kind: Kind,
  key: string,
  found: Entity | null,
  owner?: Owner,
): Promise<Answer> {
  // A nested target is changed by PUT, never made or replaced: decK counts on the 404 and posts it then.
  if (kind.name === 'targets' && owner) return found ? updateEntity(node, place, kind, found, call.body) : notFound;
  const given: Entity = { ...call.body, ...named(kind, key, found) };
  if (owner) given[owner.field] = { id: owner.id };
  if (found && given['created_at'] === undefined) given['created_at'] = found['created_at'] ?? null;
  return save(node, place, kind, await prepare(node, place, kind, given), given);
}

/** What the path says about the entity: its id, or its name and the id of the one that has this name. */
function named(kind: Kind, key: string, found: Entity | null): Entity {
  if (isUuid(key)) return { id: key };
  return {
    ...(found && { id: found['id'] ?? null }),
    ...(kind.endpointKey !== undefined && { [kind.endpointKey]: key }),
  };
}

/** Writes a change over what is there (PATCH) and shows the result. */
export async function updateEntity(
  node: Node,
  place: Place,
  kind: Kind,
  before: Entity,
  change: Entity,
): Promise<Answer> {
  return save(node, place, kind, await prepare(node, place, kind, change, before), change);
}

async function save(node: Node, place: Place, kind: Kind, complete: Entity, given: Entity): Promise<Answer> {
  try {
    const row = await upsertRow(place, kind, rowOf(node, place, kind, complete, given));
    return ok(await show(node, place, kind, toEntity(kind, row)));
  } catch (error) {
    throw refusalOfWrite(error, kind, complete) ?? error;
  }
}

async function remove(place: Place, kind: Kind, found: Entity | null): Promise<Answer> {
  if (!found) return noContent;
  try {
    await deleteRow(place, kind, asText(found['id']));
    return noContent;
  } catch (error) {
    throw refusalOfDelete(error, kind) ?? error;
  }
}

/** The row to write: fields, workspace, cache key and time to live. */
export function rowOf(node: Node, place: Place, kind: Kind, complete: Entity, given: Entity): Row {
  const cacheKey = kind.cacheKey?.(complete, place.workspace, node.version) ?? null;
  const seconds = kind.ttl && given['ttl'] ? Number(given['ttl']) : null;
  return {
    ...toRow(kind, complete),
    ...(!kind.global && { ws_id: place.workspace }),
    ...(cacheKey !== null && { cache_key: cacheKey }),
    ...(seconds !== null && { ttl: new Date(Date.now() + seconds * 1000) }),
  };
}

/** The entity as the Admin API shows it. */
export async function show(node: Node, place: Place, kind: Kind, stored: Entity): Promise<Entity> {
  const shown = kind.show?.(stored, node.version) ?? stored;
  if (kind.name !== 'certificates') return shown;
  return { ...shown, snis: [...(await selectSniNames(place, asText(stored['id'])))] };
}
