import { toEntity } from '../db/rows.ts';
import type { Filter, Place } from '../db/statements.ts';
import { insertRow, selectPage, selectTargets } from '../db/statements.ts';
import { refusalOfWrite } from '../db/violations.ts';
import type { Kind } from '../entities/table.ts';
import type { Json } from '../schema/field.ts';
import { asText, type Entity } from '../schema/fill.ts';
import { type Answer, created, methodNotAllowed, ok } from './answer.ts';
import { rowOf, show, targetByName, updateEntity } from './entities.ts';
import type { Call, Node, Owner } from './node.ts';
import { nextQuery, page, pageSize, readOffset, writeOffset } from './pages.ts';
import { prepare } from './prepare.ts';

/** `GET` and `POST` of a collection, of everything or of what belongs to one owner. */
export async function collection(node: Node, call: Call, kind: Kind, owner?: Owner): Promise<Answer> {
  const place: Place = { pool: node.pool, workspace: call.workspace };
  if (call.method === 'GET') {
    // `…/targets/all` keeps the order of ids.
    const newestFirst = kind.name === 'targets' && call.path.length === 3;
    return owner && newestFirst ? targetList(node, place, call, kind, owner) : list(node, place, call, kind, owner);
  }
  if (call.method !== 'POST') return methodNotAllowed;
  const given: Entity = owner ? { ...call.body, [owner.field]: { id: owner.id } } : call.body;
  if (owner && kind.name === 'targets' && node.version === '2.8.5') {
    const again = await postAgain(node, place, kind, given, owner);
    if (again) return again;
  }
  return create(node, place, kind, given);
}

async function list(node: Node, place: Place, call: Call, kind: Kind, owner?: Owner): Promise<Answer> {
  const size = pageSize(call.query);
  const rows = await selectPage(place, kind, filterOf(call, owner), size);
  const shown = rows.slice(0, size);
  const data: Json[] = [];
  for (const row of shown) data.push(await show(node, place, kind, toEntity(kind, row)));
  const offset = rows.length > size ? writeOffset([asText(shown.at(-1)?.['id'] as string)]) : null;
  const base = owner ? `/${owner.kind.path}/${owner.id}/${owner.nested}` : `/${kind.path}`;
  const query = owner ? `offset=${encodeURIComponent(offset ?? '')}` : nextQuery(offset, call.query, node.version);
  return ok(page(data, offset, `${base}?${query}`));
}

function filterOf(call: Call, owner?: Owner): Filter {
  const tags = call.query.get('tags');
  const from = readOffset(call.query);
  return {
    ...(owner && { owner: { field: owner.field, id: owner.id } }),
    ...(tags !== null && tags !== '' && { tags: tags.split(/[,/]/), tagsMode: tags.includes('/') ? 'or' : 'and' }),
    ...(from && { from: asText(from[0]) }),
  };
}

/** Targets of an upstream are sorted newest first and paged by count, not by key. */
async function targetList(node: Node, place: Place, call: Call, kind: Kind, owner: Owner): Promise<Answer> {
  const size = pageSize(call.query);
  const start = Number(call.query.get('offset') ?? 0);
  const rows = await selectTargets(place, kind, owner.id);
  const data: Json[] = [];
  for (const row of rows.slice(start, start + size)) data.push(await show(node, place, kind, toEntity(kind, row)));
  const offset = rows.length > start + size ? String(start + size) : null;
  return ok(page(data, offset, `/upstreams/${owner.id}/targets?offset=${offset ?? ''}`));
}

async function create(node: Node, place: Place, kind: Kind, given: Entity): Promise<Answer> {
  const entity = await prepare(node, place, kind, given);
  try {
    const row = await insertRow(place, kind, rowOf(node, place, kind, entity, given));
    return created(await show(node, place, kind, toEntity(kind, row)));
  } catch (error) {
    throw refusalOfWrite(error, kind, entity) ?? error;
  }
}

/** Before version 3 posting a target that is there changed its weight, and said that this would end. */
async function postAgain(node: Node, place: Place, kind: Kind, given: Entity, owner: Owner): Promise<Answer | null> {
  const existing = await targetByName(place, kind, owner.id, asText(given['target']));
  if (!existing) return null;
  const { id: _id, ...change } = given;
  const answer = await updateEntity(node, place, kind, toEntity(kind, existing), change);
  return { ...answer, headers: { Deprecation: 'true' } };
}
