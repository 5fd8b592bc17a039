import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { DATABASE_TAR, databaseArchive } from '../../backup/artifacts/database-archive.ts';
import type { DatabaseFacts } from '../../backup/set/manifest.ts';
import type { Step, StepContext } from '../../engine/ports.ts';
import type { DatabaseSession } from '../../kong/database/database.ts';
import { pgDump, pgRestoreRead } from '../../kong/dump/dump.ts';
import { findPostgresTools } from '../../kong/dump/tools.ts';
import type { PostgresTools } from '../../kong/dump/tools.ts';
import type { Gap } from '../../runbooks/backup.ts';
import type { StepDeps } from '../deps.ts';
import { refOf } from '../deps.ts';
import { endOwnSessions } from '../end-sessions.ts';
import { withDatabase } from '../gateway-access.ts';
import { observeNow } from '../observed.ts';
import { preflightFacts } from '../plan-facts.ts';
import { goneWithout, nameInSet, secondsBetween, stageArtifact, stagedOutputs } from './staged.ts';
import type { Described } from './staged.ts';
import { bytesDone } from './bytes-done.ts';
import { databaseGaps } from './database-gaps.ts';
import { DUMP_NAMES, dumpFormat } from './dump-format.ts';
import { saveGlobals } from './save-globals.ts';
import { countInSnapshot, dumpEnvironment, streamDatabase } from './stream-database.ts';

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
      const format = dumpFormat(deps);
      const name = await nameInSet(deps, format === 'directory' ? DATABASE_TAR : DUMP_NAMES[format], true);
      return stagedOutputs(deps.destinations, refOf(run), ['database', 'globals'], [name]);
    },
    apply: (context) =>
      dumpFormat(deps) === 'directory' ? dumpAndStage(deps, context) : streamDatabase(deps, context),
  };
}

interface Dump {
  readonly folder: string;
  readonly tools: PostgresTools;
  readonly facts: DatabaseFacts;
  readonly gaps: readonly Gap[];
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
  const env = await dumpEnvironment(deps, context);
  const gaps = [...(await saveGlobals(deps, context, { pgDump: tools.pgDump, env }))];
  const snapshot = await session.exportSnapshot();
  const sizes = await session.tableSizes();
  gaps.push(...databaseGaps(await session.otherRelations(), 'directory'));
  const folder = join(context.workDir, 'database');
  const failed = new AbortController();
  const signal = AbortSignal.any([context.signal, failed.signal]);
  const dumping = pgDump(deps.runner, {
    pgDump: tools.pgDump,
    env,
    outDir: folder,
    jobs: deps.limits.dump_jobs,
    snapshot,
    // Compressed afterwards, twice as fast as by pg_dump (see database-archive.ts).
    compressLevel: 0,
    tables: Object.keys(sizes).length,
    signal,
    onTable: bytesDone(sizes, context, 'dumping'),
  });
  const counting = countInSnapshot(session, Object.keys(sizes));
  // Whichever fails first is the cause; a pg_dump whose snapshot is gone would only say so in its own words.
  counting.catch((error: unknown) => failed.abort(error));
  const [, counted] = await Promise.all([dumping, counting]);
  return { folder, tools, gaps, facts: { serverVersion: server.text, ...counted } };
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
      gaps: [...dump.gaps],
      database: dump.facts,
    };
  };
  await stageArtifact(
    deps,
    { ref: refOf(run), signal },
    { name: DATABASE_TAR, compress: true, source: archive.stream, describe },
  );
}
