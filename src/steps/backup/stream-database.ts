import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import type { DatabaseFacts } from '../../backup/set/manifest.ts';
import type { StepContext } from '../../engine/ports.ts';
import { databaseEnvironment } from '../../kong/database/database.ts';
import type { DatabaseEnvironment, DatabaseSession } from '../../kong/database/database.ts';
import { pgDumpStream, readWhilePassing } from '../../kong/dump/dump-stream.ts';
import type { StreamFormat } from '../../kong/dump/dump.ts';
import { plainDump } from '../../kong/dump/plain-dump.ts';
import type { PlainDump } from '../../kong/dump/plain-dump.ts';
import { findPostgresTool } from '../../kong/dump/tools.ts';
import type { Tool } from '../../kong/dump/tools.ts';
import type { RunCommand } from '../../run-command/command.ts';
import type { Gap } from '../../runbooks/backup.ts';
import { Fault } from '../../runs/fault.ts';
import type { StepDeps } from '../deps.ts';
import { refOf } from '../deps.ts';
import { configuredDatabase, databaseAccess, withDatabase } from '../gateway-access.ts';
import { bytesDone } from './bytes-done.ts';
import { databaseGaps } from './database-gaps.ts';
import { DUMP_NAMES, dumpFormat } from './dump-format.ts';
import { saveGlobals } from './save-globals.ts';
import { secondsBetween, stageArtifact } from './staged.ts';
import type { Described } from './staged.ts';

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
  const pgDump = await findPostgresTool(deps.runner, server.major, 'pg_dump');
  const env = await dumpEnvironment(deps, context);
  const gaps = [...(await saveGlobals(deps, context, { pgDump, env }))];
  const snapshot = await session.exportSnapshot();
  const sizes = await session.tableSizes();
  const format = streamFormat(deps);
  gaps.push(...databaseGaps(await session.otherRelations(), format));
  const failed = new AbortController();
  const signal = AbortSignal.any([context.signal, failed.signal]);
  const counting = countInSnapshot(session, Object.keys(sizes));
  // Whichever fails first is the cause; a pg_dump whose snapshot is gone would only say so in its own words.
  counting.catch((error: unknown) => failed.abort(error));
  const onTable = bytesDone(sizes, context, 'dumping and storing');
  const tables = Object.keys(sizes).length;
  const dump = pgDumpStream(deps.runner, { pgDump, env, snapshot, tables, signal, onTable, format });
  const read = await readToItsEnd(deps, { dump, format, major: server.major, signal });
  const artifact = {
    name: DUMP_NAMES[format],
    compress: true,
    source: read.stream,
    describe: async () => {
      const counted = await counting;
      read.confirm(Object.values(counted.tables));
      const facts = { serverVersion: server.text, ...counted };
      return described(facts, {
        pgDump,
        began,
        format,
        gaps,
        encrypted: (deps.encryption?.recipients.length ?? 0) > 0,
      });
    },
  };
  await stageArtifact(deps, { ref: refOf(context.run), signal }, artifact).catch((error: unknown) => {
    failed.signal.throwIfAborted();
    throw error;
  });
}

function streamFormat(deps: StepDeps): StreamFormat {
  const format = dumpFormat(deps);
  if (format === 'directory') throw new Error('a directory is no stream');
  return format;
}

/** Before a byte of it counts as stored, it was read to its end: an archive by pg_restore, SQL by its rows. */
async function readToItsEnd(
  deps: StepDeps,
  request: {
    readonly dump: Readable;
    readonly format: StreamFormat;
    readonly major: number;
    readonly signal: AbortSignal;
  },
): Promise<PlainDump> {
  const { dump, format, major, signal } = request;
  if (format === 'plain') return plainDump(dump);
  const { runner, pgRestore } = await findReader(deps, major);
  return { stream: readWhilePassing(runner, dump, { pgRestore, signal }), confirm: () => undefined };
}

/** The worker reads what it received; where it has no pg_restore of that major, the gateway's reads what it sends back. */
export async function findReader(
  { worker, runner }: Pick<StepDeps, 'worker' | 'runner'>,
  major: number,
): Promise<{ readonly runner: RunCommand; readonly pgRestore: Tool }> {
  try {
    return { runner: worker, pgRestore: await findPostgresTool(worker, major, 'pg_restore') };
  } catch (error) {
    if (!(error instanceof Fault)) throw error;
    return { runner, pgRestore: await findPostgresTool(runner, major, 'pg_restore') };
  }
}

function described(
  database: DatabaseFacts,
  from: {
    readonly pgDump: Tool;
    readonly began: number;
    readonly encrypted: boolean;
    readonly format: StreamFormat;
    readonly gaps: readonly Gap[];
  },
): Described {
  const { pgDump, began, encrypted, format } = from;
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
        format: encrypted ? `${format}, zstd, age` : `${format}, zstd`,
      },
    },
    gaps: [...from.gaps],
    database,
  };
}

/** Connection of pg_dump, in a folder of its own. */
export async function dumpEnvironment(deps: StepDeps, context: StepContext): Promise<DatabaseEnvironment> {
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
