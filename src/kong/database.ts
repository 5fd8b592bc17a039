import type { GatewayConfig } from '../config/schema.ts';
import type { RunCommand } from '../run-command/command.ts';
import type { Tool } from './tools.ts';

export type DatabaseConfig = NonNullable<GatewayConfig['database']>;

export interface DatabaseAccess {
  readonly password?: string | undefined;
  /** `kong-chatops B-142/dump-database/1`; PostgreSQL keeps 63 bytes of it. */
  readonly applicationName: string;
  /** The attempt's folder: the password file (0600) lies in it. */
  readonly workDir: string;
}

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
  /** Opens a read-only transaction and answers its snapshot's id. It stays open until `close`: dump and count see the same. */
  exportSnapshot(): Promise<string>;
  /** Exact rows, in the transaction of the snapshot when there is one. */
  countRows(tables: readonly TableName[]): Promise<Readonly<Record<TableName, number>>>;
  /** Null when the table is absent: not a Kong database, or an empty one. */
  schemaMeta(): Promise<readonly SchemaMeta[] | null>;
  /** Ends other sessions whose application name starts so, waits until they are gone, answers how many there were. */
  endSessions(applicationNamePrefix: string): Promise<number>;
  close(): Promise<void>;
}

/** Environment for psql, pg_dump and pg_restore: PGHOST and so on, PGPASSFILE (written, 0600), never PGPASSWORD. */
export declare function databaseEnvironment(
  run: RunCommand,
  database: DatabaseConfig,
  access: DatabaseAccess,
): Promise<Readonly<Record<string, string>>>;

/** Connects and answers a session, or throws a Fault that says why not. */
export declare function openDatabase(
  run: RunCommand,
  database: DatabaseConfig,
  access: DatabaseAccess & { readonly psql: Tool; readonly signal?: AbortSignal | undefined },
): Promise<DatabaseSession>;
