import { once } from 'node:events';
import { PassThrough } from 'node:stream';
import type { Readable } from 'node:stream';
import { Fault } from '../../runs/fault.ts';
import type { Destination, StoredFile } from './destination.ts';
import type { SetRef } from '../set/set-id.ts';

/** A destination that failed, and why in one sentence. */
export interface Lost {
  readonly destination: string;
  readonly why: string;
}

export interface StoredEverywhere {
  readonly stored: StoredFile;
  /** Destinations that hold it now. At least one. */
  readonly holders: readonly Destination[];
  readonly lost: readonly Lost[];
}

/** One destination's copy of what is read. */
interface Branch {
  readonly destination: Destination;
  readonly stream: PassThrough;
  /** Aborted once this destination failed: nobody waits for it any more. */
  readonly gone: AbortController;
  /** Aborted when it failed or when all are to stop. */
  readonly waits: AbortSignal;
  fault: Fault | null;
}

/**
 * Writes one artifact into every destination while the source is read once; the slowest one sets the pace. A destination
 * that fails drops out and the others go on (behaviour 5.7); when all have failed, the first one's Fault is thrown. What
 * is no destination's fault (an abort, a broken source) ends them all and is thrown.
 */
export async function storeEverywhere(
  destinations: readonly Destination[],
  ref: SetRef,
  name: string,
  source: Readable,
  signal: AbortSignal,
): Promise<StoredEverywhere> {
  if (destinations.length === 0) {
    source.destroy();
    throw new Fault('no-destination', 'This backup has no destination.', 'Give the gateway one.');
  }
  const stop = new AbortController();
  const ends = AbortSignal.any([signal, stop.signal]);
  const branches = destinations.map((destination): Branch => {
    const stream = new PassThrough({ highWaterMark: 1 << 20 });
    stream.on('error', () => undefined);
    const gone = new AbortController();
    return { destination, stream, gone, waits: AbortSignal.any([ends, gone.signal]), fault: null };
  });
  let first: { readonly error: unknown } | null = null;
  const fail = (error: unknown): void => {
    first ??= { error };
    stop.abort(error);
  };
  const writes = branches.map((branch) => write(branch, ref, name, ends, fail));
  await pump(source, branches, ends).catch(fail);
  const files = (await Promise.all(writes)).filter((file) => file !== null);
  return outcome(first, branches, files);
}

/** Null when this destination failed: `branch.fault` says how. */
async function write(
  branch: Branch,
  ref: SetRef,
  name: string,
  signal: AbortSignal,
  fail: (error: unknown) => void,
): Promise<StoredFile | null> {
  try {
    return await branch.destination.writeArtifact(ref, name, branch.stream, signal);
  } catch (error) {
    if (error instanceof Fault && !signal.aborted) branch.fault = error;
    else fail(error);
    branch.gone.abort();
    branch.stream.destroy();
    return null;
  }
}

/** One read of the source into every branch that is left, waiting for each that is full. */
async function pump(source: Readable, branches: readonly Branch[], signal: AbortSignal): Promise<void> {
  try {
    for await (const chunk of source) {
      signal.throwIfAborted();
      const left = branches.filter(({ gone }) => !gone.signal.aborted);
      if (left.length === 0) return void source.destroy();
      await Promise.all(left.map((branch) => give(branch, chunk, signal)));
    }
    for (const { stream } of branches) stream.end();
  } catch (error) {
    source.destroy();
    for (const { stream } of branches) stream.destroy(error instanceof Error ? error : new Error('the source failed'));
    throw error;
  }
}

async function give({ stream, waits }: Branch, chunk: unknown, signal: AbortSignal): Promise<void> {
  if (stream.write(chunk)) return;
  await once(stream, 'drain', { signal: waits }).catch(() => signal.throwIfAborted());
}

function outcome(
  first: { readonly error: unknown } | null,
  branches: readonly Branch[],
  files: readonly StoredFile[],
): StoredEverywhere {
  if (first !== null) throw first.error;
  const [file, ...rest] = files;
  const failed = branches.flatMap(({ fault }) => (fault === null ? [] : [fault]));
  if (file === undefined) throw failed[0] ?? new Error('nobody wrote and nobody failed');
  if (rest.some((other) => other.sha256 !== file.sha256)) throw copiesDiffer();
  return {
    stored: file,
    holders: branches.filter(({ fault }) => fault === null).map(({ destination }) => destination),
    lost: branches.flatMap(({ destination, fault }) => (fault === null ? [] : [lostTo(destination, fault)])),
  };
}

/** How a destination that failed is remembered in the set. */
export function lostTo(destination: Destination, fault: Fault): Lost {
  return { destination: destination.name, why: fault.message };
}

function copiesDiffer(): Fault {
  return new Fault(
    'copies-differ',
    'The same artifact has different contents in different destinations.',
    'Try again; if it happens again, check the memory and the disks of the worker.',
    { retryable: true },
  );
}
