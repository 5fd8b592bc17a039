import type { StepContext } from '../../engine/ports.ts';
import type { DatabaseSession, SchemaMeta, ServerVersion } from '../../kong/database/database.ts';
import { findPostgresTools } from '../../kong/dump/tools.ts';
import type { PostgresTools } from '../../kong/dump/tools.ts';
import { Fault } from '../../runs/fault.ts';
import type { Checklist } from './checklist.ts';
import type { StepDeps } from '../deps.ts';
import { withDatabase } from '../gateway-access.ts';
import { bytesText, counted, some } from '../words.ts';

export interface DatabaseSeen {
  readonly server: ServerVersion;
  readonly schemaMeta: readonly SchemaMeta[];
}

export interface DatabaseChecked extends DatabaseSeen {
  readonly tools: PostgresTools;
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
  const tools = await list.check(
    'PostgreSQL tools',
    () => findPostgresTools(deps.runner, server.major),
    ({ pgDump, pgRestore }) => `pg_dump ${pgDump.version}, pg_restore ${pgRestore.version}`,
  );
  const inside = await checkInside(list, session);
  return tools === null || inside === null ? null : { server, tools, ...inside };
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
