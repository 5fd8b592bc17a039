import { randomBytes } from 'node:crypto';
import { PassThrough, Readable } from 'node:stream';
import { finished as streamFinished } from 'node:stream/promises';
import { Fault } from '../../runs/fault.ts';
import type { Command, Finished, RunCommand, Running } from '../command.ts';
import { launch, programsPath } from '../local.ts';
import { collectOutput, consume } from '../output.ts';
import type { Output } from '../output.ts';
import { endOf } from './end.ts';
import type { Heard } from './end.ts';
import { feed } from './feed.ts';
import type { Feed } from './feed.ts';
import { remoteFiles } from './files.ts';
import { REMOTE_LINE, remoteScript } from './script.ts';
import type { ClientEnd, Transport } from './transport.ts';
import { unframe } from './unframe.ts';

/** From the end of our input, on which the other machine sends TERM and a second later KILL, to giving up on it. */
const GRACE_MS = 4000;
/** From the program's end to that of the client, which has only to hang up. */
const HANG_UP_MS = 2000;
const STDIN_BYTES = 256 * 1024;

/** Programs and files of another machine, reached by a client program of this one. `path` is that client's PATH. */
export function remoteRunner(transport: Transport, options: { readonly path?: string } = {}): RunCommand {
  const path = programsPath(options);
  const begin = (command: Command, talks: boolean): Running => {
    const talk = talks ? { input: new PassThrough({ highWaterMark: STDIN_BYTES }), output: new PassThrough() } : null;
    const stop = new AbortController();
    const done = finish({ transport, path, command, talk, stop: stop.signal }).finally(() => {
      talk?.output.end();
      talk?.input.destroy();
    });
    // `start` may be left without a listener until the caller has talked; nobody is to die of it meanwhile.
    done.catch(() => undefined);
    return {
      stdin: talk?.input ?? new PassThrough(),
      stdout: talk?.output ?? new PassThrough(),
      done,
      kill: () => stop.abort(),
    };
  };
  const run: RunCommand['run'] = async (command) => await begin(command, false).done;
  const start: RunCommand['start'] = (command) => begin(command, true);
  return {
    ...remoteFiles({ where: transport.where, run, start }),
    where: transport.where,
    sameHost: false,
    run,
    start,
  };
}

interface Job {
  readonly transport: Transport;
  readonly path: string;
  readonly command: Command;
  readonly talk: { readonly input: PassThrough; readonly output: PassThrough } | null;
  readonly stop: AbortSignal;
}

async function finish({ transport, path, command, talk, stop }: Job): Promise<Finished> {
  const output = collectOutput(command, talk !== null);
  const cancel = command.signal === undefined ? stop : AbortSignal.any([command.signal, stop]);
  if (cancel.aborted) return output.answer({ aborted: true });
  const clientCommand = await transport.client(REMOTE_LINE);
  const late = command.timeoutMs === undefined ? null : AbortSignal.timeout(Math.ceil(command.timeoutMs));
  const halt = late === null ? cancel : AbortSignal.any([cancel, late]);

  const session = openSession(clientCommand, path, { command, talk, output });
  const onHalt = (): void => session.halt();
  halt.addEventListener('abort', onHalt, { once: true });
  if (halt.aborted) onHalt();
  const client = await session.done.finally(() => halt.removeEventListener('abort', onHalt));

  const why = { aborted: cancel.aborted, timedOut: !cancel.aborted && late?.aborted === true };
  const end = endOf(session.heard, why.aborted || why.timedOut, { command, where: transport.where });
  if (end === 'never-began') throw await transport.faultOf(client);
  return output.answer({ ...end, ...why });
}

interface Session {
  readonly heard: Heard;
  readonly done: Promise<ClientEnd>;
  /** Lets the other machine end the program, and the client itself when that takes too long. */
  halt(): void;
}

function openSession(
  client: Pick<Command, 'program' | 'args' | 'env'>,
  path: string,
  { command, talk, output }: Pick<Job, 'command' | 'talk'> & { readonly output: Output },
): Session {
  const mark = `kong-chatops-${randomBytes(16).toString('hex')}`;
  const heard: Heard = { ready: 0, ends: [], diskFull: false };
  const raw = { input: new PassThrough(), output: new PassThrough(), errors: new PassThrough() };
  const running = launch({ ...client, keep: 0 }, path, raw);
  raw.input.write(remoteScript(command, mark));
  const stdin = feed(sourceOf(command, talk?.input ?? null), raw.input);
  const timers: NodeJS.Timeout[] = [];
  const killAfter = (ms: number): void => {
    timers.push(setTimeout(() => running.kill(), ms));
  };

  const hear = (word: string): void => {
    listen(heard, stdin, word);
    if (heard.ends.length < 2) return;
    stdin.stop();
    raw.input.end();
    killAfter(HANG_UP_MS);
  };
  const stdout = unframe(mark, hear);
  const stderr = unframe(mark, hear);
  consume(raw.output.pipe(stdout.stream), output.out, talk?.output);
  consume(raw.errors.pipe(stderr.stream), output.err);
  const halt = (): void => {
    stdin.stop();
    raw.input.end();
    // Nobody reads any more what a stopped program wrote.
    if (talk !== null) stdout.stream.unpipe(talk.output);
    stdout.stream.resume();
    if (heard.ready === 0) running.kill();
    else killAfter(GRACE_MS);
  };
  let broken: { readonly error: unknown } | null = null;
  stdin.done.catch((error: unknown) => {
    broken = { error };
    halt();
  });
  const done = Promise.all([running.done, streamFinished(stdout.stream), streamFinished(stderr.stream)])
    .then(([finished]): ClientEnd => {
      if (broken !== null) throw broken.error;
      return { finished, said: `${stderr.aside()}\n${stdout.aside()}` };
    })
    .finally(() => {
      stdin.stop();
      for (const timer of timers) clearTimeout(timer);
    });
  return { heard, done, halt };
}

function listen(heard: Heard, stdin: Feed, word: string): void {
  if (word === 'ready') heard.ready += 1;
  else if (word === 'ack') stdin.acked();
  else if (word === 'disk-full') heard.diskFull = true;
  else if (word.startsWith('end ')) heard.ends.push(word.slice('end '.length));
  else throw new Fault('command.strange', `The other machine said "${word.slice(0, 40)}".`, 'Report this as a bug.');
}

function sourceOf(command: Command, input: PassThrough | null): Readable | null {
  if (input !== null) return input;
  if (command.input === undefined) return null;
  return typeof command.input === 'string' ? Readable.from([Buffer.from(command.input)]) : command.input;
}
