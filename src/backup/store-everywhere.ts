import { once } from 'node:events';
import { PassThrough } from 'node:stream';
import type { Readable } from 'node:stream';
import { Fault } from '../runs/fault.ts';
import type { Destination, StoredFile } from './destination.ts';
import type { SetRef } from './set-id.ts';

/**
 * Writes one artifact into every destination while the source is read once; the slowest one sets the pace.
 * All or nothing: the first destination that fails ends the others, and its Fault is thrown.
 */
export async function storeEverywhere(
  destinations: readonly Destination[],
  ref: SetRef,
  name: string,
  source: Readable,
  signal: AbortSignal,
): Promise<StoredFile> {
  const [only, ...others] = destinations;
  if (only === undefined) throw new Fault('no-destination', 'This backup has no destination.', 'Give the gateway one.');
  if (others.length === 0) return only.writeArtifact(ref, name, source, signal);

  const stop = new AbortController();
  const ends = AbortSignal.any([signal, stop.signal]);
  const branches = destinations.map(() => new PassThrough({ highWaterMark: 1 << 20 }));
  let first: unknown;
  const failed = (error: unknown): void => {
    first ??= error;
    stop.abort(error);
  };
  const writes = destinations.map(async (destination, index) => {
    const branch = branches[index] ?? new PassThrough();
    return destination.writeArtifact(ref, name, branch, ends);
  });
  for (const write of writes) write.catch(failed);
  const pumped = pump(source, branches, ends).catch(failed);
  const settled = await Promise.allSettled(writes);
  await pumped;
  if (first !== undefined) throw first;
  return theSame(settled.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : [])));
}

/** One read of the source into every branch, waiting for each that is full. */
async function pump(source: Readable, branches: readonly PassThrough[], signal: AbortSignal): Promise<void> {
  try {
    for await (const chunk of source) {
      signal.throwIfAborted();
      const full = branches.filter((branch) => !branch.write(chunk));
      if (full.length > 0) await Promise.all(full.map((branch) => once(branch, 'drain', { signal })));
    }
    for (const branch of branches) branch.end();
  } catch (error) {
    source.destroy();
    for (const branch of branches) branch.destroy(error instanceof Error ? error : new Error('the source failed'));
    throw error;
  }
}

function theSame(files: readonly StoredFile[]): StoredFile {
  const [file, ...rest] = files;
  if (file !== undefined && rest.every((other) => other.sha256 === file.sha256)) return file;
  throw new Fault(
    'copies-differ',
    'The same artifact has different contents in different destinations.',
    'Try again; if it happens again, check the memory and the disks of the worker.',
    { retryable: true },
  );
}
