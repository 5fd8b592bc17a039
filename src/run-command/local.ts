import type { ChildProcess } from 'node:child_process';
import { constants } from 'node:fs';
import { access, mkdtemp, rm, stat } from 'node:fs/promises';
import { Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { delimiter, isAbsolute, join } from 'node:path';
import { PassThrough } from 'node:stream';
import type { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { execa } from 'execa';
import { Fault } from '../runs/fault.ts';
import { collector } from './collect.ts';
import type { Collector } from './collect.ts';
import type { Command, Finished, RunCommand, Running } from './command.ts';
import { localFiles } from './local-files.ts';

const TIED = fileURLToPath(new URL('tied.sh', import.meta.url));
const KEEP_BYTES = 1024 * 1024;
/** From TERM to KILL: pg_dump and decK stop within milliseconds; whoever does not is stuck. */
const GRACE_MS = 2000;

/** Programs and files of this machine. `path` is the PATH that programs get (default: this process's own). */
export function localRunner(options: { readonly path?: string } = {}): RunCommand {
  const path = options.path ?? process.env['PATH'] ?? '/usr/local/bin:/usr/bin:/bin';
  const begin = (command: Command, talks: boolean): Running => {
    const output = new PassThrough();
    const input = new PassThrough();
    return { stdin: input, stdout: output, ...launch(command, path, talks ? { input, output } : null) };
  };
  return {
    ...localFiles,
    where: 'local',
    run: async (command) => await begin(command, false).done,
    start: (command) => begin(command, true),
  };
}

/** Streams of a program that is talked to; null for one that runs by itself. */
type Talk = { readonly input: PassThrough; readonly output: PassThrough } | null;

function launch(command: Command, path: string, talk: Talk): Pick<Running, 'done' | 'kill'> {
  const stop = new AbortController();
  const done = finish(command, path, talk, stop.signal).finally(() => {
    talk?.output.end();
    talk?.input.destroy();
  });
  // `start` may be left without a listener until the caller has talked; nobody is to die of it meanwhile.
  done.catch(() => undefined);
  return { done, kill: () => stop.abort() };
}

async function finish(command: Command, path: string, talk: Talk, stop: AbortSignal): Promise<Finished> {
  const output = collectOutput(command, talk);
  const program = await programPath(command.program, path);
  if (program === null) return output.answer({ notFound: true });
  if (command.cwd !== undefined) await mustBeFolder(command.cwd);
  const signal = command.signal === undefined ? stop : AbortSignal.any([command.signal, stop]);
  if (signal.aborted) return output.answer({ aborted: true });

  return await withPrivateHome(command.env, async (home) => {
    const means = { program, path, home, signal, talk };
    return output.answer(await runTied(command, means, output));
  });
}

interface Means {
  readonly program: string;
  readonly path: string;
  readonly home: string;
  readonly signal: AbortSignal;
  readonly talk: Talk;
}

async function runTied(command: Command, means: Means, output: Output): Promise<Partial<Finished>> {
  const { signal, talk } = means;
  const child = spawnTied(command, means);
  connect(child.nodeChildProcess, output, talk);
  signal.addEventListener('abort', () => drain(child.stdout, talk), { once: true });
  const result = await child;
  if (child.pid === undefined) throw notStarted(command, result.cause ?? result);
  return {
    exitCode: result.exitCode ?? null,
    signal: result.signal ?? null,
    aborted: result.isCanceled,
    timedOut: result.timedOut,
  };
}

interface Output {
  readonly out: Collector;
  readonly err: Collector;
  /** What came of the program, with everything that did not happen filled in. */
  answer(rest: Partial<Finished>): Finished;
}

function collectOutput(command: Command, talk: Talk): Output {
  const started = performance.now();
  const keep = command.keep ?? KEEP_BYTES;
  const out = collector(talk === null ? keep : 0, lineHandler(command, 'stdout'));
  const err = collector(keep, lineHandler(command, 'stderr'));
  const answer = (rest: Partial<Finished>): Finished => ({
    exitCode: null,
    signal: null,
    stdout: out.text(),
    stderr: err.text(),
    stdoutBytes: out.bytes(),
    stderrBytes: err.bytes(),
    seconds: (performance.now() - started) / 1000,
    aborted: false,
    timedOut: false,
    notFound: false,
    ...rest,
  });
  return { out, err, answer };
}

function spawnTied(command: Command, { program, path, home, signal, talk }: Means) {
  const input = talk === null ? command.input : undefined;
  return execa('/bin/sh', [TIED, program, ...command.args], {
    env: { PATH: path, LANG: 'C.UTF-8', HOME: home, TMPDIR: home, ...command.env },
    extendEnv: false,
    ...(command.cwd === undefined ? {} : { cwd: command.cwd }),
    stdio: [talk === null && input === undefined ? 'ignore' : 'pipe', 'pipe', 'pipe', 'pipe'],
    ...(input === undefined ? {} : { input }),
    encoding: 'buffer',
    buffer: false,
    reject: false,
    killDescendants: true,
    cancelSignal: signal,
    forceKillAfterDelay: GRACE_MS,
    timeout: Math.ceil(command.timeoutMs ?? 0),
  });
}

function connect(child: ChildProcess, output: Output, talk: Talk): void {
  sweepGroupOnExit(child);
  consume(child.stdout, output.out, talk?.output);
  consume(child.stderr, output.err);
  // The control pipe: nothing ever comes out of it, and our end must stay open until the program is gone.
  const control = child.stdio[3];
  if (control instanceof Socket) control.resume();
  if (talk !== null && child.stdin !== null) talk.input.pipe(child.stdin);
  child.stdin?.on('error', () => undefined); // the program did not read to the end; its exit code says more
}

/** Whatever the program left running in its group holds its pipes and our attempt: it ends with the program. */
function sweepGroupOnExit(child: ChildProcess): void {
  child.once('exit', () => {
    if (child.pid === undefined) return;
    try {
      process.kill(-child.pid, 'SIGKILL');
    } catch {
      // Nobody is left, which is the usual case.
    }
  });
}

function consume(stream: Readable | null, into: Collector, copy?: PassThrough): void {
  if (stream === null) return;
  stream.on('data', (chunk: Buffer) => into.take(chunk));
  stream.once('close', () => into.end());
  if (copy !== undefined) stream.pipe(copy);
}

/** Nobody reads any more what a stopped program wrote: without this a full pipe would keep it from ever closing. */
function drain(stream: Readable | null, talk: Talk): void {
  if (talk !== null) stream?.unpipe(talk.output);
  stream?.resume();
}

function lineHandler(command: Command, stream: 'stdout' | 'stderr'): ((line: string) => void) | undefined {
  const { onLine } = command;
  return onLine === undefined ? undefined : (line) => onLine(stream, line);
}

/** Absolute path of an executable file, null when there is none. Looked up here, so that 127 stays an exit code. */
async function programPath(program: string, path: string): Promise<string | null> {
  const places = isAbsolute(program) ? [program] : path.split(delimiter).map((folder) => join(folder, program));
  for (const place of places) {
    const isFile = await stat(place).then(
      (found) => found.isFile(),
      () => false,
    );
    const mayRun = await access(place, constants.X_OK).then(
      () => true,
      () => false,
    );
    if (isFile && mayRun) return place;
  }
  return null;
}

async function mustBeFolder(folder: string): Promise<void> {
  const entry = await localFiles.fileEntry(folder);
  if (entry?.kind === 'folder') return;
  throw new Fault(
    'command.no-folder',
    `There is no folder ${folder} to run a program in.`,
    'Nothing was started. Look who removed it, then try again.',
    { retryable: true },
  );
}

function notStarted(command: Command, cause: unknown): Fault {
  return new Fault(
    'command.not-started',
    `${command.program} could not be started on this machine.`,
    'Look at the limits of processes, memory and open files there, then try again.',
    { cause, retryable: true },
  );
}

/** A folder of this command alone, so that programs read no settings of a user and leave nothing behind. */
async function withPrivateHome<T>(env: Command['env'], work: (home: string) => Promise<T>): Promise<T> {
  if (env?.['HOME'] !== undefined && env['TMPDIR'] !== undefined) return await work(env['HOME']);
  const home = await mkdtemp(join(tmpdir(), `kong-chatops-home-${process.pid}-`));
  try {
    return await work(home);
  } finally {
    await rm(home, { recursive: true, force: true });
  }
}
