import { z } from 'zod';
import type { GatewayConfig } from '../../config/schema.ts';
import type { Environment, RunCommand } from '../../run-command/command.ts';
import { Fault } from '../../runs/fault.ts';
import * as sql from './database-sql.ts';
import { startPsql } from './psql.ts';
import type { Psql } from './psql.ts';
import type { Tool } from '../dump/tools.ts';

export type DatabaseConfig = NonNullable<GatewayConfig['database']>;

export interface DatabaseAccess {
  readonly password?: string | undefined;
  /** `kong-chatops B-142/dump-database/1`; PostgreSQL keeps 63 bytes of it. */
  readonly applicationName: string;
  /** The attempt's folder on the worker: HOME and TMPDIR of programs that run there. */
  readonly workDir: string;
}

/** What psql, pg_dump and pg_restore are told; the password goes by a file of each command alone. */
export type DatabaseEnvironment = Environment & Readonly<Record<'PGHOST' | 'PGPORT' | 'PGDATABASE' | 'PGUSER', string>>;

/** Tables are named as SQL would: `public.services`, `"Odd"."na.me"`. */
export type TableName = string;

/** A row of Kong's `schema_meta`: which migrations of a subsystem ran. */
export interface SchemaMeta {
  readonly key: string;
  readonly subsystem: string;
  readonly last_executed: string | null;
  readonly executed: readonly string[];
  readonly pending: readonly string[];
}

export interface OtherRelations {
  /** Their rows lie on another server. */
  readonly foreignTables: readonly TableName[];
  /** A dump has their definition; a restore computes them anew. */
  readonly materializedViews: readonly TableName[];
  /** Tables, views and sequences that other roles have privileges on. */
  readonly grantedToOthers: number;
}

export interface ServerVersion {
  readonly major: number;
  /** `15.18`. */
  readonly text: string;
}

/**
 * A session on a gateway's database, held by psql over its standard streams, because the database is often reachable
 * only from where the gateway is. Every method throws a Fault (`database.…`), or the signal's reason once aborted.
 */
export interface DatabaseSession {
  serverVersion(): Promise<ServerVersion>;
  /** Tables and sequences that the role cannot read in full: a dump would fail on them. Empty is good. */
  canReadEverything(): Promise<readonly TableName[]>;
  databaseBytes(): Promise<number>;
  /** Every table with rows of its own and its bytes with indexes and large values. */
  tableSizes(): Promise<Readonly<Record<TableName, number>>>;
  /** What is no table with rows of its own, and what is granted to others than the owner. */
  otherRelations(): Promise<OtherRelations>;
  /** Opens a read-only transaction and answers its snapshot's id. It stays open until `close`: dump and count see the same. */
  exportSnapshot(): Promise<string>;
  /** Exact rows, in the transaction of the snapshot when there is one. */
  countRows(tables: readonly TableName[]): Promise<Readonly<Record<TableName, number>>>;
  /** Null when the table is absent: not a Kong database, or an empty one. */
  schemaMeta(): Promise<readonly SchemaMeta[] | null>;
  /** Rough statistics for the planner, as `vacuumdb --analyze-in-stages` begins: a database that was just restored has none. */
  analyze(): Promise<void>;
  /** Ends other sessions whose application name starts so, waits until they are gone, answers how many there were. */
  endSessions(applicationNamePrefix: string): Promise<number>;
  close(): Promise<void>;
}

const CONNECT_SECONDS = 10;
/** Tables counted by one statement: a wait that an abort can end, and a statement of bearable length. */
const TABLES_AT_ONCE = 100;
const END_SESSIONS_ROUNDS = 100;

/** `kong on db.example.com:5432 as kong`: how messages name a database. */
export function databasePlace(database: DatabaseConfig): string {
  return `${database.name} on ${database.host}:${database.port} as ${database.user}`;
}

/** Environment for psql, pg_dump and pg_restore: PGHOST and so on, PGPASSFILE (0600, gone with the command), never PGPASSWORD. */
export async function databaseEnvironment(
  run: Pick<RunCommand, 'sameHost'>,
  database: DatabaseConfig,
  access: DatabaseAccess,
): Promise<DatabaseEnvironment> {
  const { password, workDir } = access;
  return {
    ...(run.sameHost ? { HOME: workDir, TMPDIR: workDir } : {}),
    PGHOST: database.host,
    PGPORT: String(database.port),
    PGDATABASE: database.name,
    PGUSER: database.user,
    PGSSLMODE: database.ssl,
    PGAPPNAME: access.applicationName,
    PGCONNECT_TIMEOUT: String(CONNECT_SECONDS),
    PGCLIENTENCODING: 'UTF8',
    ...(database.ca_file === undefined ? {} : { PGSSLROOTCERT: database.ca_file }),
    ...(password === undefined ? {} : { PGPASSFILE: { file: `*:*:*:*:${passFileText(password)}\n` } }),
  };
}

function passFileText(password: string): string {
  if (!/[\n\r\0]/.test(password)) return password.replaceAll(/[\\:]/g, String.raw`\$&`);
  throw new Fault(
    'database.password',
    'The database password of this gateway contains a line end, which no PostgreSQL client can pass on.',
    'Look at the secret: a file with two lines, or a pasted line end.',
  );
}

/** Connects and answers a session, or throws a Fault that says why not. */
export async function openDatabase(
  run: RunCommand,
  database: DatabaseConfig,
  access: DatabaseAccess & { readonly psql: Tool; readonly signal?: AbortSignal | undefined },
): Promise<DatabaseSession> {
  const { psql, signal } = access;
  const env = await databaseEnvironment(run, database, access);
  const connection = startPsql(run, { psql, env, where: databasePlace(database), signal });
  try {
    await connection.ask(sql.PREPARE_SESSION);
  } catch (error) {
    await connection.close();
    throw error;
  }
  return session(connection);
}

const names = z.array(z.string());
const bytesByName = z.record(z.string(), z.number());
const otherRelations = z.object({ foreignTables: names, materializedViews: names, grantedToOthers: z.number() });
const schemaMetaRows = z.array(
  z.object({
    key: z.string(),
    subsystem: z.string(),
    last_executed: z.string().nullable(),
    executed: z.array(z.string()),
    pending: z.array(z.string()),
  }),
);

function session(psql: Psql): DatabaseSession {
  const read = async <T>(schema: z.ZodType<T>, statement: string): Promise<T> =>
    schema.parse(JSON.parse(await psql.ask(statement)));
  return {
    async serverVersion() {
      const number = await read(z.number(), sql.SERVER_VERSION);
      const major = Math.floor(number / 10_000);
      return { major, text: `${major}.${number % 10_000}` };
    },
    canReadEverything: () => read(names, sql.UNREADABLE),
    databaseBytes: () => read(z.number(), sql.DATABASE_BYTES),
    tableSizes: () => read(bytesByName, sql.TABLE_SIZES),
    otherRelations: () => read(otherRelations, sql.OTHER_RELATIONS),
    async exportSnapshot() {
      await psql.ask(sql.BEGIN_SNAPSHOT);
      return await psql.ask(sql.EXPORT_SNAPSHOT);
    },
    async countRows(tables) {
      const counts: Record<TableName, number> = {};
      for (let from = 0; from < tables.length; from += TABLES_AT_ONCE) {
        const some = tables.slice(from, from + TABLES_AT_ONCE);
        Object.assign(counts, await read(bytesByName, sql.countRows(some)));
      }
      return counts;
    },
    async schemaMeta() {
      const table = await psql.ask(sql.FIND_SCHEMA_META);
      return table === '' ? null : await read(schemaMetaRows, sql.schemaMeta(table));
    },
    async analyze() {
      await psql.ask(sql.ROUGH_STATISTICS);
      await psql.ask(sql.ANALYZE);
    },
    endSessions: (prefix) => endSessions(psql, prefix),
    close: () => psql.close(),
  };
}

async function endSessions(psql: Psql, prefix: string): Promise<number> {
  const ended = Number(await psql.ask(sql.endSessions(prefix)));
  for (let round = 0; round < END_SESSIONS_ROUNDS; round += 1) {
    if (Number(await psql.ask(sql.countSessions(prefix))) === 0) return ended;
    await psql.ask(sql.REST_A_LITTLE);
  }
  throw new Fault(
    'database.sessions-stay',
    `Sessions of an earlier attempt (${prefix}) were told to end and are still there.`,
    'End them on the server: SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE the name above.',
    { retryable: true },
  );
}
