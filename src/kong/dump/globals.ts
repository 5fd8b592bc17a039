import { dirname, isAbsolute, join } from 'node:path';
import type { RunCommand } from '../../run-command/command.ts';
import { Fault } from '../../runs/fault.ts';
import type { DatabaseEnvironment } from '../database/database.ts';
import { isReady, KEEPALIVES } from '../database/psql.ts';
import { dumpPlace } from './dump.ts';
import type { Tool } from './tools.ts';

const TRAILER = '-- PostgreSQL database cluster dump complete';
/** Roles are few; a server with a hundred thousand of them still fits. */
const LARGEST = 32 * 1024 * 1024;
const ANSWER_MS = 15_000;

/** The pg_dumpall beside a pg_dump. Fault `pg-dumpall.missing`. */
export async function findDumpAll(run: RunCommand, pgDump: Tool): Promise<Tool> {
  const program = isAbsolute(pgDump.program) ? join(dirname(pgDump.program), 'pg_dumpall') : 'pg_dumpall';
  const finished = await run.run({ program, args: ['--version'], timeoutMs: ANSWER_MS });
  const version = /\) (\d+\S*)/.exec(finished.stdout)?.[1];
  if (finished.exitCode === 0 && version !== undefined) return { program, version };
  throw new Fault(
    'pg-dumpall.missing',
    `database.globals asks for the roles of the server, and there is no working pg_dumpall on ${run.sameHost ? 'this machine' : run.where}.`,
    'Install the whole PostgreSQL client package, or take database.globals out of the configuration.',
  );
}

/**
 * Roles and tablespaces of the whole server as SQL, without passwords, which needs no superuser. `{why}` where the role
 * may not: a reason and no fault, because nothing of Kong is in it. Fault `globals.…` when the server went away.
 */
export async function dumpGlobals(
  run: RunCommand,
  request: { readonly pgDumpAll: Tool; readonly env: DatabaseEnvironment; readonly signal: AbortSignal },
): Promise<{ readonly sql: string } | { readonly why: string }> {
  const { pgDumpAll, env, signal } = request;
  const args = [
    '--globals-only',
    '--no-role-passwords',
    '--no-password',
    `--database=${env['PGDATABASE']}`,
    KEEPALIVES,
  ];
  const finished = await run.run({ program: pgDumpAll.program, args, env, signal, keep: LARGEST });
  signal.throwIfAborted();
  if (finished.exitCode === 0 && finished.stdout.includes(TRAILER)) return { sql: finished.stdout };
  const readiness = await isReady(run, pgDumpAll, request);
  const said = saidBy(finished.stderr);
  if (finished.exitCode === 1 && readiness === 'accepting') return { why: said };
  throw new Fault(
    'globals.lost',
    `The roles of the server of ${dumpPlace(env)} could not be dumped: ${said}.`,
    'Look at the server log. Then try again.',
    { retryable: true },
  );
}

/** `query failed: ERROR:  permission denied for …`, without the names before it and the statement after it. */
function saidBy(stderr: string): string {
  const line = /^pg_dumpall: error: (.*)$/m.exec(stderr)?.[1] ?? stderr.trim().split('\n').at(-1) ?? '';
  return line.replace(/^query failed: /, '').replace(/(ERROR|FATAL):\s+/, '');
}
