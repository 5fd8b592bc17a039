import type { Readable } from 'node:stream';
import type { Destination } from '../../backup/storage/destination.ts';
import { encode, storedName } from '../../backup/encryption/encoding.ts';
import type { Coding } from '../../backup/encryption/encoding.ts';
import { codingsFor } from '../../backup/encryption/encryption.ts';
import { missingKind } from '../../backup/set/gaps.ts';
import { parseRecord } from '../../backup/set/manifest.ts';
import type { ArtifactRecord } from '../../backup/set/manifest.ts';
import type { SetRef } from '../../backup/set/set-id.ts';
import { lostTo, storeEverywhere } from '../../backup/storage/store-everywhere.ts';
import type { Lost } from '../../backup/storage/store-everywhere.ts';
import type { Artifact, ArtifactKind, ArtifactOutputs, SetKind } from '../../runbooks/backup.ts';
import { Fault } from '../../runs/fault.ts';
import { digestOf } from '../../runs/json.ts';
import type { JsonObject } from '../../runs/json.ts';
import { isRefusal } from '../../runs/refusal.ts';
import type { StepDeps } from '../deps.ts';

/** What one destination has of a set that is being made. */
interface Stage {
  readonly destination: Destination;
  /** Null: it cannot be asked now, and `fault` says why. */
  readonly records: readonly ArtifactRecord[] | null;
  readonly fault: Fault | null;
}

/** The artifacts of a set that is being made, and who has all of them. */
export interface Staged {
  /** In the order of names. */
  readonly records: readonly ArtifactRecord[];
  /** Destinations with every one of them: here the set can be published. */
  readonly holders: readonly Destination[];
  readonly lost: readonly Lost[];
}

/**
 * What is staged and whole. An artifact counts when some destination has it and every other one either has the same, or
 * failed while it was written (its facts say so), or cannot be asked now. One that merely lacks it was not reached by a
 * predecessor that died: then the artifact is not staged yet and its step does it again. Fault when none can be asked.
 */
export async function stagedSet(destinations: readonly Destination[], ref: SetRef): Promise<Staged> {
  const stages = await Promise.all(destinations.map((destination) => stageOf(destination, ref)));
  const answering = stages.filter(({ records }) => records !== null);
  const [first] = stages;
  if (answering.length === 0 && first?.fault) throw first.fault;
  const found = new Map(
    answering.flatMap(({ records }) => (records ?? []).map((record) => [digestOf(record), record])),
  );
  const whole = [...found].filter(([digest, record]) =>
    answering.every((stage) => has(stage, digest) || lostOf(record).has(stage.destination.name)),
  );
  const records = whole.map(([, record]) => record).sort((a, b) => (a.artifact.name < b.artifact.name ? -1 : 1));
  const holders = answering.filter((stage) => whole.every(([digest]) => has(stage, digest)));
  return {
    records,
    holders: holders.map(({ destination }) => destination),
    lost: stages.flatMap((stage) => (holders.includes(stage) ? [] : [whyLost(stage, records)])),
  };
}

async function stageOf(destination: Destination, ref: SetRef): Promise<Stage> {
  try {
    return { destination, records: await recordsIn(destination, ref), fault: null };
  } catch (error) {
    if (!(error instanceof Fault)) throw error;
    return { destination, records: null, fault: error };
  }
}

async function recordsIn(destination: Destination, ref: SetRef): Promise<readonly ArtifactRecord[]> {
  const staged = await destination.stagedArtifacts(ref);
  return staged.flatMap(({ name, bytes, facts }) => {
    const record = parseRecord(facts);
    const whole = !isRefusal(record) && record.artifact.name === name && record.artifact.bytes === bytes;
    return whole ? [record] : [];
  });
}

function has({ records }: Stage, digest: string): boolean {
  return records?.some((record) => digestOf(record) === digest) === true;
}

function lostOf(record: ArtifactRecord): ReadonlySet<string> {
  return new Set((record.lost ?? []).map(({ destination }) => destination));
}

function whyLost({ destination, fault }: Stage, records: readonly ArtifactRecord[]): Lost {
  if (fault !== null) return lostTo(destination, fault);
  const told = records.flatMap((record) => record.lost ?? []).find((one) => one.destination === destination.name);
  return told ?? { destination: destination.name, why: 'It lacks a part of the set.' };
}

/** The staged artifacts of a step's kinds as its outputs; null unless these very names are there. */
export async function stagedOutputs(
  destinations: readonly Destination[],
  ref: SetRef,
  kinds: readonly SetKind[],
  names: readonly string[],
): Promise<ArtifactOutputs | null> {
  const { records } = await stagedSet(destinations, ref);
  const found = records.filter((record) => kinds.includes(record.artifact.kind));
  const there = new Set(found.map(({ artifact }) => artifact.name));
  if (!names.every((name) => there.has(name))) return null;
  return { artifacts: found.map((record) => record.artifact), gaps: found.flatMap((record) => record.gaps) };
}

/** The outputs of a step whose kind the gateway goes without. */
export function goneWithout(kind: ArtifactKind, why: string): ArtifactOutputs {
  return { artifacts: [], gaps: [missingKind(kind, why)] };
}

/** What is known of an artifact once its last byte is stored. */
export interface Described {
  readonly artifact: Omit<Artifact, 'name' | 'bytes' | 'sha256' | 'encoding' | 'plain'>;
  readonly gaps: ArtifactRecord['gaps'];
  readonly database?: ArtifactRecord['database'];
}

export interface ArtifactSource {
  /** As it is called once it is decoded: `database.dump`. */
  readonly name: string;
  /** Compress it even when it is not encrypted. */
  readonly compress: boolean;
  readonly source: Readable;
  readonly describe: () => Described | Promise<Described>;
}

/** The name that an artifact is stored under, which says how: `database.dump.zst.age`. */
export async function nameInSet(deps: Pick<StepDeps, 'encryption'>, name: string, compress: boolean): Promise<string> {
  return storedName(name, await codings(deps, compress));
}

async function codings(deps: Pick<StepDeps, 'encryption'>, compress: boolean): Promise<readonly Coding[]> {
  return codingsFor((await deps.encryption?.sealing()) ?? null, compress);
}

/**
 * Compresses, encrypts and stores an artifact in every destination in one pass and, once all have it that did not fail,
 * its facts: from then on it counts. Fault when no destination took it.
 */
export async function stageArtifact(
  deps: Pick<StepDeps, 'destinations' | 'encryption'>,
  target: { readonly ref: SetRef; readonly signal: AbortSignal },
  { name, compress, source, describe }: ArtifactSource,
): Promise<void> {
  const { ref, signal } = target;
  source.on('error', () => undefined);
  const sealing = (await deps.encryption?.sealing()) ?? null;
  const encoding = codingsFor(sealing, compress);
  const encoded = encode(source, encoding, sealing, signal);
  const asStored = storedName(name, encoding);
  const { stored, holders, lost } = await storeEverywhere(deps.destinations, ref, asStored, encoded.stream, signal);
  const { artifact, gaps, database } = await describe();
  const record: ArtifactRecord = {
    artifact: { ...artifact, name: asStored, ...stored, encoding, plain: encoded.plain() },
    gaps,
    ...(database === undefined ? {} : { database }),
  };
  await writeFacts(holders, { ref, name: asStored }, record, lost);
}

/** A destination that fails here is lost too, and then the others' facts must say so. */
async function writeFacts(
  holders: readonly Destination[],
  at: { readonly ref: SetRef; readonly name: string },
  record: ArtifactRecord,
  lost: readonly Lost[],
): Promise<void> {
  const facts: ArtifactRecord = lost.length === 0 ? record : { ...record, lost: [...lost] };
  refuseUnreadable(facts);
  const failed: { destination: Destination; fault: Fault }[] = [];
  for (const destination of holders) {
    try {
      await destination.writeFacts(at.ref, at.name, facts as unknown as JsonObject);
    } catch (error) {
      if (!(error instanceof Fault)) throw error;
      failed.push({ destination, fault: error });
    }
  }
  const [first] = failed;
  if (first === undefined) return;
  const left = holders.filter((holder) => failed.every(({ destination }) => destination !== holder));
  if (left.length === 0) throw first.fault;
  await writeFacts(left, at, record, [...lost, ...failed.map(({ destination, fault }) => lostTo(destination, fault))]);
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
