import { once } from 'node:events';
import { PassThrough, Readable } from 'node:stream';
import type { Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { Command, Finished, RunCommand } from './command.ts';

const BLOCK_BYTES = 1 << 18;

/**
 * A stream that `work` writes: it ends when `work` resolves and breaks with what `work` throws, so it never ends early as
 * if it were whole. Destroying it aborts the signal that `work` is given.
 */
export function streamFrom(
  signal: AbortSignal,
  work: (output: Writable, signal: AbortSignal) => Promise<void>,
): Readable {
  const output = new PassThrough({ highWaterMark: 1 << 18 });
  const abandoned = new AbortController();
  // Whoever reads it sees that it broke; without a reader that must not end the process.
  output.on('error', () => undefined);
  output.once('close', () => abandoned.abort());
  work(output, AbortSignal.any([signal, abandoned.signal])).then(
    () => output.end(),
    (error: unknown) => output.destroy(error instanceof Error ? error : new Error('stopped', { cause: error })),
  );
  return output;
}

/** Writes a chunk and waits while the sink is full. */
export async function writeTo(sink: Writable, chunk: unknown, signal: AbortSignal): Promise<void> {
  signal.throwIfAborted();
  if (!sink.write(chunk)) await once(sink, 'drain', { signal });
}

export type ProgramCall = Pick<Command, 'program' | 'args' | 'env' | 'onLine'>;

/** Runs a program that writes `output`; throws what `faultOf` makes of its end unless that is exit code 0. */
export async function programInto(
  output: Writable,
  runner: RunCommand,
  call: ProgramCall,
  { signal, faultOf }: { readonly signal: AbortSignal; readonly faultOf: (finished: Finished) => unknown },
): Promise<void> {
  const running = runner.start({ ...call, signal });
  running.stdin.end();
  await reading(Readable.from(inBlocks(running.stdout), { objectMode: false }), output);
  const finished = await running.done;
  signal.throwIfAborted();
  if (finished.exitCode !== 0) throw await faultOf(finished);
}

/**
 * Sends a source through a program into `output`. Resolves after the source came to its end and the program ended with
 * exit code 0; else throws the source's error, or what `faultOf` makes of the program's end.
 */
export async function throughProgram(
  output: Writable,
  runner: RunCommand,
  call: ProgramCall,
  source: Readable,
  { signal, faultOf }: { readonly signal: AbortSignal; readonly faultOf: (finished: Finished) => unknown },
): Promise<void> {
  const stop = (): void => void source.destroy();
  signal.addEventListener('abort', stop, { once: true });
  try {
    const running = runner.start({ ...call, signal });
    const ended = new AbortController();
    let broken: { readonly error: unknown } | null = null;
    const feeding = feed(source, running.stdin, ended.signal).catch((error: unknown) => {
      // After the program's end nobody takes the rest: why it ended is what matters.
      if (ended.signal.aborted) return;
      broken = { error };
      running.kill();
    });
    await reading(Readable.from(inBlocks(running.stdout), { objectMode: false }), output);
    const finished = await running.done;
    ended.abort();
    source.destroy();
    await feeding;
    signal.throwIfAborted();
    rethrow(broken);
    if (finished.exitCode !== 0) throw await faultOf(finished);
  } finally {
    signal.removeEventListener('abort', stop);
    source.destroy();
  }
}

function rethrow(broken: { readonly error: unknown } | null): void {
  if (broken !== null) throw broken.error;
}

async function feed(source: Readable, sink: Writable, signal: AbortSignal): Promise<void> {
  for await (const chunk of source) await writeTo(sink, chunk, signal);
  sink.end();
}

/**
 * Fewer, larger chunks: a program's pipe gives some 20 KB at a time, and each costs every stream behind it a turn, the
 * compressor one of the thread pool.
 */
async function* inBlocks(source: Readable): AsyncGenerator<Buffer> {
  let held: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of source as AsyncIterable<Buffer>) {
    held.push(chunk);
    bytes += chunk.length;
    if (bytes < BLOCK_BYTES) continue;
    yield Buffer.concat(held);
    held = [];
    bytes = 0;
  }
  if (bytes > 0) yield Buffer.concat(held);
}

/** A reader that goes away ends nothing here: its stream aborts the signal, and that ends the program. */
async function reading(from: Readable, output: Writable): Promise<void> {
  await pipeline(from, output, { end: false }).catch(() => from.resume());
}
