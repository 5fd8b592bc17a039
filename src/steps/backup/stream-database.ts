import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { DatabaseFacts } from '../../backup/set/manifest.ts';
import type { StepContext } from '../../engine/ports.ts';
import { databaseEnvironment } from '../../kong/database/database.ts';
import type { DatabaseEnvironment, DatabaseSession } from '../../kong/database/database.ts';
import { pgDumpStream, readWhilePassing } from '../../kong/dump/dump-stream.ts';
import { findPostgresTools } from '../../kong/dump/tools.ts';
import type { Tool } from '../../kong/dump/tools.ts';
import type { RunCommand } from '../../run-command/command.ts';
import { Fault } from '../../runs/fault.ts';
import type { StepDeps } from '../deps.ts';
import { refOf } from '../deps.ts';
import { configuredDatabase, databaseAccess, withDatabase } from '../gateway-access.ts';
import { secondsBetween, stageArtifact } from './staged.ts';
import type { Described } from './staged.ts';

/** Stored as `database.dump.zst.age`: `age -d -i KEY … | zstd -d | pg_restore -d NAME` brings it back. */
export const DATABASE_DUMP = 'database.dump';

/**
 * Whether the dump goes as one stream from pg_dump to the destinations (decision 14): when it is encrypted, so that
 * nothing of it lies open on a disk, and when pg_dump runs on another machine, whose files the worker cannot read.
 */
export function streamsDump(deps: Pick<StepDeps, 'encryption' | 'runner'>): boolean {
  return (deps.encryption?.recipients.length ?? 0) > 0 || !deps.runner.sameHost;
}

/**
 * pg_dump, read by pg_restore on the way, compressed, encrypted, hashed and stored in one pass; the rows are counted in
 * the same snapshot beside. The session keeps the snapshot open until the last byte is stored.
 */
export async function streamDatabase(deps: StepDeps, context: StepContext): Promise<void> {
  const began = performance.now();
  await withDatabase(deps, context, (session) => streamInSnapshot(deps, context, session, began));
}

async function streamInSnapshot(
  deps: StepDeps,
  context: StepContext,
  session: DatabaseSession,
  began: number,
): Promise<void> {
  const server = await session.serverVersion();
  const { pgDump } = await findPostgresTools(deps.runner, server.major);
  const reader = await findReader(deps, server.major);
  const snapshot = await session.exportSnapshot();
  const names = Object.keys(await session.tableSizes());
  const env = await dumpEnvironment(deps, context);
  const failed = new AbortController();
  const signal = AbortSignal.any([context.signal, failed.signal]);
  const counting = countInSnapshot(session, names);
  // Whichever fails first is the cause; a pg_dump whose snapshot is gone would only say so in its own words.
  counting.catch((error: unknown) => failed.abort(error));
  const onTable = (done: number, total: number): void =>
    context.progress({ done, total, unit: 'tables', note: 'dumping and storing' });
  const dump = pgDumpStream(deps.runner, { pgDump, env, snapshot, tables: names.length, signal, onTable });
  const artifact = {
    name: DATABASE_DUMP,
    compress: true,
    source: readWhilePassing(reader.runner, dump, { pgRestore: reader.pgRestore, signal }),
    describe: async () => {
      const facts = { serverVersion: server.text, ...(await counting) };
      return described(facts, { pgDump, began, encrypted: (deps.encryption?.recipients.length ?? 0) > 0 });
    },
  };
  await stageArtifact(deps, { ref: refOf(context.run), signal }, artifact).catch((error: unknown) => {
    failed.signal.throwIfAborted();
    throw error;
  });
}

/** The worker reads what it received; where it has no pg_restore of that major, the gateway's reads what it sends back. */
async function findReader(
  { worker, runner }: StepDeps,
  major: number,
): Promise<{ readonly runner: RunCommand; readonly pgRestore: Tool }> {
  try {
    return { runner: worker, pgRestore: (await findPostgresTools(worker, major)).pgRestore };
  } catch (error) {
    if (!(error instanceof Fault)) throw error;
    return { runner, pgRestore: (await findPostgresTools(runner, major)).pgRestore };
  }
}

function described(
  database: DatabaseFacts,
  { pgDump, began, encrypted }: { readonly pgDump: Tool; readonly began: number; readonly encrypted: boolean },
): Described {
  const rows = Object.values(database.tables);
  return {
    artifact: {
      kind: 'database',
      tool: 'pg_dump',
      toolVersion: pgDump.version,
      seconds: secondsBetween(began, performance.now()),
      facts: {
        tables: rows.length,
        rows: rows.reduce((sum, count) => sum + count, 0),
        format: encrypted ? 'custom, zstd, age' : 'custom, zstd',
      },
    },
    gaps: [],
    database,
  };
}

async function dumpEnvironment(deps: StepDeps, context: StepContext): Promise<DatabaseEnvironment> {
  const access = databaseAccess(deps, { ...context, workDir: join(context.workDir, 'pg_dump') });
  await mkdir(access.workDir, { mode: 0o700 });
  return databaseEnvironment(deps.runner, configuredDatabase(deps), access);
}

/** Rows of every table and the migrations, as the snapshot has them. */
export async function countInSnapshot(
  session: DatabaseSession,
  names: readonly string[],
): Promise<Pick<DatabaseFacts, 'tables' | 'schemaMeta'>> {
  const tables = await session.countRows(names);
  const schemaMeta = (await session.schemaMeta()) ?? [];
  return {
    tables,
    schemaMeta: schemaMeta.map((row) => ({ ...row, executed: [...row.executed], pending: [...row.pending] })),
  };
}
