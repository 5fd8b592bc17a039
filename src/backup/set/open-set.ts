import { createHash, randomUUID } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { link, rm } from 'node:fs/promises';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { fileFault } from '../../run-command/file-faults.ts';
import { isRefusal, refuse } from '../../runs/refusal.ts';
import type { Refusal } from '../../runs/refusal.ts';
import { readText } from './catalogue.ts';
import { MANIFEST, SIGNATURE } from '../storage/destination.ts';
import type { Destination, StoredFile } from '../storage/destination.ts';
import type { Opening } from '../encryption/encoding.ts';
import { parseManifest, plainOf } from './manifest.ts';
import type { Manifest, ManifestArtifact } from './manifest.ts';
import { ArtifactDamage, decodedArtifact, whyNotOpened } from '../storage/read-artifact.ts';
import type { SetRef } from './set-id.ts';
import { isSignedBy, keyFingerprint } from './signature.ts';

export interface OpenOptions {
  /** PEM of every key that may have signed sets: the present one and those before it. */
  readonly publicKeys: readonly string[];
  /** Null: artifacts that are encrypted cannot be read, everything else can. */
  readonly opening: Opening | null;
}

export interface ReadOptions {
  readonly signal: AbortSignal;
  /** Stored bytes read so far. */
  readonly onBytes?: (bytes: number) => void;
}

export interface FetchOptions extends ReadOptions {
  /** On stable storage when it resolves: for what people keep. What an attempt works with is fetched anew after a crash. */
  readonly durable?: boolean;
}

/** A published set whose manifest was signed by one of our keys. What its manifest says may be believed. */
export interface OpenSet {
  readonly destination: Destination;
  readonly ref: SetRef;
  readonly manifest: Manifest;
  readonly manifestSha256: string;
  /** Whether this key (PEM) signed it: one of those it was opened with did. */
  signedBy(publicKeyPem: string): boolean;
  /**
   * The artifact decrypted and decompressed. The stream ends only when every byte was right; whoever acts on it before
   * acts on something unproven, so prefer {@link fetchArtifact}.
   */
  readArtifact(name: string, options: ReadOptions): Promise<Readable | Refusal>;
  /** The same into a new file (0600), which is there whole and right or not at all. Answers its size and SHA-256. */
  fetchArtifact(name: string, toFile: string, options: FetchOptions): Promise<StoredFile | Refusal>;
}

/**
 * Opens a published set: the manifest's signature first, then that it is the set of this name and gateway, and that every
 * artifact lies there in its size. Refuses everything else; a place that fails is a Fault.
 */
export async function openSet(destination: Destination, ref: SetRef, options: OpenOptions): Promise<OpenSet | Refusal> {
  const files = new Map((await destination.listFiles(ref)).map((file) => [file.name, file.bytes]));
  if (!files.has(MANIFEST)) return missing(destination, ref);
  const text = await readText(destination, ref, MANIFEST);
  const signature = files.has(SIGNATURE) ? await readText(destination, ref, SIGNATURE) : null;
  const manifest = trusted(text, signature, { destination, ref, publicKeys: options.publicKeys });
  if (isRefusal(manifest)) return manifest;
  for (const artifact of manifest.artifacts) {
    const bytes = files.get(artifact.name);
    if (bytes === artifact.bytes) continue;
    const what = bytes === undefined ? 'it is missing' : `it has ${bytes} bytes instead of ${artifact.bytes}`;
    return new ArtifactDamage({ destination, ref, artifact }, what).refusal();
  }
  const signedBy = (key: string): boolean => signature !== null && isSignedBy(text, signature, key);
  return opened({ destination, ref, manifest, manifestSha256: sha256(text), signedBy }, options.opening);
}

function trusted(
  text: string,
  signature: string | null,
  {
    destination,
    ref,
    publicKeys,
  }: { readonly destination: Destination; readonly ref: SetRef; readonly publicKeys: readonly string[] },
): Manifest | Refusal {
  const at = `the manifest of set ${ref.set} in destination ${destination.name}`;
  const signed = signature !== null && publicKeys.some((key) => isSignedBy(text, signature, key));
  const manifest = parseManifest(text);
  if (!signed) return notSigned(at, isRefusal(manifest) ? null : manifest, { signature, publicKeys });
  if (isRefusal(manifest)) return manifest;
  if (manifest.set === ref.set && manifest.gateway === ref.gateway) return manifest;
  return refuse(
    'set-swapped',
    `${capital(at)} is that of set ${manifest.set} of gateway ${manifest.gateway}: somebody moved or renamed it.`,
    'Nothing of it was used. Look who did that, and use another copy or another set.',
  );
}

function notSigned(
  at: string,
  manifest: Manifest | null,
  { signature, publicKeys }: { readonly signature: string | null; readonly publicKeys: readonly string[] },
): Refusal {
  const hint =
    'Nothing of it was used. Use the copy in another destination, or another set; keep this one until it is explained.';
  if (signature === null) return refuse('signature-missing', `${capital(at)} has no signature beside it.`, hint);
  const known = publicKeys.map(keyFingerprint);
  if (manifest !== null && !known.includes(manifest.signedBy))
    return refuse(
      'signed-by-stranger',
      `${capital(at)} says that it was signed by key ${manifest.signedBy.slice(0, 12)}, which is none of those given.`,
      'If that is an older key of yours, give its public half; else do not use the set.',
    );
  return refuse('signature-wrong', `${capital(at)} or its signature was changed: they do not belong together.`, hint);
}

function missing(destination: Destination, ref: SetRef): Refusal {
  return refuse(
    'set-missing',
    `Destination ${destination.name} has no set ${ref.set}.`,
    'List what there is:  kong-chatops backup list --destination …',
  );
}

type Facts = Pick<OpenSet, 'destination' | 'ref' | 'manifest' | 'manifestSha256' | 'signedBy'>;

function opened(facts: Facts, opening: Opening | null): OpenSet {
  const { destination, ref, manifest } = facts;
  const find = async (name: string): Promise<ManifestArtifact | Refusal> => {
    const artifact = manifest.artifacts.find((one) => one.name === name);
    if (artifact === undefined) return unknownArtifact(manifest, name);
    const encrypted = artifact.encoding?.includes('age') === true;
    return (encrypted ? await whyNotOpened(manifest, opening) : null) ?? artifact;
  };
  return {
    ...facts,
    readArtifact: async (name, options) => {
      const artifact = await find(name);
      return isRefusal(artifact) ? artifact : decodedArtifact({ destination, ref, artifact }, opening, options);
    },
    fetchArtifact: async (name, toFile, options) => {
      const artifact = await find(name);
      if (isRefusal(artifact)) return artifact;
      const stream = decodedArtifact({ destination, ref, artifact }, opening, options);
      return (await intoFile(stream, toFile, options.durable === true)) ?? plainOf(artifact);
    },
  };
}

/** Null when it is there. A link and no rename: that refuses to replace a file. */
async function intoFile(stream: Readable, toFile: string, flush: boolean): Promise<Refusal | null> {
  const part = `${toFile}.${randomUUID()}.part`;
  try {
    await pipeline(stream, createWriteStream(part, { flags: 'wx', mode: 0o600, flush, highWaterMark: 1 << 20 }));
    await link(part, toFile);
    return null;
  } catch (error) {
    if (error instanceof ArtifactDamage) return error.refusal();
    const { code } = error as NodeJS.ErrnoException;
    // What the source says of its own disk is a Fault already.
    if (code === 'ENOSPC' || code === 'EDQUOT') throw fileFault('disk-full', { path: toFile, cause: error });
    if (code !== 'EEXIST') throw error;
    return refuse('file-exists', `${toFile} exists already and is left as it is.`, 'Name another file or folder.');
  } finally {
    await rm(part, { force: true });
  }
}

function unknownArtifact(manifest: Manifest, name: string): Refusal {
  return refuse(
    'artifact-unknown',
    `Set ${manifest.set} has no artifact ${name}.`,
    `It has ${manifest.artifacts.map((artifact) => artifact.name).join(', ')}.`,
  );
}

function sha256(text: string): string {
  return createHash('sha256').update(text, 'utf8').digest('hex');
}

function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
