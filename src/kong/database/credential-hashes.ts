import type { RunCommand } from '../../run-command/command.ts';
import type { Tool } from '../dump/tools.ts';
import { databaseEnvironment, databasePlace } from './database.ts';
import type { DatabaseAccess, DatabaseConfig } from './database.ts';
import { literal, PREPARE_SESSION } from './database-sql.ts';
import { startPsql } from './psql.ts';
import type { Psql } from './psql.ts';

/** Kong hashes these on every write of its Admin API, so that a hash can only be put back past it (facts A10, I3). */
const COLUMNS = { basicauth_credentials: 'password', oauth2_credentials: 'client_secret' } as const;
export type HashedList = keyof typeof COLUMNS;

export interface StoredHash {
  readonly list: HashedList;
  readonly id: string;
  /** As Kong stores it. A secret: it goes to psql by its standard input alone. */
  readonly value: string;
}

const AT_ONCE = 500;

/**
 * Puts the stored hashes of credentials back, by id, in one transaction. Answers how many rows took theirs; nodes go on
 * with what they remember until their caches are purged. Throws a Fault (`database.…`); then nothing was changed.
 */
export async function putHashesBack(
  run: RunCommand,
  database: DatabaseConfig,
  access: DatabaseAccess & { readonly psql: Tool; readonly signal?: AbortSignal | undefined },
  hashes: readonly StoredHash[],
): Promise<number> {
  const env = await databaseEnvironment(run, database, access);
  const { psql, signal } = access;
  const connection = startPsql(run, { psql, env, where: databasePlace(database), signal });
  try {
    await connection.ask(PREPARE_SESSION);
    await connection.ask('BEGIN');
    let changed = 0;
    for (const list of Object.keys(COLUMNS) as HashedList[]) {
      const of = hashes.filter((hash) => hash.list === list);
      for (let from = 0; from < of.length; from += AT_ONCE)
        changed += await put(connection, list, of.slice(from, from + AT_ONCE));
    }
    await connection.ask('COMMIT');
    return changed;
  } finally {
    await connection.close();
  }
}

async function put(psql: Psql, list: HashedList, hashes: readonly StoredHash[]): Promise<number> {
  const table = await psql.ask(findTable(list));
  if (table === '') return 0;
  return Number(await psql.ask(updateOf(table, COLUMNS[list], hashes)));
}

/** `public` first, like the tables of every Kong that is not told otherwise; empty when there is none. */
function findTable(list: HashedList): string {
  return `SELECT pg_catalog.format('%I.%I', n.nspname, c.relname)
    FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relkind = 'r' AND c.relname = ${literal(list)} AND n.nspname !~ '^pg_'
    ORDER BY n.nspname = 'public' DESC, n.nspname LIMIT 1`;
}

function updateOf(table: string, column: string, hashes: readonly StoredHash[]): string {
  const rows = hashes.map(({ id, value }) => `(${literal(id)}::uuid, ${literal(value)})`).join(', ');
  return `WITH put AS (
      UPDATE ${table} AS t SET ${column} = wanted.hash FROM (VALUES ${rows}) AS wanted (id, hash)
      WHERE t.id = wanted.id RETURNING 1)
    SELECT count(*) FROM put`;
}
