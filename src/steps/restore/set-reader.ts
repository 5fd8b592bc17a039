import { createReadStream, createWriteStream } from 'node:fs';
import { mkdir, rm } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { createZstdDecompress } from 'node:zlib';
import { extract } from 'tar-stream';
import type { Destination } from '../../backup/storage/destination.ts';
import type { Manifest, ManifestArtifact } from '../../backup/set/manifest.ts';
import { openSet } from '../../backup/set/open-set.ts';
import type { OpenSet } from '../../backup/set/open-set.ts';
import { Fault } from '../../runs/fault.ts';
import { isRefusal } from '../../runs/refusal.ts';
import type { Refusal } from '../../runs/refusal.ts';
import type { Run } from '../../runs/run.ts';
import { workerDiskFull } from '../worker-disk.ts';
import type { RestoreDeps } from './deps.ts';
import { checkedSet } from './deps.ts';

/** Opens the set in one place; what is not exactly as it was signed is a Fault. */
export async function openTrusted(deps: RestoreDeps, source: Destination): Promise<OpenSet> {
  const opening = (await deps.encryption?.opening()) ?? null;
  return orFault(await openSet(source, deps.set, { publicKeys: [deps.signingKey()], opening }));
}

/** The set that `check-set` proved, where it was told to be read from; a Fault when it is another one by now. */
export async function openProven(deps: RestoreDeps, run: Run): Promise<OpenSet> {
  const [source] = deps.sources;
  if (source === undefined) throw new Error('a restore has a source');
  const set = await openTrusted(deps, source);
  if (set.manifestSha256 === checkedSet(run).manifestSha256) return set;
  throw new Fault(
    'set-changed',
    `The manifest of set ${deps.set.set} in ${source.name} is not the one that was checked.`,
    'Somebody changed the set meanwhile: find out who, and restore another one.',
  );
}

/** The dump of a set; null when it has none. */
export function dumpOf(manifest: Manifest): ManifestArtifact | null {
  return manifest.artifacts.find(({ kind }) => kind === 'database') ?? null;
}

interface Fetching {
  readonly folder: string;
  readonly signal: AbortSignal;
  readonly onBytes: (done: number) => void;
}

/**
 * Brings the dump into `folder`, decoded and proven byte by byte. Answers the path that pg_restore takes. Fault
 * `worker-disk` where there is no room for it.
 */
export async function fetchDump(set: OpenSet, artifact: ManifestArtifact, fetching: Fetching): Promise<string> {
  try {
    return await fetchAndUnpack(set, artifact, fetching);
  } catch (error) {
    const meanwhile = `while the dump of set ${set.ref.set} was fetched. Nothing of the gateway was touched`;
    throw workerDiskFull(error, meanwhile) ?? error;
  }
}

async function fetchAndUnpack(
  set: OpenSet,
  artifact: ManifestArtifact,
  { folder, signal, onBytes }: Fetching,
): Promise<string> {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const path = join(folder, 'database.dump');
  orFault(await set.fetchArtifact(artifact.name, path, { signal, onBytes }));
  if (!/\.tar(\.zst)?(\.age)?$/.test(artifact.name)) return path;
  // A dump in directory format, packed; sets of the first version say nothing of its compression.
  const unpacked = createReadStream(path, { highWaterMark: 1 << 20 });
  const bare = artifact.encoding === undefined && artifact.name.endsWith('.zst');
  await (bare
    ? pipeline(unpacked, createZstdDecompress(), tarInto(folder), { signal })
    : pipeline(unpacked, tarInto(folder), { signal }));
  await rm(path);
  return join(folder, 'database');
}

function orFault<T extends object>(value: T | Refusal): T {
  if (!isRefusal(value)) return value;
  throw new Fault(value.code, value.message, value.hint);
}

/** Plain files of one folder alone: whatever else a tar can hold is no part of a dump. */
function tarInto(folder: string): (source: AsyncIterable<Buffer>) => Promise<void> {
  return async (source) => {
    await mkdir(join(folder, 'database'), { recursive: true, mode: 0o700 });
    const tar = extract();
    const reading = pipeline(source, tar);
    // It breaks with the loop below, before anybody waits for it; unheard, that would end the worker.
    reading.catch(() => undefined);
    for await (const entry of tar) {
      const { name, type } = entry.header;
      if (type !== 'file' || name !== `database/${basename(name)}`) throw strangeEntry(name);
      await pipeline(entry, createWriteStream(join(folder, name), { mode: 0o600 }));
    }
    await reading;
  };
}

function strangeEntry(name: string): Fault {
  return new Fault(
    'dump-strange',
    `The packed dump holds something that no dump has: ${name}.`,
    'Do not use this set; keep it for whoever looks into it.',
  );
}
