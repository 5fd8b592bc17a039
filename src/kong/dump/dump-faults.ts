import type { Finished } from '../../run-command/command.ts';
import { Fault } from '../../runs/fault.ts';
import { faultOfConnecting } from '../database/database-faults.ts';
import type { Readiness } from '../database/database-faults.ts';

/** What is known when pg_dump ended badly. */
export interface DumpTrouble {
  readonly finished: Finished;
  /** `kong on db.example.com:5432 as kong`. */
  readonly where: string;
  readonly version: string;
  readonly folder: string;
  /** Null when it cannot be told. */
  readonly freeBytes: number | null;
  readonly readiness: Readiness;
}

/** Below this the disk counts as full whatever pg_dump said: its last message may have found no room either. */
const FULL_BELOW = 1024 * 1024;

/**
 * The Fault for a pg_dump that failed. Its exit code is always 1, so: how it ended, the free space, whether the server
 * still answers, then pg_dump's own words (English under our LANG) and the statement that failed.
 */
export function faultOfDump(trouble: DumpTrouble): Fault {
  const { finished, where } = trouble;
  const said = errorLine(finished.stderr);
  const ended = faultOfEnd(trouble) ?? faultOfDisk(trouble, said);
  if (ended !== null) return ended;
  if (/connection to server .* failed/.test(said))
    return faultOfConnecting(trouble.readiness, { where, said: said.replace(/^connection to server .* failed: /, '') });
  return faultOfWords(trouble, said);
}

function faultOfEnd({ finished, where, version }: DumpTrouble): Fault | null {
  if (finished.notFound)
    return new Fault(
      'dump.tool-missing',
      `pg_dump ${version}, which was here at the start, is not on this machine any more.`,
      'Install it again, then try again.',
    );
  if (finished.timedOut)
    return new Fault(
      'dump.timeout',
      `The dump of ${where} took longer than allowed and was stopped.`,
      'Look for locks and a slow disk, or raise step_minutes in the configuration.',
    );
  if (finished.signal === null) return null;
  return new Fault(
    'dump.killed',
    `pg_dump was killed by ${finished.signal} while it dumped ${where}.`,
    'Somebody or the system ended it, for instance for want of memory: look at the system log.',
    { retryable: true },
  );
}

function faultOfDisk({ folder, freeBytes, where }: DumpTrouble, said: string): Fault | null {
  const isFull = freeBytes !== null && freeBytes < FULL_BELOW;
  if (!isFull && !/No space left on device|Disk quota exceeded/.test(said)) return null;
  return new Fault(
    'dump.disk-full',
    `The disk ran full while ${where} was dumped into ${folder}.`,
    'Free space there (a dump needs at most the size of the database), then try again.',
  );
}

function faultOfWords({ where, version, readiness, finished }: DumpTrouble, said: string): Fault {
  const statement = /Query was: (.*)/.exec(finished.stderr)?.[1] ?? '';
  if (/server version mismatch/.test(said))
    return new Fault(
      'dump.version',
      `pg_dump ${version} is older than the server of ${where} and refuses to dump it.`,
      "Install the PostgreSQL tools of the server's own major version.",
    );
  if (/permission denied/.test(said))
    return new Fault(
      'dump.forbidden',
      `The role may not read everything in ${where}: ${said}.`,
      'Let the owner of the tables grant it: GRANT SELECT ON ALL TABLES IN SCHEMA public TO the role (and ON ALL SEQUENCES), or use the owner.',
    );
  const lost =
    /server closed the connection|terminating connection|no connection to the server|SSL SYSCALL|could not (receive|send) data/;
  if (readiness !== 'accepting' || lost.test(said))
    return new Fault(
      'dump.lost',
      `The connection to ${where} was lost during the dump: ${said}.`,
      'Look at the server log: it restarted, somebody ended the session, or the network failed. Then try again.',
      { retryable: true },
    );
  if (statement.startsWith('SET TRANSACTION SNAPSHOT'))
    return new Fault(
      'dump.snapshot-gone',
      `The session that holds the snapshot of ${where} ended before the dump had begun.`,
      'Look at the server log who ended it. Then try again.',
      { retryable: true },
    );
  if (statement.startsWith('LOCK TABLE'))
    return new Fault(
      'dump.locked',
      `Somebody holds a lock in ${where} that a dump must wait for (${statement.replace(/;?$/, '')}).`,
      'Look for a running migration or an open transaction: SELECT * FROM pg_locks WHERE NOT granted. Then try again.',
      { retryable: true },
    );
  return new Fault('dump.failed', `pg_dump could not dump ${where}: ${said}.`, 'Look at the server log.');
}

/** The first line in which the tool says what is wrong, without its own name. */
export function errorLine(stderr: string): string {
  const lines = stderr.split('\n').map((line) => line.trim());
  const line =
    lines.find((each) => each.startsWith('pg_dump: detail: Error message from server: ')) ??
    lines.find((each) => /^pg_(dump|restore): error: /.test(each)) ??
    lines.findLast((each) => each !== '');
  return (line ?? 'it gave no reason')
    .replace(/^pg_(dump|restore): (error: )?/, '')
    .replace(/^(query failed|detail: Error message from server): /, '')
    .replace(/(ERROR|FATAL):\s+/, '')
    .replace(/\.$/, '');
}
