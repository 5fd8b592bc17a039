import { z } from 'zod';
import type { RunCommand } from '../../run-command/command.ts';
import type { DatabaseAccess, DatabaseConfig } from './database.ts';
import { databaseEnvironment, databasePlace } from './database.ts';
import * as content from './database-content-sql.ts';
import type { TableShape } from './database-content-sql.ts';
import { FIND_SCHEMA_META, PREPARE_SESSION } from './database-sql.ts';
import { startPsql } from './psql.ts';
import type { Psql } from './psql.ts';
import type { Tool } from '../dump/tools.ts';

/** A row as it is compared: the text of its primary key, the hash of all of it, a name for people. */
export type RowPrint = readonly [key: string, hash: string, name: string | null];

/** A route as far as choosing a request for it needs to know. */
export interface RouteFacts {
  readonly id: string;
  readonly name: string | null;
  readonly paths: readonly string[] | null;
  readonly hosts: readonly string[] | null;
  readonly methods: readonly string[] | null;
  readonly protocols: readonly string[] | null;
  /** By headers, or by an expression of Kong 3: by more than what is told here. */
  readonly by_more: boolean;
  /** The header in which its key-auth takes a key; null when it asks for none. */
  readonly key_name: string | null;
}

/** What a Kong database holds, looked at from inside the server. Every method throws a Fault (`database.…`). */
export interface DatabaseContent {
  tables(): Promise<readonly TableShape[]>;
  /** Part of the table → rows and one hash over them. */
  parts(shape: TableShape, bits: number): Promise<Readonly<Record<string, readonly [rows: number, hash: string]>>>;
  rowsIn(shape: TableShape, bits: number, parts: readonly string[]): Promise<readonly RowPrint[]>;
  routes(limit: number): Promise<readonly RouteFacts[]>;
  /** Ids and keys. Secrets: for one request each, never for a message. */
  apiKeys(limit: number): Promise<readonly (readonly [id: string, key: string])[]>;
  close(): Promise<void>;
}

/** Connects to a database of a Kong, read-only. */
export async function openContent(
  run: RunCommand,
  database: DatabaseConfig,
  access: DatabaseAccess & { readonly psql: Tool; readonly signal?: AbortSignal | undefined },
): Promise<DatabaseContent> {
  const env = await databaseEnvironment(run, database, access);
  const where = databasePlace(database);
  const connection = startPsql(run, { psql: access.psql, env, where, signal: access.signal });
  try {
    await connection.ask(PREPARE_SESSION);
    await connection.ask(content.PREPARE_COMPARISON);
    await connection.ask('SET default_transaction_read_only TO on');
  } catch (error) {
    await connection.close();
    throw error;
  }
  return reader(connection);
}

const texts = z.array(z.string()).nullable();
const shapes = z.array(
  z.object({ table: z.string(), bare: z.string(), key: z.array(z.string()), label: z.string().nullable() }),
);
const parts = z.record(z.string(), z.tuple([z.number(), z.string()]));
const prints = z.array(z.tuple([z.string(), z.string(), z.string().nullable()]));
const routes = z.array(
  z.object({
    id: z.string(),
    name: z.string().nullable(),
    paths: texts,
    hosts: texts,
    methods: texts,
    protocols: texts,
    by_more: z.boolean(),
    key_name: z.string().nullable(),
  }),
);
const keys = z.array(z.tuple([z.string(), z.string()]));

function reader(psql: Psql): DatabaseContent {
  const read = async <T>(schema: z.ZodType<T>, statement: string): Promise<T> =>
    schema.parse(JSON.parse(await psql.ask(statement)));
  /** Kong's tables lie where schema_meta lies; null: this is no Kong's database. */
  const kongSchema = async (): Promise<string | null> => {
    const table = await psql.ask(FIND_SCHEMA_META);
    return table === '' ? null : table.slice(0, -'.schema_meta'.length);
  };
  return {
    tables: () => read(shapes, content.TABLES),
    parts: (shape, bits) => read(parts, content.parts(shape, bits)),
    rowsIn: (shape, bits, wanted) =>
      wanted.length === 0 ? Promise.resolve([]) : read(prints, content.rowsIn(shape, bits, wanted)),
    async routes(limit) {
      const schema = await kongSchema();
      return schema === null ? [] : await read(routes, content.routes(schema, limit));
    },
    async apiKeys(limit) {
      const schema = await kongSchema();
      return schema === null ? [] : await read(keys, content.apiKeys(schema, limit));
    },
    close: () => psql.close(),
  };
}
