import { join } from 'node:path';
import type { Step, StepContext } from '../../engine/ports.ts';
import { openServer } from '../../kong/database/database-admin.ts';
import type { DatabaseServer, RoleFacts } from '../../kong/database/database-admin.ts';
import { identifierAsTyped } from '../../kong/database/database-admin-sql.ts';
import { databaseEnvironment, openDatabase } from '../../kong/database/database.ts';
import type { DatabaseAccess, DatabaseConfig } from '../../kong/database/database.ts';
import { databaseOfUrl } from '../../kong/database/database-url.ts';
import { pgRestoreInto } from '../../kong/dump/restore-dump.ts';
import { findPostgresTools, findPsql } from '../../kong/dump/tools.ts';
import type { DrillOutputs } from '../../runbooks/restore-drill.ts';
import { Fault } from '../../runs/fault.ts';
import { digestOf } from '../../runs/json.ts';
import type { Run } from '../../runs/run.ts';
import { keepProof, readProof } from '../attempt-proof.ts';
import type { RestoreDeps } from './deps.ts';
import { orNamed } from './drop.ts';
import { compareWithManifest } from './restore-scratch.ts';
import type { RestoredCounts } from './restore-scratch.ts';
import { dumpOf, fetchDump, openProven } from './set-reader.ts';

/** Restores the set into a database of the worker's own PostgreSQL, compares every count, and removes it whatever happens. */
export function restoreDrill(deps: RestoreDeps): Step {
  return {
    takeOver: (context) => removeScratch(deps, context),
    check: readProof,
    apply: async (context) => {
      const counts = await drill(deps, context);
      const outputs: DrillOutputs = { set: deps.set.set, restoredAt: deps.clock().toISOString(), ...counts };
      await keepProof(context, outputs);
    },
  };
}

/** What a drill whose worker died, again and again, may have left. */
export function dropDrill(deps: RestoreDeps): Step {
  return {
    check: async (context) => {
      const name = scratchName(context.run);
      const rows = await orNamed(
        name,
        onServer(deps, context, (server) => server.databases([name])),
      );
      return name in rows ? null : { dropped: name };
    },
    apply: (context) => orNamed(scratchName(context.run), removeScratch(deps, context)),
  };
}

async function drill(deps: RestoreDeps, context: StepContext): Promise<RestoredCounts> {
  const set = await openProven(deps, context.run);
  const dump = dumpOf(set.manifest);
  if (dump === null) throw new Error('check-set admits no set without a dump');
  const { major } = await onServer(deps, context, async (server) => mayMakeDatabases(await server.roleFacts()));
  const needed = Number.parseInt(set.manifest.database?.serverVersion ?? '0', 10);
  if (major < needed) throw olderServer(major, needed);
  const archive = await fetchDump(set, dump, {
    folder: join(context.workDir, 'dump'),
    signal: context.signal,
    onBytes: (done) => context.progress({ done, total: dump.bytes, unit: 'bytes', note: 'fetching the dump' }),
  });
  const counts = await inScratch(deps, context, () =>
    fillAndCount(deps, context, { archive, major, manifest: set.manifest }),
  );
  await orNamed(scratchName(context.run), removeScratch(deps, context));
  return counts;
}

async function inScratch<T>(deps: RestoreDeps, context: StepContext, work: () => Promise<T>): Promise<T> {
  try {
    await onServer(deps, context, async (server) => {
      await server.drop(scratchName(context.run));
      await server.create(scratchName(context.run), null);
    });
    return await work();
  } catch (error) {
    // The first cause is what is told; what stays now, drop-drill removes, or says that it could not.
    await removeScratch(deps, context).catch(() => undefined);
    throw error;
  }
}

async function fillAndCount(
  deps: RestoreDeps,
  context: StepContext,
  { archive, major, manifest }: { archive: string; major: number; manifest: Parameters<typeof compareWithManifest>[1] },
): Promise<RestoredCounts> {
  const { database, access } = drillServer(deps, context);
  const scratch = { ...database, name: scratchName(context.run) };
  const tools = await findPostgresTools(deps.worker, major);
  await pgRestoreInto(deps.worker, {
    pgRestore: tools.pgRestore,
    env: await databaseEnvironment(deps.worker, scratch, access),
    archive,
    jobs: deps.limits.dump_jobs,
    withoutPrivileges: true,
    tables: Object.keys(manifest.database?.tables ?? {}).length,
    signal: context.signal,
    onTable: (done, total) => context.progress({ done, total, unit: 'tables', note: 'restoring' }),
  });
  const session = await openDatabase(deps.worker, scratch, { ...access, psql: tools.psql, signal: context.signal });
  try {
    return await compareWithManifest(session, manifest);
  } finally {
    await session.close();
  }
}

/** Also after an abort, which ended what ran in it: hence without the step's signal, but never for long. */
async function removeScratch(deps: RestoreDeps, context: StepContext): Promise<void> {
  const calm = { ...context, signal: AbortSignal.timeout(REMOVE_MS) };
  await onServer(deps, calm, async (server) => {
    await server.endSessions(`kong-chatops ${context.run.id}/restore-drill/`);
    await server.drop(scratchName(context.run));
  });
}

const REMOVE_MS = 30_000;

async function onServer<T>(
  deps: RestoreDeps,
  context: StepContext,
  work: (server: DatabaseServer) => Promise<T>,
): Promise<T> {
  const { database, access } = drillServer(deps, context);
  const psql = await findPsql(deps.worker);
  const server = await openServer(deps.worker, database, {
    ...access,
    psql,
    maintenance: database.name,
    signal: context.signal,
  });
  try {
    return await work(server);
  } finally {
    await server.close();
  }
}

/** Of this run alone, whichever bots share the server. */
function scratchName(run: Run): string {
  const own = digestOf({ run: run.id, at: run.requestedAt, plan: run.planDigest }).slice(0, 6);
  return `kong_chatops_drill_${run.id.toLowerCase().replace('-', '')}_${own}`;
}

function drillServer(
  deps: RestoreDeps,
  { workDir, applicationName }: StepContext,
): { database: DatabaseConfig; access: DatabaseAccess } {
  const url = deps.drillUrl();
  if (url === null) throw nowhereToDrill();
  const { database, password } = databaseOfUrl(url);
  return { database, access: { password, applicationName, workDir } };
}

function nowhereToDrill(): Fault {
  return new Fault(
    'no-drill-server',
    'There is no PostgreSQL on which this worker may restore a set to prove it.',
    'Name one in the configuration under drills.database_url (a role with CREATEDB), or give the worker DATABASE_OWNER_URL.',
  );
}

function mayMakeDatabases({ createDb, role, version }: RoleFacts): RoleFacts['version'] {
  if (createDb) return version;
  throw new Fault(
    'drill-no-createdb',
    `The role ${role} may not make a database to restore into.`,
    `Let a superuser run: ALTER ROLE ${identifierAsTyped(role)} CREATEDB, or name another server under drills.database_url.`,
  );
}

function olderServer(major: number, needed: number): Fault {
  return new Fault(
    'drill-server-older',
    `The set was dumped from PostgreSQL ${needed}, and drills run on PostgreSQL ${major}, which may not load it.`,
    'Name a newer server under drills.database_url.',
  );
}
