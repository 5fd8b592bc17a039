import { join } from 'node:path';
import type { Manifest } from '../../backup/set/manifest.ts';
import type { Step, StepContext } from '../../engine/ports.ts';
import { databaseEnvironment } from '../../kong/database/database.ts';
import type { DatabaseSession } from '../../kong/database/database.ts';
import { pgRestoreInto } from '../../kong/dump/restore-dump.ts';
import { findPostgresTools } from '../../kong/dump/tools.ts';
import type { ScratchOutputs } from '../../runbooks/restore.ts';
import { Fault } from '../../runs/fault.ts';
import { digestOf } from '../../runs/json.ts';
import { configuredDatabase, databaseAccess } from '../gateway-access.ts';
import { sideBySide } from '../side-by-side.ts';
import { some } from '../words.ts';
import { checkedSet, namesOf } from './deps.ts';
import type { RestoreDeps } from './deps.ts';
import { endPredecessors, withServer, withSession } from './server-access.ts';
import { dumpOf, fetchDump, openProven } from './set-reader.ts';

/** Restores the dump into a database of its own, compares every count, and marks it as whole. The live one is not touched. */
export function restoreScratch(deps: RestoreDeps): Step {
  return {
    takeOver: (context) => endPredecessors(deps, context),
    check: (context) => wholeScratch(deps, context),
    apply: (context) => restore(deps, context),
  };
}

/** Null until the scratch database of this run is there and marked as whole. */
export async function wholeScratch(deps: RestoreDeps, context: StepContext): Promise<ScratchOutputs | null> {
  const { scratch } = namesOf(context.run, configuredDatabase(deps));
  const row = (await withServer(deps, context, (server) => server.databases([scratch])))[scratch];
  const counts =
    row?.mark === null || row === undefined ? null : parseMark(row.mark, checkedSet(context.run).set, scratch);
  return counts === null ? null : { scratch, ...counts };
}

async function restore(deps: RestoreDeps, context: StepContext): Promise<void> {
  const names = namesOf(context.run, configuredDatabase(deps));
  const { scratch } = names;
  const set = await openProven(deps, context.run);
  const major = await withServer(deps, context, async (server) => {
    // What a predecessor left half restored is worth nothing.
    await server.drop(scratch);
    const isLive = names.live in (await server.databases([names.live]));
    await server.create(scratch, isLive ? names.live : null);
    return (await server.roleFacts()).version.major;
  });
  await orPropose(deps, set.manifest, () => fill(deps, context, { scratch, major, set }));
  const [counts] = await sideBySide(
    context.signal,
    (signal) =>
      withSession(deps, { ...context, signal }, scratch, (session) =>
        orPropose(deps, set.manifest, () => compareWithManifest(session, set.manifest)),
      ),
    // Kong's first queries would be planned without statistics.
    (signal) => withSession(deps, { ...context, signal }, scratch, (session) => session.analyze()),
  );
  await withServer(deps, context, (server) => server.mark(scratch, markText(deps.set.set, scratch, counts)));
}

/** Faults that say that the dump itself is of no use: trying again, or mending the server, would not help. */
const UNUSABLE: readonly string[] = ['restore.failed', 'counts-differ', 'archive.corrupt', 'archive.cut'];

/** As Kong advises: the database first, and where its dump is unusable a fresh one with the declarative file (behaviour 6.1). */
async function orPropose<T>(deps: RestoreDeps, manifest: Manifest, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    const has = manifest.artifacts.some(({ kind }) => kind === 'declarative');
    if (!(error instanceof Fault) || !UNUSABLE.includes(error.code) || !has) throw error;
    const { code, message, hint, retryable } = error;
    const { name } = deps.gateway;
    const command = `kong-chatops restore ${name} --set ${manifest.set} --strategy fresh-database --confirm ${name}`;
    throw new Fault(
      code,
      message,
      `${hint} If the dump stays unusable, build a fresh database from this set’s declarative file: ${command}`,
      {
        cause: error,
        retryable,
      },
    );
  }
}

async function fill(
  deps: RestoreDeps,
  context: StepContext,
  { scratch, major, set }: { scratch: string; major: number; set: Awaited<ReturnType<typeof openProven>> },
): Promise<void> {
  const dump = dumpOf(set.manifest);
  if (dump === null) throw new Error('check-set admits no set without a dump');
  const tools = await findPostgresTools(deps.runner, major);
  const archive = await fetchDump(set, dump, {
    folder: join(context.workDir, 'dump'),
    signal: context.signal,
    onBytes: (done) => context.progress({ done, total: dump.bytes, unit: 'bytes', note: 'fetching the dump' }),
  });
  const tables = Object.keys(set.manifest.database?.tables ?? {}).length;
  const access = databaseAccess(deps, context);
  await pgRestoreInto(deps.runner, {
    pgRestore: tools.pgRestore,
    env: await databaseEnvironment(deps.runner, { ...configuredDatabase(deps), name: scratch }, access),
    archive,
    jobs: deps.limits.dump_jobs,
    tables,
    signal: context.signal,
    onTable: (done, total) => context.progress({ done, total, unit: 'tables', note: 'restoring' }),
  });
  context.progress({ done: tables, total: tables, unit: 'tables', note: 'counting' });
}

export interface RestoredCounts {
  readonly tables: number;
  readonly rows: number;
}

/** Every table, its rows and every migration as they were in the snapshot of the dump; a Fault that names what differs. */
export async function compareWithManifest(session: DatabaseSession, manifest: Manifest): Promise<RestoredCounts> {
  const expected = manifest.database?.tables ?? {};
  const restored = await session.countRows(Object.keys(await session.tableSizes()));
  const names = [...new Set([...Object.keys(expected), ...Object.keys(restored)])].sort();
  const different = names.filter((name) => expected[name] !== restored[name]);
  if (different.length > 0) {
    const each = different.map(
      (name) => `${name} (${restored[name] ?? 'missing'} instead of ${expected[name] ?? 'none'})`,
    );
    throw countsDiffer(each);
  }
  const migrations = (await session.schemaMeta()) ?? [];
  if (digestOf(migrations) !== digestOf(manifest.database?.schemaMeta ?? [])) {
    throw countsDiffer(['the migrations in schema_meta']);
  }
  return { tables: names.length, rows: Object.values(restored).reduce((sum, rows) => sum + rows, 0) };
}

function countsDiffer(what: readonly string[]): Fault {
  return new Fault(
    'counts-differ',
    `What was restored is not what was dumped: ${some(what)}.`,
    'The live database is untouched. Do not use this set; restore another one, or its declarative files.',
  );
}

/** The name in it is of this run alone: a database that an earlier restore put live is told from this one's. */
export function markText(set: string, scratch: string, { tables, rows }: RestoredCounts): string {
  return `kong-chatops restored ${set} whole as ${scratch}: ${tables} tables, ${rows} rows`;
}

function parseMark(mark: string, set: string, scratch: string): RestoredCounts | null {
  const [, named, as, tables, rows] =
    /^kong-chatops restored (\S+) whole as (.+): (\d+) tables, (\d+) rows$/.exec(mark) ?? [];
  return named === set && as === scratch ? { tables: Number(tables), rows: Number(rows) } : null;
}
