import { text } from 'node:stream/consumers';
import { isRefusal } from '../runs/refusal.ts';
import { MANIFEST } from './destination.ts';
import type { Destination, Place } from './destination.ts';
import { parseManifest } from './manifest.ts';
import type { Manifest } from './manifest.ts';
import type { SetRef } from './set-id.ts';

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
