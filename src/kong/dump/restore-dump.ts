import { createReadStream } from 'node:fs';
import { open, stat } from 'node:fs/promises';
import { basename, dirname, isAbsolute, join } from 'node:path';
import type { Command, RunCommand } from '../../run-command/command.ts';
import { Fault } from '../../runs/fault.ts';
import { faultOfConnecting } from '../database/database-faults.ts';
import { errorLine } from './dump-faults.ts';
import type { OnTable, PgDump } from './dump.ts';
import { isReady, KEEPALIVES } from '../database/psql.ts';
import type { Tool } from './tools.ts';

export interface RestoreDump {
  readonly pgRestore: Tool;
  /** From `databaseEnvironment`; PGDATABASE is the empty database that gets everything. */
  readonly env: PgDump['env'];
  /** On the worker: a dump in any format, told by its first bytes; where programs do not see it, one file. */
  readonly archive: string;
  readonly jobs: number;
  /** Leaves out who may do what: for a server on which the gateway's other roles do not exist. */
  readonly withoutPrivileges?: boolean;
  /** How many tables there are, for `onTable`. */
  readonly tables: number;
  readonly signal: AbortSignal;
  /** `done` of `total` tables have their rows, `name` is the last one. */
  readonly onTable?: OnTable;
}

/**
 * Restores a dump into the empty database of `env`, SQL by the psql beside pg_restore, stopping at the first error: by default pg_restore goes on and leaves
 * half of it. Everything belongs to the role that restores. Faults `restore.…`.
 */
export async function pgRestoreInto(run: RunCommand, request: RestoreDump): Promise<{ readonly seconds: number }> {
  const { signal } = request;
  const env = { ...request.env, PGOPTIONS: IN_A_HURRY };
  const { jobs, ...call } = restoreCall(request, await archiveFormat(request.archive), run.sameHost);
  const finished = await run.run({ ...call, env, signal, onLine: tablesDone(request, jobs) });
  if (finished.exitCode === 0) return { seconds: finished.seconds };
  signal.throwIfAborted();
  const said = saidBy(finished.stderr);
  const where = `${env['PGDATABASE']} on ${env['PGHOST']}:${env['PGPORT']}`;
  const tool = basename(call.program);
  if (finished.signal !== null) throw killed(finished.signal, where, tool);
  if (/connection to server .* failed|server closed the connection|terminating connection/.test(said))
    throw faultOfConnecting(await isReady(run, request.pgRestore, request), { where, said });
  throw faultOfWords(where, said, tool);
}

/**
 * Nothing counts before the restored database was compared and marked, and that mark waits for the disk, and with it for
 * all that was written before it: so no statement has to. The memory is for indexes; each is built by one process, because
 * the jobs take the cores already.
 */
const IN_A_HURRY = '-c synchronous_commit=off -c maintenance_work_mem=128MB -c max_parallel_maintenance_workers=0';

/** `one-job`: pg_restore reads it, and cannot jump about in it. */
type ArchiveFormat = 'parallel' | 'one-job' | 'plain';

/** By its first bytes: a folder and the custom format are restored in parallel, SQL by psql. */
async function archiveFormat(archive: string): Promise<ArchiveFormat> {
  if ((await stat(archive)).isDirectory()) return 'parallel';
  await using file = await open(archive, 'r');
  const { buffer } = await file.read(Buffer.alloc(TAR_MAGIC_AT + 5), 0, TAR_MAGIC_AT + 5, 0);
  if (buffer.toString('latin1', 0, 5) === 'PGDMP') return 'parallel';
  return buffer.toString('latin1', TAR_MAGIC_AT) === 'ustar' ? 'one-job' : 'plain';
}

/** Where a tar says that it is one. */
const TAR_MAGIC_AT = 257;

type RestoreCall = Pick<Command, 'program' | 'args' | 'input'> & { readonly jobs: number };

function restoreCall(request: RestoreDump, format: ArchiveFormat, sameHost: boolean): RestoreCall {
  const { program } = request.pgRestore;
  // One job over a stream: several need to jump about in the archive.
  const jobs = sameHost && format === 'parallel' ? request.jobs : 1;
  const input = sameHost && format !== 'plain' ? {} : { input: createReadStream(request.archive) };
  if (format !== 'plain') return { program, args: restoreArguments({ ...request, jobs }, sameHost), jobs, ...input };
  const psql = isAbsolute(program) ? join(dirname(program), 'psql') : 'psql';
  return { program: psql, args: PSQL_ARGUMENTS, jobs, ...input };
}

/** All of it or nothing, and nothing of what it prints. */
const PSQL_ARGUMENTS = [
  '--no-psqlrc',
  '--quiet',
  '--no-password',
  '--single-transaction',
  '--set=ON_ERROR_STOP=1',
  '--output=/dev/null',
  '--file=-',
  KEEPALIVES,
];

/** psql names the line of its input before the error, and may say more after it. */
function saidBy(stderr: string): string {
  const ofPsql = /^psql:.*?(?:ERROR|FATAL):\s+(.*)$/m.exec(stderr)?.[1];
  return ofPsql ?? errorLine(stderr);
}

function restoreArguments(request: RestoreDump, sameHost: boolean): string[] {
  return [
    KEEPALIVES,
    '--exit-on-error',
    '--no-owner',
    ...(request.withoutPrivileges === true ? ['--no-privileges'] : []),
    ...(sameHost && request.jobs > 1 ? [`--jobs=${request.jobs}`] : []),
    '--no-password',
    '--verbose',
    ...(sameHost ? [request.archive] : []),
  ];
}

/** With one job pg_restore tells when a table begins, with several when one is finished. */
function tablesDone({ tables, onTable }: RestoreDump, jobs: number): (_: string, line: string) => void {
  let begun = 0;
  let finished = 0;
  return (_, line) => {
    const begins = /processing data for table "(.*)"$/.exec(line)?.[1];
    const ends = /finished item \d+ TABLE DATA (.*)$/.exec(line)?.[1];
    if (begins === undefined && ends === undefined) return;
    if (begins !== undefined) begun += 1;
    if (ends !== undefined) finished += 1;
    onTable?.(Math.min(jobs > 1 ? finished : Math.max(0, begun - 1), tables), tables, begins ?? ends ?? '');
  };
}

function killed(signal: string, where: string, tool: string): Fault {
  return new Fault(
    'restore.killed',
    `${tool} was killed by ${signal} while it restored into ${where}.`,
    'Somebody or the system ended it, for instance for want of memory: look at the system log.',
    { retryable: true },
  );
}

/** pg_restore carries no SQLSTATE and always ends with 1: its words, which are English under our LANG, are all there is. */
function faultOfWords(where: string, said: string, tool: string): Fault {
  if (/No space left on device|could not extend file|Disk quota exceeded/.test(said))
    return new Fault(
      'restore.disk-full',
      `There is no room to restore into ${where}: ${said}.`,
      'Free space on the database server (the restored copy needs as much as the live database), then restore again.',
    );
  const role = /role "(.*)" does not exist/.exec(said)?.[1];
  if (role !== undefined)
    return new Fault(
      'restore.role-missing',
      `The dump grants rights to the role ${role}, which this server does not have.`,
      `Create it (CREATE ROLE ${role}), then restore again.`,
    );
  return new Fault(
    'restore.failed',
    `${tool} stopped at its first error while it restored into ${where}: ${said}.`,
    'Look at the reason. If the dump is unusable, restore the declarative files instead.',
  );
}
