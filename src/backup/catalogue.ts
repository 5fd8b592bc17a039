import { text } from 'node:stream/consumers';
import { isRefusal } from '../runs/refusal.ts';
import { MANIFEST, SIGNATURE } from './destination.ts';
import type { Destination, Place, StoredFile } from './destination.ts';
import { hashOf } from './hashed-file.ts';
import { parseManifest } from './manifest.ts';
import type { Manifest } from './manifest.ts';
import type { SetRef } from './set-id.ts';
import { isSignedBy } from './signature.ts';
import { storageFault } from './storage-fault.ts';

/** One published set as `status` and the lists show it. */
export interface CatalogueEntry {
  readonly set: string;
  /** `damaged`: no copy of the manifest can be read. Whether a set was verified stands in the run's events. */
  readonly state: 'finished' | 'damaged';
  /** When the manifest was written (ISO 8601); null when damaged. */
  readonly createdAt: string | null;
  readonly ageSeconds: number | null;
  /** Of all artifacts, as stored. */
  readonly bytes: number | null;
  readonly gaps: number | null;
  readonly places: readonly Place[];
  /** Destinations that were asked and do not have it: the copies are fewer than they should be. */
  readonly missingFrom: readonly string[];
}

/** The published sets of a gateway over all its destinations, newest first. */
export async function catalogue(
  destinations: readonly Destination[],
  gateway: string,
  now: Date,
): Promise<readonly CatalogueEntry[]> {
  const lists = await Promise.all(destinations.map((destination) => destination.listSets(gateway)));
  const names = [...new Set(lists.flat())].sort().reverse();
  return Promise.all(
    names.map((set) => {
      const holders = destinations.filter((_, index) => lists[index]?.includes(set));
      const missing = destinations.filter((destination) => !holders.includes(destination));
      return entryOf({ gateway, set }, holders, missing, now);
    }),
  );
}

async function entryOf(
  ref: SetRef,
  holders: readonly Destination[],
  missing: readonly Destination[],
  now: Date,
): Promise<CatalogueEntry> {
  const manifest = await firstManifest(holders, ref);
  return {
    set: ref.set,
    state: manifest === null ? 'damaged' : 'finished',
    createdAt: manifest?.createdAt ?? null,
    ageSeconds: manifest === null ? null : Math.max(0, (now.getTime() - Date.parse(manifest.createdAt)) / 1000),
    bytes: manifest === null ? null : setBytes(manifest),
    gaps: manifest?.gaps.length ?? null,
    places: holders.map((destination) => ({ destination: destination.name, path: destination.placeOf(ref) })),
    missingFrom: missing.map((destination) => destination.name),
  };
}

async function firstManifest(holders: readonly Destination[], ref: SetRef): Promise<Manifest | null> {
  for (const destination of holders) {
    const manifest = parseManifest(await readText(destination, ref, MANIFEST));
    if (!isRefusal(manifest) && manifest.set === ref.set) return manifest;
  }
  return null;
}

/** Bytes of all artifacts of a set, as they are stored. */
export function setBytes(manifest: Pick<Manifest, 'artifacts'>): number {
  return manifest.artifacts.reduce((sum, artifact) => sum + artifact.bytes, 0);
}

/** A small file of a published set as text. */
export async function readText(destination: Destination, ref: SetRef, name: string): Promise<string> {
  return text(await destination.read(ref, name));
}

export interface Verification {
  readonly bytesRead: number;
  /** Empty: every byte is as it was written. Each names destination, file and what is wrong. */
  readonly problems: readonly string[];
}

export interface VerifyOptions {
  /** PEM of the key that must have signed the manifest. */
  readonly publicKeyPem: string;
  readonly signal: AbortSignal;
  readonly onBytes?: (bytesRead: number) => void;
}

/**
 * Reads back every byte of a published set in one destination: the manifest's signature, then each artifact's size and
 * SHA-256, and that nothing else lies beside them. A file that cannot be read is a problem; a place that fails throws.
 */
export async function verifySet(destination: Destination, ref: SetRef, options: VerifyOptions): Promise<Verification> {
  const at = `${destination.name}/${ref.set}`;
  const files = new Map((await destination.listFiles(ref)).map((file) => [file.name, file.bytes]));
  const absent = [MANIFEST, SIGNATURE].filter((name) => !files.has(name));
  if (absent.length > 0) return { bytesRead: 0, problems: absent.map((name) => `${at}: ${name} is missing`) };

  const document = await readText(destination, ref, MANIFEST);
  const signature = await readText(destination, ref, SIGNATURE);
  const manifest = parseManifest(document);
  if (isRefusal(manifest)) return { bytesRead: document.length, problems: [`${at}: ${manifest.message}`] };
  const problems: string[] = [];
  if (!isSignedBy(document, signature, options.publicKeyPem)) problems.push(`${at}: the manifest's signature is wrong`);
  if (manifest.set !== ref.set) problems.push(`${at}: the manifest belongs to set ${manifest.set}`);

  let bytesRead = 0;
  for (const artifact of manifest.artifacts) {
    options.signal.throwIfAborted();
    if (!files.delete(artifact.name)) {
      problems.push(`${at}: ${artifact.name} is missing`);
      continue;
    }
    const before = bytesRead;
    const problem = await compare(destination, ref, artifact, options.signal, (bytes) => {
      bytesRead = before + bytes;
      options.onBytes?.(bytesRead);
    });
    if (problem !== null) problems.push(`${at}: ${problem}`);
  }
  const strangers = [...files.keys()].filter((name) => name !== MANIFEST && name !== SIGNATURE);
  problems.push(...strangers.map((name) => `${at}: ${name} is not in the manifest`));
  return { bytesRead, problems };
}

async function compare(
  destination: Destination,
  ref: SetRef,
  artifact: Manifest['artifacts'][number],
  signal: AbortSignal,
  onBytes: (bytes: number) => void,
): Promise<string | null> {
  const stored = await readBack(destination, ref, artifact.name, signal, onBytes);
  if (stored.bytes !== artifact.bytes) {
    return `${artifact.name} has ${stored.bytes} bytes instead of ${artifact.bytes}`;
  }
  return stored.sha256 === artifact.sha256 ? null : `${artifact.name} has another SHA-256 than when it was written`;
}

async function readBack(
  destination: Destination,
  ref: SetRef,
  name: string,
  signal: AbortSignal,
  onBytes: (bytes: number) => void,
): Promise<StoredFile> {
  try {
    return await hashOf(await destination.read(ref, name, signal), onBytes);
  } catch (error) {
    throw storageFault(error, destination.name, `reading back ${name} of set ${ref.set}`);
  }
}
