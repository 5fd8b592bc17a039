import type { Readable } from 'node:stream';
import { Fault } from '../../runs/fault.ts';
import type { JsonObject } from '../../runs/json.ts';
import type { SetRef } from '../set/set-id.ts';

/** The manifest of a set and its detached signature: the two files beside the artifacts. */
export const MANIFEST = 'manifest.json';
export const SIGNATURE = 'manifest.json.sig';

/** A file as it was written or read: `sha256` in 64 hexadecimal digits. */
export interface StoredFile {
  readonly bytes: number;
  readonly sha256: string;
}

/** An artifact that is written and has its facts, in a set that is not published yet. `bytes` is what lies there now. */
export interface StagedArtifact {
  readonly name: string;
  readonly bytes: number;
  readonly facts: JsonObject;
}

/**
 * A place where backup sets are kept. Every implementation passes `test/integration/backup-destination-contract.ts`.
 *
 * A set is first staged, invisible to {@link listSets}: artifacts are written, each followed by its facts (an artifact
 * without facts does not count: its writer died in between). Then the set is published at once or not at all.
 * A published set is never changed. Every method throws a Fault when the place fails.
 */
export interface Destination {
  readonly name: string;
  /** Where people find the set: a path or an address. */
  placeOf(ref: SetRef): string;
  /** Proves that sets of this gateway can be written here by writing, syncing and removing a small file. */
  probe(gateway: string): Promise<void>;
  /** Bytes that can still be written; null where there is no such limit. */
  freeBytes(): Promise<number | null>;
  /**
   * Streams one artifact into the staged set, hashed on the way and on stable storage when it resolves. Replaces an
   * earlier attempt's artifact and its facts. On abort or failure nothing of it counts.
   */
  writeArtifact(ref: SetRef, name: string, source: Readable, signal: AbortSignal): Promise<StoredFile>;
  /** Writes the facts of an artifact: from now on it counts. */
  writeFacts(ref: SetRef, name: string, facts: JsonObject): Promise<void>;
  /** The artifacts that count, by name; empty when nothing is staged. */
  stagedArtifacts(ref: SetRef): Promise<readonly StagedArtifact[]>;
  /** Makes the staged set visible, atomically, with these two files beside its artifacts. Refuses a published one. */
  publish(ref: SetRef, manifest: string, signature: string): Promise<void>;
  /** Whether anything at all is staged under this name, finished or not. */
  hasStaged(ref: SetRef): Promise<boolean>;
  /** Removes what is staged under this name, and never anything published. Harmless when there is nothing. */
  discard(ref: SetRef): Promise<void>;
  isPublished(ref: SetRef): Promise<boolean>;
  /**
   * Removes a published set, its manifest first: one that is half gone is in no list. Harmless when it is gone already;
   * throws a Fault, before anything is removed, where the place may not let it go yet.
   */
  remove(ref: SetRef): Promise<void>;
  /** Gateways of which anything lies here, sorted. */
  listGateways(): Promise<readonly string[]>;
  /** Names of the published sets of a gateway, oldest first. */
  listSets(gateway: string): Promise<readonly string[]>;
  /** Names and sizes of all files of a published set, by name. */
  listFiles(ref: SetRef): Promise<readonly { readonly name: string; readonly bytes: number }[]>;
  /** A file of a published set. */
  read(ref: SetRef, name: string, signal?: AbortSignal): Promise<Readable>;
}

/** A published set is never changed. */
export function setExists(destination: string, ref: SetRef): Fault {
  return new Fault(
    'set-exists',
    `Destination ${destination}: set ${ref.set} is already published, and a published set is never changed.`,
    'Start a new backup: it gets a name of its own.',
  );
}

/** Object lock keeps it until then, whoever asks. */
export function setLocked(destination: string, ref: SetRef, until: Date): Fault {
  return new Fault(
    'set-locked',
    `Destination ${destination}: set ${ref.set} is locked until ${until.toISOString()}, so nothing of it was removed.`,
    'It goes after the first backup behind that time; object lock is there to make sure of it.',
  );
}

/** Whatever lies among the artifacts without facts (`others`) was left by somebody who died: it must not be published. */
export function stagingUnfinished(destination: string, ref: SetRef, whole: number, others: readonly string[]): Fault {
  return new Fault(
    'staging-unfinished',
    whole === 0
      ? `Destination ${destination}: nothing is staged for set ${ref.set}, so there is nothing to publish.`
      : `Destination ${destination}: ${others.join(', ')} was not finished, so set ${ref.set} cannot be published.`,
    'Start the backup again.',
  );
}

/** The files of a set as people find them. */
export interface Place {
  readonly destination: string;
  readonly path: string;
}

/** Where a set lies in each of these destinations. */
export function placesOf(destinations: readonly Destination[], ref: SetRef): readonly Place[] {
  return destinations.map((destination) => ({ destination: destination.name, path: destination.placeOf(ref) }));
}
