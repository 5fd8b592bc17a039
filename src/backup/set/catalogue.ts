import { text } from 'node:stream/consumers';
import { nowhere } from '../../runbooks/backup.ts';
import { Fault } from '../../runs/fault.ts';
import { isRefusal } from '../../runs/refusal.ts';
import { MANIFEST } from '../storage/destination.ts';
import type { Destination, Place } from '../storage/destination.ts';
import { parseManifest } from './manifest.ts';
import type { Manifest } from './manifest.ts';
import { timeOfSet } from './set-id.ts';
import type { SetRef } from './set-id.ts';

/** One published set as `status` and the lists show it. */
export interface CatalogueEntry {
  readonly set: string;
  /** `damaged`: no copy of the manifest can be read. Whether a set was verified stands in the run's events. */
  readonly state: 'finished' | 'damaged';
  /**
   * When its content was whole (ISO 8601). A manifest here is not checked yet, so it is believed between the time in the
   * set's name, when it was asked for, and now; else the name is. Null when damaged.
   */
  readonly createdAt: string | null;
  readonly ageSeconds: number | null;
  /** Of all artifacts, as stored. */
  readonly bytes: number | null;
  readonly gaps: number | null;
  readonly places: readonly Place[];
  /** Destinations that were asked and do not have it: the copies are fewer than they should be. */
  readonly missingFrom: readonly string[];
  /** Destinations that did not answer: they may have it. */
  readonly unreachable: readonly string[];
}

/**
 * The published sets of a gateway over all its destinations, newest first. Those that do not answer are named in each
 * entry; when none does, the first one's Fault is thrown.
 */
export async function catalogue(
  destinations: readonly Destination[],
  gateway: string,
  now: Date,
): Promise<readonly CatalogueEntry[]> {
  const lists = await Promise.all(destinations.map((destination) => listIn(destination, gateway)));
  const answering = lists.filter((list) => list.fault === null);
  const [first] = lists;
  if (answering.length === 0 && first?.fault) throw first.fault;
  const unreachable = lists.flatMap(({ destination, fault }) => (fault === null ? [] : [destination.name]));
  const names = [...new Set(answering.flatMap(({ sets }) => sets))].sort().reverse();
  return Promise.all(
    names.map(async (set) => {
      const holders = answering.filter(({ sets }) => sets.includes(set)).map(({ destination }) => destination);
      const missing = answering.filter(({ sets }) => !sets.includes(set)).map(({ destination }) => destination);
      return { ...(await entryOf({ gateway, set }, holders, missing, now)), unreachable };
    }),
  );
}

interface Listed {
  readonly destination: Destination;
  readonly sets: readonly string[];
  /** Why it did not answer; null when it did. */
  readonly fault: Fault | null;
}

async function listIn(destination: Destination, gateway: string): Promise<Listed> {
  try {
    return { destination, sets: await destination.listSets(gateway), fault: null };
  } catch (fault) {
    if (fault instanceof Fault) return { destination, sets: [], fault };
    throw fault;
  }
}

async function entryOf(
  ref: SetRef,
  holders: readonly Destination[],
  missing: readonly Destination[],
  now: Date,
): Promise<Omit<CatalogueEntry, 'unreachable'>> {
  const manifest = await firstManifest(holders, ref);
  const createdAt = manifest === null ? null : timeOf(manifest, now);
  return {
    set: ref.set,
    state: manifest === null ? 'damaged' : 'finished',
    createdAt,
    ageSeconds: createdAt === null ? null : Math.max(0, (now.getTime() - Date.parse(createdAt)) / 1000),
    bytes: manifest === null ? null : setBytes(manifest),
    // As on the card: what only one artifact of it holds is in it.
    gaps: manifest === null ? null : nowhere(manifest.gaps).length,
    places: holders.map((destination) => ({ destination: destination.name, path: destination.placeOf(ref) })),
    missingFrom: missing.map((destination) => destination.name),
  };
}

/** People choose a set from before a change by it: hours may lie between asking for a backup and taking it. */
function timeOf({ set, createdAt }: Manifest, now: Date): string | null {
  const asked = timeOfSet(set);
  const told = Date.parse(createdAt);
  return told >= Date.parse(asked ?? '') && told <= now.getTime() ? createdAt : asked;
}

async function firstManifest(holders: readonly Destination[], ref: SetRef): Promise<Manifest | null> {
  for (const destination of holders) {
    const text = await readText(destination, ref, MANIFEST).catch((error: unknown) => {
      if (error instanceof Fault) return '';
      throw error;
    });
    const manifest = parseManifest(text);
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
