import { randomBytes } from 'node:crypto';
import { dirname, isAbsolute, join } from 'node:path';
import type { Environment, Finished, RunCommand, Running } from '../../run-command/command.ts';
import { Fault } from '../../runs/fault.ts';
import { faultOfConnecting, faultOfLostSession, faultOfState } from './database-faults.ts';
import type { Readiness } from './database-faults.ts';
import type { Tool } from '../dump/tools.ts';

/** Noticed in a minute that the other end is gone; libpq has no environment variables for these. No secrets in it. */
export const KEEPALIVES = '--dbname=keepalives_idle=30 keepalives_interval=10 keepalives_count=3';

/**
 * psql held over its standard streams. Only the `database*.ts` files use it: everything else sees named functions,
 * because a general query is a way around every rule.
 */
export interface Psql {
  /** One statement; answers what it printed, without the last line end. */
  ask(sql: string): Promise<string>;
  close(): Promise<void>;
}

export interface PsqlOptions {
  readonly psql: Tool;
  readonly env: Environment;
  /** For messages: `kong on db.example.com:5432 as kong`. */
  readonly where: string;
  readonly signal?: AbortSignal | undefined;
}

/** Starts psql. The connection is proved by the first answer, not by this. */
export function startPsql(run: RunCommand, options: PsqlOptions): Psql {
  const running = run.start({
    program: options.psql.program,
    args: ['--no-psqlrc', '--quiet', '--no-align', '--tuples-only', '--no-password', KEEPALIVES],
    env: options.env,
    ...(options.signal === undefined ? {} : { signal: options.signal }),
  });
  running.stdin.on('error', () => undefined); // psql is gone, which `done` tells
  const answers = readAnswers(running);
  let last: Promise<unknown> = Promise.resolve();
  let answered = false;

  async function exchange(sql: string): Promise<string> {
    options.signal?.throwIfAborted();
    const answer = await answers.next(sql);
    if ('ended' in answer) throw await faultOfEnd(run, options, answer.ended, answered);
    answered = true;
    if (answer.state !== null)
      throw faultOfState(answer.state, { where: options.where, said: firstLine(answer.message) });
    return answer.text;
  }
  return {
    async ask(sql) {
      // One after the other: psql reads ahead, and an answer must not be taken for that of another question.
      const mine = last.then(() => exchange(sql));
      last = mine.catch(() => undefined);
      return await mine;
    },
    async close() {
      running.stdin.end('\\q\n');
      const patience = setTimeout(() => running.kill(), CLOSE_MS);
      await running.done.finally(() => clearTimeout(patience));
    },
  };
}

const CLOSE_MS = 2000;

type Answer =
  | { readonly text: string; readonly state: string | null; readonly message: string }
  | { readonly ended: Finished };

/** Frames each answer with a line that no data contains, so that results of any shape are told apart. */
function readAnswers(running: Running): { next(sql: string): Promise<Answer> } {
  const mark = `answer-${randomBytes(9).toString('hex')}`;
  const errorMark = `${mark} error`;
  const endMark = `${mark} end\n`;
  let heard = '';
  let waiting: ((answer: Answer) => void) | null = null;
  const ended = running.done.then((finished): Answer => ({ ended: finished }));
  ended.catch(() => undefined); // a lost connection is told by the next question

  running.stdout.setEncoding('utf8').on('data', (chunk: string) => {
    const from = Math.max(0, heard.length - endMark.length);
    heard += chunk;
    const end = heard.indexOf(endMark, from);
    if (end === -1) return;
    const whole = heard.slice(0, end);
    heard = heard.slice(end + endMark.length);
    waiting?.(parseAnswer(whole, errorMark));
    waiting = null;
  });
  return {
    async next(sql) {
      const answer = new Promise<Answer>((resolve) => {
        waiting = resolve;
      });
      running.stdin.write(
        `${sql}\n;\n\\if :ERROR\n\\echo '${errorMark}' :SQLSTATE\n\\echo :LAST_ERROR_MESSAGE\n\\endif\n\\echo '${mark} end'\n`,
      );
      return await Promise.race([answer, ended]);
    },
  };
}

function parseAnswer(whole: string, errorMark: string): Answer {
  const error = whole.lastIndexOf(errorMark);
  if (error === -1) return { text: whole.replace(/\n$/, ''), state: null, message: '' };
  const [first = '', ...message] = whole.slice(error).split('\n');
  return { text: '', state: first.slice(errorMark.length).trim(), message: message.join('\n') };
}

async function faultOfEnd(
  run: RunCommand,
  options: PsqlOptions,
  ended: Finished,
  wasConnected: boolean,
): Promise<unknown> {
  if (ended.aborted && options.signal?.aborted) return options.signal.reason;
  const trouble = { where: options.where, said: firstLine(ended.stderr) };
  if (ended.notFound || ended.exitCode === null || ended.exitCode === 1)
    return new Fault(
      'psql.failed',
      `psql did not work: ${endOf(ended)}. ${trouble.said}`.trimEnd(),
      'Run the same psql by hand on the machine where the bot runs.',
      { retryable: ended.signal !== null },
    );
  if (wasConnected) return faultOfLostSession(trouble);
  return faultOfConnecting(await isReady(run, options.psql, options), trouble);
}

function endOf(ended: Finished): string {
  if (ended.notFound) return 'it is not installed any more';
  return ended.signal === null ? `it ended with exit code ${ended.exitCode}` : `it was killed by ${ended.signal}`;
}

/** pg_isready tells by its exit code whether anybody answers: https://www.postgresql.org/docs/current/app-pg-isready.html */
export async function isReady(
  run: RunCommand,
  beside: Tool,
  { env, signal }: Pick<PsqlOptions, 'env' | 'signal'>,
): Promise<Readiness> {
  const program = isAbsolute(beside.program) ? join(dirname(beside.program), 'pg_isready') : 'pg_isready';
  const finished = await run.run({
    program,
    args: ['--quiet', '--timeout=5'],
    env,
    timeoutMs: 10_000,
    ...(signal === undefined ? {} : { signal }),
  });
  const byExitCode: readonly Readiness[] = ['accepting', 'rejecting', 'silent'];
  return finished.exitCode === null ? 'unknown' : (byExitCode[finished.exitCode] ?? 'unknown');
}

/** The line that says what is wrong, without the names of program and server before it. */
function firstLine(text: string): string {
  const lines = text.split('\n').map((line) => line.trim());
  const line = lines.find((each) => each !== '' && !/^(WARNING|NOTICE|DETAIL|HINT|CONTEXT|LOCATION):/.test(each)) ?? '';
  return line.replace(/^psql: error: (?:connection to server .* failed: )?/, '').replace(/^(ERROR|FATAL):\s+/, '');
}
