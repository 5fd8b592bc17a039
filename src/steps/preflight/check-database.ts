import type { StepContext } from '../../engine/ports.ts';
import type { DatabaseSession, SchemaMeta, ServerVersion } from '../../kong/database/database.ts';
import { findDumpAll } from '../../kong/dump/globals.ts';
import { findPostgresTool, findPostgresTools } from '../../kong/dump/tools.ts';
import type { Tool } from '../../kong/dump/tools.ts';
import { Fault } from '../../runs/fault.ts';
import { dumpFormat } from '../backup/dump-format.ts';
import { findReader } from '../backup/stream-database.ts';
import type { Checklist } from './checklist.ts';
import type { StepDeps } from '../deps.ts';
import { withDatabase } from '../gateway-access.ts';
import { bytesText, counted, some } from '../words.ts';

export interface DatabaseSeen {
  readonly server: ServerVersion;
  readonly schemaMeta: readonly SchemaMeta[];
}

/** SQL needs no pg_restore. */
export interface DumpTools {
  readonly pgDump: Tool;
  readonly pgRestore?: Tool;
}

export interface DatabaseChecked extends DatabaseSeen {
  readonly tools: DumpTools;
  readonly bytes: number;
  readonly tables: number;
}

/** Looks at the database through the tools that will dump it; null when one of them failed. */
export async function checkDatabase(
  list: Checklist,
  deps: StepDeps,
  context: StepContext,
): Promise<DatabaseChecked | null> {
  let connected = false;
  try {
    return await withDatabase(deps, context, async (session) => {
      connected = true;
      return checkSession(list, deps, session);
    });
  } catch (error) {
    if (connected || !(error instanceof Fault)) throw error;
    list.expect('Database server', error, '');
    return null;
  }
}

async function checkSession(
  list: Checklist,
  deps: StepDeps,
  session: DatabaseSession,
): Promise<DatabaseChecked | null> {
  const server = await list.check(
    'Database server',
    () => session.serverVersion(),
    ({ text }) => `PostgreSQL ${text}`,
  );
  if (server === null) return null;
  const tools = await checkTools(list, deps, server.major);
  const inside = await checkInside(list, session);
  return tools === null || inside === null ? null : { server, tools, ...inside };
}

/** pg_dump runs where the database is reached from; what it wrote may well be read elsewhere. */
async function checkTools(list: Checklist, deps: StepDeps, major: number): Promise<DumpTools | null> {
  const format = dumpFormat(deps);
  const pgDump = await list.check(
    'PostgreSQL tools',
    () => (format === 'directory' ? bothTools(deps, major) : findPostgresTool(deps.runner, major, 'pg_dump')),
    (tool) => `pg_dump ${tool.version}, for a dump in ${format} format`,
  );
  if (pgDump !== null && deps.gateway.database?.globals === true) {
    await list.check(
      'Roles of the server',
      () => findDumpAll(deps.runner, pgDump),
      ({ version }) => `pg_dumpall ${version}`,
    );
  }
  if (format === 'plain') return pgDump === null ? null : { pgDump };
  const reader = await list.check(
    'Reading the dump',
    () => findReader(deps, major),
    ({ pgRestore, runner }) => `pg_restore ${pgRestore.version}${runner.sameHost ? '' : ` on ${runner.where}`}`,
  );
  return pgDump === null || reader === null ? null : { pgDump, pgRestore: reader.pgRestore };
}

async function bothTools({ runner }: StepDeps, major: number): Promise<Tool> {
  return (await findPostgresTools(runner, major)).pgDump;
}

async function checkInside(
  list: Checklist,
  session: DatabaseSession,
): Promise<Omit<DatabaseChecked, 'server' | 'tools'> | null> {
  const schemaMeta = await list.check(
    'Migrations',
    async () => finishedMigrations(await session.schemaMeta()),
    (rows) => `${counted(rows.length, 'subsystem')}, none pending`,
  );
  await list.check(
    'Rights on the database',
    async () => refuseUnreadable(await session.canReadEverything()),
    () => 'reads every table',
  );
  const sizes = await list.check(
    'Size of the database',
    async () => ({ bytes: await session.databaseBytes(), tables: Object.keys(await session.tableSizes()).length }),
    ({ bytes, tables }) => `${bytesText(bytes)} in ${counted(tables, 'table')}`,
  );
  return schemaMeta === null || sizes === null ? null : { schemaMeta, ...sizes };
}

/** What a gate shows of the database, cheaply. */
export async function lookAtDatabase(session: DatabaseSession): Promise<DatabaseSeen> {
  return { server: await session.serverVersion(), schemaMeta: (await session.schemaMeta()) ?? [] };
}

function finishedMigrations(rows: readonly SchemaMeta[] | null): readonly SchemaMeta[] {
  if (rows === null || rows.length === 0) {
    throw new Fault(
      'not-a-kong-database',
      'This database has no table schema_meta with rows: it is not the database of a Kong, or an empty one.',
      'Correct the name of the database in the configuration of this gateway.',
    );
  }
  const pending = rows.filter((row) => row.pending.length > 0);
  if (pending.length === 0) return rows;
  throw new Fault(
    'migrations-pending',
    `Migrations are not finished: ${some(pending.map((row) => `${row.subsystem} (${row.pending.join(', ')})`))}. A dump of a half migrated database fits no version of Kong.`,
    'Finish the upgrade with `kong migrations finish`, then try again.',
  );
}

function refuseUnreadable(tables: readonly string[]): void {
  if (tables.length === 0) return;
  throw new Fault(
    'database-rights',
    `The database role may not read ${counted(tables.length, 'table or sequence', 'tables or sequences')}: ${some(tables)}. pg_dump would fail on them.`,
    'Use the role that owns the tables, or GRANT SELECT on all tables and sequences to this one.',
  );
}
