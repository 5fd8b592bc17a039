import type { Readable } from 'node:stream';
import type { Destination } from '../backup/destination.ts';
import { missingKind } from '../backup/gaps.ts';
import { parseRecord } from '../backup/manifest.ts';
import type { ArtifactRecord } from '../backup/manifest.ts';
import type { SetRef } from '../backup/set-id.ts';
import { storeEverywhere } from '../backup/store-everywhere.ts';
import type { Artifact, ArtifactKind, ArtifactOutputs } from '../runbooks/backup.ts';
import { Fault } from '../runs/fault.ts';
import { digestOf } from '../runs/json.ts';
import type { JsonObject } from '../runs/json.ts';
import { isRefusal } from '../runs/refusal.ts';

/**
 * What is staged and whole in every destination, in the order of names. An artifact that one of them lacks, or has in
 * another size, or with other facts, is not staged yet: its step does it again.
 */
export async function stagedRecords(
  destinations: readonly Destination[],
  ref: SetRef,
): Promise<readonly ArtifactRecord[]> {
  const [first = [], ...rest] = await Promise.all(destinations.map((destination) => recordsIn(destination, ref)));
  const others = rest.map((records) => new Set(records.map((record) => digestOf(record))));
  return first.filter((record) => others.every((digests) => digests.has(digestOf(record))));
}

async function recordsIn(destination: Destination, ref: SetRef): Promise<readonly ArtifactRecord[]> {
  const staged = await destination.stagedArtifacts(ref);
  return staged.flatMap(({ name, bytes, facts }) => {
    const record = parseRecord(facts);
    const whole = !isRefusal(record) && record.artifact.name === name && record.artifact.bytes === bytes;
    return whole ? [record] : [];
  });
}

/** The staged artifacts of a kind as a step's outputs; null unless these very names are there. */
export async function stagedOutputs(
  destinations: readonly Destination[],
  ref: SetRef,
  kind: ArtifactKind,
  names: readonly string[],
): Promise<ArtifactOutputs | null> {
  const records = (await stagedRecords(destinations, ref)).filter((record) => record.artifact.kind === kind);
  const found = new Set(records.map((record) => record.artifact.name));
  if (!names.every((name) => found.has(name))) return null;
  return { artifacts: records.map((record) => record.artifact), gaps: records.flatMap((record) => record.gaps) };
}

/** The outputs of a step whose kind the gateway goes without. */
export function goneWithout(kind: ArtifactKind, why: string): ArtifactOutputs {
  return { artifacts: [], gaps: [missingKind(kind, why)] };
}

/** What is known of an artifact once its last byte is stored. */
export interface Described {
  readonly artifact: Omit<Artifact, 'bytes' | 'sha256'>;
  readonly gaps: ArtifactRecord['gaps'];
  readonly database?: ArtifactRecord['database'];
}

/** Stores an artifact in every destination and, once all have it, its facts: from then on it counts. */
export async function stageArtifact(
  target: { readonly destinations: readonly Destination[]; readonly ref: SetRef; readonly signal: AbortSignal },
  name: string,
  source: Readable,
  describe: () => Described,
): Promise<void> {
  const { destinations, ref, signal } = target;
  const stored = await storeEverywhere(destinations, ref, name, source, signal);
  const { artifact, gaps, database } = describe();
  const record: ArtifactRecord = {
    artifact: { ...artifact, ...stored },
    gaps,
    ...(database === undefined ? {} : { database }),
  };
  refuseUnreadable(record);
  for (const destination of destinations) await destination.writeFacts(ref, name, record as unknown as JsonObject);
}

/** The facts are read back by another process: better to fail here than to find them unreadable there. */
function refuseUnreadable(record: ArtifactRecord): void {
  const parsed = parseRecord(JSON.parse(JSON.stringify(record)));
  if (isRefusal(parsed)) throw new Fault('facts-unreadable', parsed.message, parsed.hint);
}

/** The whole seconds and tenths between two moments. */
export function secondsBetween(from: number, to: number): number {
  return Math.round((to - from) / 10) / 100;
}
