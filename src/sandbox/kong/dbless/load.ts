import type { PoolClient } from 'pg';
import { rowOf } from '../admin/entities.ts';
import type { Node } from '../admin/node.ts';
import { toEntity } from '../db/rows.ts';
import { insertRow, type Place, selectPage, upsertRow } from '../db/statements.ts';
import type { Kind } from '../entities/table.ts';
import type { Json } from '../schema/field.ts';
import { type Entity, idOf, isRecord } from '../schema/fill.ts';
import type { Declared } from './declarative.ts';

/**
 * Puts entities into the node's store in one transaction. `replace` empties it first, as POST /config does; else what is
 * there stays and the same ids are written over, as `kong config db_import` does.
 */
export async function loadEntities(node: Node, entities: readonly Declared[], replace: boolean): Promise<void> {
  const kinds = [...node.kinds.values()];
  const client = await node.pool.connect();
  try {
    await client.query('BEGIN');
    if (replace) for (const { table } of kinds.toReversed()) await client.query(`DELETE FROM ${table}`);
    for (const kind of kinds) {
      for (const one of entities.filter((entity) => entity.kind === kind)) await write(node, client, one, replace);
    }
    await client.query('COMMIT');
  } catch (error) {
    await client.query('ROLLBACK');
    throw error;
  } finally {
    client.release();
  }
}

async function write(
  node: Node,
  client: PoolClient,
  { kind, given, complete }: Declared,
  replace: boolean,
): Promise<void> {
  const place: Place = { pool: client, workspace: node.workspace };
  const row = rowOf(node, place, kind, complete, given);
  await (replace ? insertRow : upsertRow)(place, kind, row);
}

const MOST = 10_000;

/** Everything in the node's store, as `GET /config` and `kong config db_export` write it: flat, references as plain ids. */
export async function storedEntities(node: Node): Promise<readonly (readonly [Kind, readonly Entity[]])[]> {
  const found: [Kind, Entity[]][] = [];
  for (const kind of node.kinds.values()) {
    const rows = await selectPage({ pool: node.pool, workspace: node.workspace }, kind, {}, MOST);
    if (rows.length > 0) found.push([kind, rows.map((row) => flat(kind, toEntity(kind, row)))]);
  }
  return found;
}

function flat(kind: Kind, entity: Entity): Entity {
  const { ttl: _ttl, ...rest } = entity;
  const reduced = Object.entries(rest).map(([name, value]): [string, Json] => [
    name,
    name in kind.foreign && isRecord(value) ? idOf(value) : value,
  ]);
  return Object.fromEntries(reduced);
}
