import type { WorkspaceRow } from '../db/statements.ts';
import { insertWorkspace, selectTags, selectWorkspaces } from '../db/statements.ts';
import type { Json } from '../schema/field.ts';
import { asText, type Entity } from '../schema/fill.ts';
import {
  type Answer,
  created,
  methodNotAllowed,
  notBuilt,
  notFound,
  ok,
  schemaViolation,
  uniqueTaken,
} from './answer.ts';
import type { Call, Node } from './node.ts';
import { page, pageSize, readOffset, writeOffset } from './pages.ts';

/** `GET /tags` and `GET /tags/TAG`: one entry per tag and entity. */
export async function tags(node: Node, call: Call): Promise<Answer> {
  if (call.method !== 'GET') return methodNotAllowed;
  const tag = call.path[1] ?? null;
  const size = pageSize(call.query);
  const from = readOffset(call.query);
  const after = from && ([asText(from[0]), Number(from[1] ?? 0)] as const);
  const rows = await selectTags({ pool: node.pool, workspace: call.workspace }, tag, after, size);
  const shown = rows.slice(0, size);
  const last = shown.at(-1);
  const offset = rows.length > size && last ? writeOffset([last.entity_id, Number(last.place)]) : null;
  const data = shown.map(({ place: _place, ...row }): Json => ({ ...row }));
  return ok(page(data, offset, `/tags${tag === null ? '' : `/${tag}`}?offset=${offset ?? ''}`));
}

/**
 * `/workspaces`: of Enterprise, and of OSS 2.8, which shows its single row and even makes more of them.
 * The Enterprise answers were not recorded from a real one.
 */
export async function workspaces(node: Node, call: Call): Promise<Answer> {
  if (call.method === 'POST' && call.path.length === 1) return makeWorkspace(node, call.body);
  if (call.method !== 'GET') return notBuilt('changing workspaces');
  const rows = await selectWorkspaces(node.pool);
  const key = call.path[1];
  if (key === undefined) return ok(page(rows.map(shownWorkspace), null, ''));
  const found = rows.find(({ id, name }) => id === key || name === key);
  return found ? ok(shownWorkspace(found)) : notFound;
}

async function makeWorkspace(node: Node, given: Entity): Promise<Answer> {
  const name = asText(given['name']);
  if (name === '') throw schemaViolation({ name: 'required field missing' });
  const row = await insertWorkspace(node.pool, name);
  if (!row) throw uniqueTaken({ name });
  return created(shownWorkspace(row));
}

function shownWorkspace({ id, name, comment, meta, config, created_at, updated_at }: WorkspaceRow): Json {
  const seconds = (at: Date): number => Math.floor(at.getTime() / 1000);
  return {
    id,
    name,
    comment,
    meta: (meta as Json) ?? {},
    config: (config as Json) ?? {},
    created_at: seconds(created_at),
    ...(updated_at && { updated_at: seconds(updated_at) }),
  };
}
