import type { PassThrough, Readable } from 'node:stream';
import { collector } from './collect.ts';
import type { Collector } from './collect.ts';
import type { Command, Finished } from './command.ts';

const KEEP_BYTES = 1024 * 1024;

/** What comes of one program. */
export interface Output {
  readonly out: Collector;
  readonly err: Collector;
  /** What came of the program, with everything that did not happen filled in. */
  answer(rest: Partial<Finished>): Finished;
}

/** Collects as `command` asks; the standard output of a program that is talked to is only counted. */
export function collectOutput(command: Command, talks: boolean): Output {
  const started = performance.now();
  const keep = command.keep ?? KEEP_BYTES;
  const out = talks ? collector(0) : collector(keep, lineHandler(command, 'stdout'));
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

/** Collects a stream to its end and hands a copy on, at the pace of whoever reads that. */
export function consume(stream: Readable | null, into: Collector, copy?: PassThrough): void {
  if (stream === null) return;
  stream.on('data', (chunk: Buffer) => into.take(chunk));
  stream.once('close', () => into.end());
  if (copy !== undefined) stream.pipe(copy);
}

function lineHandler(command: Command, stream: 'stdout' | 'stderr'): ((line: string) => void) | undefined {
  const { onLine } = command;
  return onLine === undefined ? undefined : (line) => onLine(stream, line);
}
