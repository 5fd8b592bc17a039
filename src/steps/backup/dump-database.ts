import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { DATABASE_TAR, databaseArchive } from '../../backup/artifacts/database-archive.ts';
import type { DatabaseFacts } from '../../backup/set/manifest.ts';
import type { Step, StepContext } from '../../engine/ports.ts';
import { databaseEnvironment } from '../../kong/database/database.ts';
import type { DatabaseSession } from '../../kong/database/database.ts';
import { pgDump, pgRestoreRead } from '../../kong/dump/dump.ts';
import { findPostgresTools } from '../../kong/dump/tools.ts';
import type { PostgresTools } from '../../kong/dump/tools.ts';
import type { StepDeps } from '../deps.ts';
import { refOf } from '../deps.ts';
import { endOwnSessions } from '../end-sessions.ts';
import { configuredDatabase, databaseAccess, withDatabase } from '../gateway-access.ts';
import { observeNow } from '../observed.ts';
import { preflightFacts } from '../plan-facts.ts';
import { goneWithout, nameInSet, secondsBetween, stageArtifact, stagedOutputs } from './staged.ts';
import type { Described } from './staged.ts';
import { countInSnapshot, DATABASE_DUMP, streamDatabase, streamsDump } from './stream-database.ts';

/**
 * Dumps the database in one snapshot with the count of its rows, reads the dump to its end, and stages it: encrypted as
 * one stream of custom format that touches no disk, else in directory format by parallel jobs.
 */
export function dumpDatabase(deps: StepDeps): Step {
  return {
    observe: (context) => observeNow(deps, context),
    takeOver: (context) => endOwnSessions(deps, context),
    check: async ({ run }) => {
      const why = preflightFacts(run).skipped['database'];
      if (why !== undefined) return goneWithout('database', why);
      const name = await nameInSet(deps, streamsDump(deps) ? DATABASE_DUMP : DATABASE_TAR, true);
      return stagedOutputs(deps.destinations, refOf(run), ['database', 'globals'], [name]);
    },
    apply: (context) => (streamsDump(deps) ? streamDatabase(deps, context) : dumpAndStage(deps, context)),
  };
}

interface Dump {
  readonly folder: string;
  readonly tools: PostgresTools;
  readonly facts: DatabaseFacts;
}

async function dumpAndStage(deps: StepDeps, context: StepContext): Promise<void> {
  const began = performance.now();
  const dump = await withDatabase(deps, context, (session) => dumpInSnapshot(deps, context, session));
  await readToTheEnd(deps, context, dump);
  await stage(deps, context, dump, began);
  await rm(dump.folder, { recursive: true, force: true });
}

/** The session holds the snapshot open until pg_dump is done; it counts the rows meanwhile. */
async function dumpInSnapshot(deps: StepDeps, context: StepContext, session: DatabaseSession): Promise<Dump> {
  const server = await session.serverVersion();
  const tools = await findPostgresTools(deps.runner, server.major);
  const snapshot = await session.exportSnapshot();
  const names = Object.keys(await session.tableSizes());
  const folder = join(context.workDir, 'database');
  const total = names.length;
  const failed = new AbortController();
  const dumping = dumpTables(
    deps,
    { ...context, signal: AbortSignal.any([context.signal, failed.signal]) },
    {
      tools,
      snapshot,
      folder,
      total,
    },
  );
  const counting = countInSnapshot(session, names);
  // Whichever fails first is the cause; a pg_dump whose snapshot is gone would only say so in its own words.
  counting.catch((error: unknown) => failed.abort(error));
  const [, counted] = await Promise.all([dumping, counting]);
  return { folder, tools, facts: { serverVersion: server.text, ...counted } };
}

async function dumpTables(
  deps: StepDeps,
  context: StepContext,
  { tools, snapshot, folder, total }: { tools: PostgresTools; snapshot: string; folder: string; total: number },
): Promise<void> {
  const access = databaseAccess(deps, { ...context, workDir: join(context.workDir, 'pg_dump') });
  await mkdir(access.workDir, { mode: 0o700 });
  context.progress({ done: 0, total, unit: 'tables', note: 'dumping' });
  await pgDump(deps.runner, {
    pgDump: tools.pgDump,
    env: await databaseEnvironment(deps.runner, configuredDatabase(deps), access),
    outDir: folder,
    jobs: deps.limits.dump_jobs,
    snapshot,
    // Compressed afterwards, twice as fast as by pg_dump (see database-archive.ts).
    compressLevel: 0,
    tables: total,
    signal: context.signal,
    onTable: (done) => context.progress({ done, total, unit: 'tables', note: 'dumping' }),
  });
}

/** Before anything leaves the worker: a table of contents alone would prove nothing. */
async function readToTheEnd(deps: StepDeps, context: StepContext, dump: Dump): Promise<void> {
  const total = Object.keys(dump.facts.tables).length;
  await pgRestoreRead(deps.runner, {
    pgRestore: dump.tools.pgRestore,
    archive: dump.folder,
    signal: context.signal,
    tables: total,
    onTable: (done) => context.progress({ done, total, unit: 'tables', note: 'reading the dump' }),
  });
}

async function stage(deps: StepDeps, context: StepContext, dump: Dump, began: number): Promise<void> {
  const { run, signal } = context;
  const rows = Object.values(dump.facts.tables);
  let total = 0;
  const archive = await databaseArchive(dump.folder, new Date(run.requestedAt), (done) =>
    context.progress({ done, total, unit: 'bytes', note: 'packing and storing' }),
  );
  total = archive.unpackedBytes;
  const describe = (): Described => {
    archive.confirmRows(rows);
    return {
      artifact: {
        kind: 'database',
        tool: 'pg_dump',
        toolVersion: dump.tools.pgDump.version,
        seconds: secondsBetween(began, performance.now()),
        facts: {
          tables: rows.length,
          rows: rows.reduce((sum, count) => sum + count, 0),
          format: 'directory, tar, zstd',
          unpackedBytes: archive.unpackedBytes,
        },
      },
      gaps: [],
      database: dump.facts,
    };
  };
  await stageArtifact(
    deps,
    { ref: refOf(run), signal },
    { name: DATABASE_TAR, compress: true, source: archive.stream, describe },
  );
}
