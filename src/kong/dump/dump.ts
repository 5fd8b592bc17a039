import { dirname } from 'node:path';
import type { Command, Finished, RunCommand } from '../../run-command/command.ts';
import { Fault } from '../../runs/fault.ts';
import type { DatabaseEnvironment } from '../database/database.ts';
import { errorLine, faultOfDump } from './dump-faults.ts';
import { isReady, KEEPALIVES } from '../database/psql.ts';
import type { Tool } from './tools.ts';

export type OnTable = (done: number, total: number, name: string) => void;

export interface PgDump {
  readonly pgDump: Tool;
  readonly env: DatabaseEnvironment;
  /** Created by pg_dump: must not exist, its parent must. */
  readonly outDir: string;
  readonly jobs: number;
  /** From `exportSnapshot`; null takes one of its own. */
  readonly snapshot: string | null;
  /** 0 to 9, gzip. */
  readonly compressLevel: number;
  /** How many tables there are, for `onTable`. */
  readonly tables: number;
  /** Seconds to wait for a lock that somebody else holds. Default 30. */
  readonly lockWaitSeconds?: number;
  readonly signal?: AbortSignal | undefined;
  readonly timeoutMs?: number | undefined;
  /** `done` of `total` tables are written, `name` is the last one begun, as pg_dump writes it: `public.services`. */
  readonly onTable?: OnTable;
}

export interface PgRestore {
  readonly pgRestore: Tool;
  /** A dump in directory format (or an archive file). */
  readonly archive: string;
  readonly signal?: AbortSignal | undefined;
  readonly timeoutMs?: number | undefined;
}

export interface ArchiveList {
  readonly database: string;
  readonly format: string;
  readonly serverVersion: string;
  readonly dumpVersion: string;
  readonly entries: number;
  /** Tables whose rows are in it, as `plainTableName` names them: `public.services`. */
  readonly tables: readonly string[];
}

const LOCK_WAIT_SECONDS = 30;

/** Dumps in directory format. Faults `dump.…`; what it wrote until then is left for the caller to remove. */
export async function pgDump(run: RunCommand, request: PgDump): Promise<{ readonly seconds: number }> {
  const { env, outDir, onTable, tables } = request;
  const progress = onTable === undefined ? {} : { onLine: tableCounter(request.jobs, tables, onTable) };
  const finished = await run.run({
    program: request.pgDump.program,
    args: dumpArguments(request),
    env,
    ...limits(request),
    ...progress,
  });
  if (finished.exitCode === 0) return { seconds: finished.seconds };
  request.signal?.throwIfAborted();
  throw faultOfDump({
    finished,
    where: dumpPlace(env),
    version: request.pgDump.version,
    folder: outDir,
    freeBytes: await run.freeBytes(dirname(outDir)).catch(() => null),
    readiness: await isReady(run, request.pgDump, request),
  });
}

/** `kong on db.example.com:5432 as kong`. */
export function dumpPlace(env: PgDump['env']): string {
  return `${env['PGDATABASE']} on ${env['PGHOST']}:${env['PGPORT']} as ${env['PGUSER']}`;
}

/** What pg_dump can write as one stream. */
export type StreamFormat = 'custom' | 'tar' | 'plain';

/** Without a folder the dump goes to standard output, in custom format unless told otherwise. */
export function dumpArguments(
  request: Pick<PgDump, 'jobs' | 'compressLevel' | 'lockWaitSeconds' | 'snapshot'> & {
    readonly outDir: string | null;
    readonly format?: StreamFormat;
  },
): string[] {
  return [
    ...(request.outDir === null
      ? STREAM_ARGUMENTS[request.format ?? 'custom']
      : [
          '--format=directory',
          `--jobs=${request.jobs}`,
          `--file=${request.outDir}`,
          `--compress=${request.compressLevel}`,
        ]),
    `--lock-wait-timeout=${(request.lockWaitSeconds ?? LOCK_WAIT_SECONDS) * 1000}`,
    ...(request.snapshot === null ? [] : [`--snapshot=${request.snapshot}`]),
    '--no-password',
    // The folder is scratch: what is kept is synced where it is kept.
    '--no-sync',
    '--verbose',
    KEEPALIVES,
  ];
}

const STREAM_ARGUMENTS: Readonly<Record<StreamFormat, readonly string[]>> = {
  // Compressed afterwards, twice as fast as by pg_dump.
  custom: ['--format=custom', '--compress=0'],
  // Knows no compression, not even none.
  tar: ['--format=tar'],
  // psql cannot leave owners and privileges out as pg_restore can, and another server does not have those roles.
  plain: ['--format=plain', '--no-owner', '--no-privileges'],
};

/** With one job pg_dump only tells when a table begins; with several it also tells when one is finished. */
export function tableCounter(jobs: number, total: number, onTable: OnTable): NonNullable<Command['onLine']> {
  let begun = 0;
  let finished = 0;
  let name = '';
  return (_, line) => {
    const begins = /dumping contents of table "(.*)"$/.exec(line)?.[1];
    const finishes = /finished item \d+ TABLE DATA /.test(line);
    if (begins === undefined && !finishes) return;
    if (begins !== undefined) {
      name = begins;
      begun += 1;
    }
    if (finishes) finished += 1;
    onTable(Math.min(jobs > 1 ? finished : begun - 1, total), total, name);
  };
}

/** Reads the whole archive, every row of it (a list of contents proves nothing). Fault `archive.corrupt`. */
export async function pgRestoreRead(
  run: RunCommand,
  request: PgRestore & { readonly tables?: number; readonly onTable?: OnTable },
): Promise<{ readonly seconds: number }> {
  const { archive, onTable, tables = 0 } = request;
  let read = 0;
  const onLine = (_: string, line: string): void => {
    const name = /processing data for table "(.*)"$/.exec(line)?.[1];
    if (name === undefined) return;
    onTable?.(Math.min(read, tables), tables, name);
    read += 1;
  };
  const args = ['--verbose', '--exit-on-error', '--file=/dev/null', archive];
  const finished = await run.run({ program: request.pgRestore.program, args, ...limits(request), onLine });
  if (finished.exitCode === 0) return { seconds: finished.seconds };
  throw faultOfArchive(finished, request);
}

/** The archive's table of contents. Fault `archive.corrupt`. */
export async function pgRestoreList(run: RunCommand, request: PgRestore): Promise<ArchiveList> {
  const args = ['--list', request.archive];
  const finished = await run.run({
    program: request.pgRestore.program,
    args,
    ...limits(request),
    keep: 64 * 1024 * 1024,
  });
  if (finished.exitCode !== 0) throw faultOfArchive(finished, request);
  return parseArchiveList(finished.stdout);
}

/** Reads what `pg_restore --list` printed. */
export function parseArchiveList(text: string): ArchiveList {
  const header = (key: string): string => new RegExp(`^;\\s+${key}: (.*)$`, 'm').exec(text)?.[1]?.trim() ?? '';
  const entries = text.split('\n').filter((line) => /^\d+; /.test(line));
  // schema, name and owner are only parted by spaces: a name may hold some, and schema and owner hardly ever do.
  const tables = entries.flatMap((line) => {
    const [, schema, name] = /^\d+; \d+ \d+ TABLE DATA (\S+) (.*) \S+$/.exec(line) ?? [];
    return schema === undefined || name === undefined ? [] : [`${schema}.${name}`];
  });
  return {
    database: header('dbname'),
    format: header('Format').toLowerCase(),
    serverVersion: header('Dumped from database version').split(' ')[0] ?? '',
    dumpVersion: header('Dumped by pg_dump version').split(' ')[0] ?? '',
    entries: entries.length,
    tables,
  };
}

/** A table's name as pg_dump and pg_restore print it, without quotes: compare lists by this. */
export function plainTableName(table: string): string {
  return table.replaceAll(/"((?:[^"]|"")+)"/g, (_, inner: string) => inner.replaceAll('""', '"'));
}

function limits(request: Pick<PgRestore, 'signal' | 'timeoutMs'>): Pick<Command, 'signal' | 'timeoutMs'> {
  return {
    ...(request.signal === undefined ? {} : { signal: request.signal }),
    ...(request.timeoutMs === undefined ? {} : { timeoutMs: request.timeoutMs }),
  };
}

/** Why an archive could not be read to its end. */
export function faultOfArchive(finished: Finished, { archive, signal, pgRestore }: PgRestore): unknown {
  if (signal?.aborted) return signal.reason;
  if (finished.notFound)
    return new Fault(
      'archive.tool-missing',
      `pg_restore ${pgRestore.version}, which was here at the start, is not on this machine any more.`,
      'Install it again, then try again.',
    );
  if (finished.exitCode === null)
    return new Fault(
      'archive.interrupted',
      `Reading ${archive} was ${finished.timedOut ? 'stopped because it took longer than allowed' : `ended by ${finished.signal}`}.`,
      'Look for a slow disk and for want of memory; nothing was found wrong with the archive so far.',
      { retryable: !finished.timedOut },
    );
  return new Fault(
    'archive.corrupt',
    `The dump ${archive} cannot be read to its end: ${errorLine(finished.stderr)}.`,
    'Do not keep this dump. Look at the disk it was written to, then make a new backup.',
  );
}
