import type { Pool } from 'pg';
import type { Kind } from '../entities/table.ts';
import { columnOf, type Row } from './rows.ts';

/** Where statements run and in which workspace; global kinds ignore the workspace. */
export interface Place {
  readonly pool: Pick<Pool, 'query'>;
  readonly workspace: string;
}

/** Restricts a page: rows that belong to something, that carry tags, that come after an id. */
export interface Filter {
  readonly owner?: { readonly field: string; readonly id: string };
  readonly tags?: readonly string[];
  readonly tagsMode?: 'and' | 'or';
  readonly from?: string;
}

/** Rows by id, one more than asked for so that the caller sees whether there is another page. */
export async function selectPage(place: Place, kind: Kind, filter: Filter, size: number): Promise<readonly Row[]> {
  const { where, values } = conditions(place, kind, filter);
  const text = `SELECT * FROM ${kind.table} WHERE ${where} ORDER BY id LIMIT ${size + 1}`;
  return (await place.pool.query<Row>(text, values)).rows;
}

/** All targets of an upstream, the newest first, as Kong sorts them when it lists them below their upstream. */
export async function selectTargets(place: Place, kind: Kind, upstream: string): Promise<readonly Row[]> {
  const { where, values } = conditions(place, kind, { owner: { field: 'upstream', id: upstream } });
  const text = `SELECT * FROM ${kind.table} WHERE ${where} ORDER BY created_at DESC, id DESC`;
  return (await place.pool.query<Row>(text, values)).rows;
}

function conditions(place: Place, kind: Kind, filter: Filter): { where: string; values: unknown[] } {
  const values: unknown[] = [];
  const parts = ['true'];
  const add = (text: string, value: unknown): void => {
    values.push(value);
    parts.push(text.replace('?', `$${values.length}`));
  };
  if (!kind.global) add('ws_id = ?', place.workspace);
  if (kind.ttl) parts.push('(ttl IS NULL OR ttl >= now())');
  if (filter.owner) add(`${columnOf(kind, filter.owner.field)} = ?`, filter.owner.id);
  if (filter.tags) add(filter.tagsMode === 'or' ? 'tags && ?' : 'tags @> ?', filter.tags);
  if (filter.from !== undefined) add('id > ?', filter.from);
  return { where: parts.join(' AND '), values };
}

/** The row with this value in this field, or null. */
export async function selectBy(place: Place, kind: Kind, field: string, value: string): Promise<Row | null> {
  const values = kind.global ? [value] : [value, place.workspace];
  const alive = kind.ttl ? ' AND (ttl IS NULL OR ttl >= now())' : '';
  const text = `SELECT * FROM ${kind.table} WHERE "${columnOf(kind, field)}" = $1${kind.global ? '' : ' AND ws_id = $2'}${alive}`;
  return (await place.pool.query<Row>(text, values)).rows[0] ?? null;
}

export async function insertRow({ pool }: Place, kind: Kind, row: Row): Promise<Row> {
  return written(pool, `INSERT INTO ${kind.table} ${listed(row)} RETURNING *`, row);
}

/** Inserts, or replaces the row with the same id. */
export async function upsertRow({ pool }: Place, kind: Kind, row: Row): Promise<Row> {
  const set = Object.keys(row)
    .filter((column) => column !== 'id')
    .map((column) => `"${column}" = EXCLUDED."${column}"`)
    .join(', ');
  return written(
    pool,
    `INSERT INTO ${kind.table} ${listed(row)} ON CONFLICT (id) DO UPDATE SET ${set} RETURNING *`,
    row,
  );
}

export async function deleteRow({ pool }: Place, kind: Kind, id: string): Promise<void> {
  await pool.query(`DELETE FROM ${kind.table} WHERE id = $1`, [id]);
}

function listed(row: Row): string {
  const columns = Object.keys(row);
  const places = columns.map((_, index) => `$${index + 1}`);
  return `(${columns.map((column) => `"${column}"`).join(', ')}) VALUES (${places.join(', ')})`;
}

async function written(pool: Place['pool'], text: string, row: Row): Promise<Row> {
  const { rows } = await pool.query<Row>(text, Object.values(row));
  return rows[0] ?? {};
}

/** Names of server names per certificate, which Kong shows with the certificate. */
export async function selectSniNames({ pool }: Place, certificate: string): Promise<readonly string[]> {
  const { rows } = await pool.query<{ name: string }>('SELECT name FROM snis WHERE certificate_id = $1 ORDER BY name', [
    certificate,
  ]);
  return rows.map(({ name }) => name);
}

export interface TagRow {
  readonly entity_id: string;
  readonly entity_name: string;
  readonly tag: string;
}

/** One row per tag and entity, of one tag or of all, after the given entity and place. */
export async function selectTags(
  { pool }: Place,
  tag: string | null,
  from: readonly [string, number] | null,
  size: number,
): Promise<readonly (TagRow & { readonly place: string })[]> {
  const text = `SELECT entity_id, entity_name, tag, place
      FROM tags, unnest(tags) WITH ORDINALITY AS each (tag, place)
     WHERE ($1::text IS NULL OR tag = $1) AND ($2::uuid IS NULL OR (entity_id, place) > ($2, $3::bigint))
     ORDER BY entity_id, place LIMIT ${size + 1}`;
  const values = [tag, from?.[0] ?? null, from?.[1] ?? null];
  return (await pool.query<TagRow & { place: string }>(text, values)).rows;
}

/** Names of the plugins that somebody configured. */
export async function selectPluginNames(pool: Pool): Promise<readonly string[]> {
  return (await pool.query<{ name: string }>('SELECT DISTINCT name FROM plugins')).rows.map(({ name }) => name);
}

export interface WorkspaceRow {
  readonly id: string;
  readonly name: string;
  readonly comment: string | null;
  readonly meta: unknown;
  readonly config: unknown;
  readonly created_at: Date;
  readonly updated_at?: Date;
}

export async function selectWorkspaces(pool: Pool): Promise<readonly WorkspaceRow[]> {
  return (await pool.query<WorkspaceRow>('SELECT * FROM workspaces ORDER BY id')).rows;
}

export async function insertWorkspace(pool: Pool, name: string): Promise<WorkspaceRow | null> {
  const text =
    'INSERT INTO workspaces (id, name) VALUES (gen_random_uuid(), $1) ON CONFLICT (name) DO NOTHING RETURNING *';
  return (await pool.query<WorkspaceRow>(text, [name])).rows[0] ?? null;
}

/** True when the database answers. */
export async function isReachable(pool: Pool): Promise<boolean> {
  return pool.query('SELECT 1').then(
    () => true,
    () => false,
  );
}
