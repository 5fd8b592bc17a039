import type { ChildProcess } from 'node:child_process';
import { constants } from 'node:fs';
import { access, mkdtemp, rm, stat, writeFile } from 'node:fs/promises';
import { Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { delimiter, isAbsolute, join } from 'node:path';
import { PassThrough } from 'node:stream';
import type { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { execa } from 'execa';
import { Fault } from '../runs/fault.ts';
import type { Command, Environment, Finished, RunCommand, Running } from './command.ts';
import { localFiles } from './local-files.ts';
import { collectOutput, consume } from './output.ts';
import type { Output } from './output.ts';

const TIED = fileURLToPath(new URL('tied.sh', import.meta.url));
/** From TERM to KILL: pg_dump and decK stop within milliseconds; whoever does not is stuck. */
const GRACE_MS = 2000;

/** Programs and files of this machine. `path` is the PATH that programs get (default: this process's own). */
export function localRunner(options: { readonly path?: string } = {}): RunCommand {
  const path = programsPath(options);
  const begin = (command: Command, talks: boolean): Running => {
    const output = new PassThrough();
    const input = new PassThrough();
    return { stdin: input, stdout: output, ...launch(command, path, talks ? { input, output } : null) };
  };
  return {
    ...localFiles,
    where: 'local',
    sameHost: true,
    run: async (command) => await begin(command, false).done,
    start: (command) => begin(command, true),
  };
}

/** The PATH that programs get: the one asked for, else this process's own. */
export function programsPath(options: { readonly path?: string }): string {
  return options.path ?? process.env['PATH'] ?? '/usr/local/bin:/usr/bin:/bin';
}

/** Streams of a program that is talked to; null for one that runs by itself. */
type Talk = { readonly input: PassThrough; readonly output: PassThrough; readonly errors?: PassThrough } | null;

/** Starts a program of this machine, which dies with this process. `errors` must be read when given. */
export function launch(command: Command, path: string, talk: Talk): Pick<Running, 'done' | 'kill'> {
  const stop = new AbortController();
  const done = finish(command, path, talk, stop.signal).finally(() => {
    talk?.output.end();
    talk?.errors?.end();
    talk?.input.destroy();
  });
  // `start` may be left without a listener until the caller has talked; nobody is to die of it meanwhile.
  done.catch(() => undefined);
  return { done, kill: () => stop.abort() };
}

async function finish(command: Command, path: string, talk: Talk, stop: AbortSignal): Promise<Finished> {
  const output = collectOutput(command, talk !== null);
  const program = await programPath(command.program, path);
  if (program === null) return output.answer({ notFound: true });
  if (command.cwd !== undefined) await mustBeFolder(command.cwd);
  const signal = command.signal === undefined ? stop : AbortSignal.any([command.signal, stop]);
  if (signal.aborted) return output.answer({ aborted: true });

  return await withPrivateFiles(command.env, async (env) => {
    const means = { program, env: { PATH: path, LANG: 'C.UTF-8', ...env }, signal, talk };
    return output.answer(await runTied(command, means, output));
  });
}

interface Means {
  readonly program: string;
  readonly env: Readonly<Record<string, string>>;
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

function spawnTied(command: Command, { program, env, signal, talk }: Means) {
  const input = talk === null ? command.input : undefined;
  return execa('/bin/sh', [TIED, program, ...command.args], {
    env,
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
  consume(child.stderr, output.err, talk?.errors);
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

/** Nobody reads any more what a stopped program wrote: without this a full pipe would keep it from ever closing. */
function drain(stream: Readable | null, talk: Talk): void {
  if (talk !== null) stream?.unpipe(talk.output);
  stream?.resume();
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

/**
 * A folder of this command alone: its HOME and TMPDIR where it names none, so that programs read no settings of a user
 * and leave nothing behind, and the files of its secrets. Inside the folder that it names, which is swept with the rest.
 */
async function withPrivateFiles<T>(
  env: Environment = {},
  work: (env: Readonly<Record<string, string>>) => Promise<T>,
): Promise<T> {
  const [plain, secret] = partition(env);
  const { HOME, TMPDIR } = plain;
  if (HOME !== undefined && TMPDIR !== undefined && secret.length === 0) return await work(plain);
  const folder = await mkdtemp(join(TMPDIR ?? tmpdir(), `kong-chatops-home-${process.pid}-`));
  try {
    const files: Record<string, string> = {};
    for (const [name, content] of secret) {
      files[name] = join(folder, name);
      await writeFile(join(folder, name), content, { mode: 0o600, flag: 'wx' });
    }
    return await work({ HOME: folder, TMPDIR: folder, ...plain, ...files });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function partition(env: Environment): [Record<string, string>, [string, string][]] {
  const plain: Record<string, string> = {};
  const secret: [string, string][] = [];
  for (const [name, value] of Object.entries(env)) {
    if (typeof value === 'string') plain[name] = value;
    else secret.push([name, value.file]);
  }
  return [plain, secret];
}
