import { isRefusal } from '../../runs/refusal.ts';
import { readText } from './catalogue.ts';
import { MANIFEST, SIGNATURE } from '../storage/destination.ts';
import type { Destination, StoredFile } from '../storage/destination.ts';
import type { Opening } from '../encryption/encoding.ts';
import { hashOf } from '../storage/hashed-file.ts';
import { codingsOf, parseManifest } from './manifest.ts';
import type { Manifest } from './manifest.ts';
import { ArtifactDamage, decodedArtifact, whyNotOpened } from '../storage/read-artifact.ts';
import type { SetRef } from './set-id.ts';
import { isSignedBy } from './signature.ts';
import { storageFault } from '../storage/storage-fault.ts';

export interface Verification {
  /** As they are stored. */
  readonly bytesRead: number;
  /** Empty: every byte is as it was written. Each names destination, file and what is wrong. */
  readonly problems: readonly string[];
  /** Every artifact was also decrypted and decompressed to its end (decision 15). */
  readonly wholeChain: boolean;
}

export interface VerifyOptions {
  /** PEM of the key that must have signed the manifest. */
  readonly publicKeyPem: string;
  /** With it the whole chain is read; without it, or when it does not fit, hashes of the stored bytes are compared. */
  readonly opening?: Opening | null;
  /** Decode what can be decoded. Default: when there is an opening; hashes of stored bytes prove the rest in a fifth of the time. */
  readonly decode?: boolean;
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
  if (absent.length > 0) return nothing(0, ...absent.map((name) => `${at}: ${name} is missing`));

  const document = await readText(destination, ref, MANIFEST);
  const signature = await readText(destination, ref, SIGNATURE);
  const manifest = parseManifest(document);
  if (isRefusal(manifest)) return nothing(document.length, `${at}: ${manifest.message}`);
  const problems: string[] = [];
  if (!isSignedBy(document, signature, options.publicKeyPem)) problems.push(`${at}: the manifest's signature is wrong`);
  if (manifest.set !== ref.set) problems.push(`${at}: the manifest belongs to set ${manifest.set}`);

  const opening = await fittingOpening(manifest, options.opening ?? null);
  const decode = options.decode ?? opening !== null;
  let bytesRead = 0;
  for (const artifact of manifest.artifacts) {
    options.signal.throwIfAborted();
    if (!files.delete(artifact.name)) {
      problems.push(`${at}: ${artifact.name} is missing`);
      continue;
    }
    const before = bytesRead;
    const onBytes = (bytes: number): void => {
      bytesRead = before + bytes;
      options.onBytes?.(bytesRead);
    };
    const reading = { signal: options.signal, onBytes, decode };
    const problem = await problemOf({ destination, ref, artifact }, opening, reading);
    if (problem !== null) problems.push(`${at}: ${problem}`);
  }
  const strangers = [...files.keys()].filter((name) => name !== MANIFEST && name !== SIGNATURE);
  problems.push(...strangers.map((name) => `${at}: ${name} is not in the manifest`));
  return { bytesRead, problems, wholeChain: decode && (opening !== null || manifest.encryption === 'none') };
}

function nothing(bytesRead: number, ...problems: readonly string[]): Verification {
  return { bytesRead, problems, wholeChain: false };
}

async function fittingOpening(manifest: Manifest, opening: Opening | null): Promise<Opening | null> {
  return (await whyNotOpened(manifest, opening)) === null ? opening : null;
}

type Place = Parameters<typeof decodedArtifact>[0];
interface Reading {
  readonly signal: AbortSignal;
  readonly onBytes: (bytes: number) => void;
  readonly decode: boolean;
}

/** Null when every byte is right. What cannot be decoded is read again as it is stored: the smaller finding says more. */
async function problemOf(place: Place, opening: Opening | null, reading: Reading): Promise<string | null> {
  const codings = codingsOf(place.artifact);
  const decodable = reading.decode && codings.length > 0 && (opening !== null || !codings.includes('age'));
  if (!decodable) return storedProblem(place, reading);
  const undecoded = await decodedProblem(place, opening, reading);
  if (undecoded === null) return null;
  return (await storedProblem(place, reading)) ?? `${place.artifact.name}: ${undecoded}`;
}

async function storedProblem({ destination, ref, artifact }: Place, reading: Reading): Promise<string | null> {
  const stored = await readStored(destination, ref, artifact.name, reading);
  if (stored.bytes !== artifact.bytes) return `${artifact.name} has ${stored.bytes} bytes instead of ${artifact.bytes}`;
  return stored.sha256 === artifact.sha256 ? null : `${artifact.name} has another SHA-256 than when it was written`;
}

async function readStored(
  destination: Destination,
  ref: SetRef,
  name: string,
  { signal, onBytes }: Reading,
): Promise<StoredFile> {
  try {
    return await hashOf(await destination.read(ref, name, signal), onBytes);
  } catch (error) {
    throw storageFault(error, destination.name, `reading back ${name} of set ${ref.set}`);
  }
}

async function decodedProblem(place: Place, opening: Opening | null, reading: Reading): Promise<string | null> {
  try {
    for await (const _ of decodedArtifact(place, opening, reading)) continue;
    return null;
  } catch (error) {
    if (error instanceof ArtifactDamage) return error.what;
    throw error;
  }
}
