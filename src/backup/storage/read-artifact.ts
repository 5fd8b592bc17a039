import { Transform } from 'node:stream';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { streamFrom } from '../../run-command/stream-from.ts';
import { Fault } from '../../runs/fault.ts';
import { refuse } from '../../runs/refusal.ts';
import type { Refusal } from '../../runs/refusal.ts';
import { recipientsOf } from '../encryption/cipher.ts';
import type { Destination, StoredFile } from './destination.ts';
import { decode } from '../encryption/encoding.ts';
import type { Opening } from '../encryption/encoding.ts';
import { hashedFile } from './hashed-file.ts';
import { codingsOf, plainOf } from '../set/manifest.ts';
import type { Manifest, ManifestArtifact } from '../set/manifest.ts';
import type { SetRef } from '../set/set-id.ts';
import { storageFault } from './storage-fault.ts';

export interface ArtifactPlace {
  readonly destination: Destination;
  readonly ref: SetRef;
  readonly artifact: ManifestArtifact;
}

/** An artifact's bytes are not what the signed manifest says: a stream breaks with it, and it is shown as a refusal. */
export class ArtifactDamage extends Fault {
  /** "it cannot be decrypted to its end" */
  readonly what: string;

  constructor({ destination, ref, artifact }: ArtifactPlace, what: string, cause?: unknown) {
    super(
      'artifact-damaged',
      `${artifact.name} of set ${ref.set} in destination ${destination.name} is not as it was written: ${what}.`,
      'Nothing of it was used. Use the copy in another destination, or another set; keep this one until it is explained.',
      { cause },
    );
    this.what = what;
  }

  refusal(): Refusal {
    return refuse(this.code, this.message, this.hint);
  }
}

/** Why this identity cannot open the set; null: it can, or nothing is encrypted. Nothing is read for it. */
export async function whyNotOpened(manifest: Manifest, opening: Opening | null): Promise<Refusal | null> {
  if (manifest.encryption === 'none') return null;
  const { recipients } = manifest.encryption;
  if (opening === null)
    return refuse(
      'identity-missing',
      `Set ${manifest.set} is encrypted, and there is no identity here to open it.`,
      `Give the identity (AGE-SECRET-KEY-1…) of one of its recipients: ${recipients.join(', ')}.`,
    );
  const ours = await recipientsOf(opening.identities);
  if (ours.some((recipient) => recipients.includes(recipient))) return null;
  return refuse(
    'identity-wrong',
    `Set ${manifest.set} is not encrypted for this identity, whose public key is ${ours.join(', ')}.`,
    `Give the identity of one of its recipients: ${recipients.join(', ')}.`,
  );
}

/**
 * An artifact as it was before it was stored: decrypted and decompressed. It ends only when size and hash were right both
 * before and after; else it breaks with an {@link ArtifactDamage}. Until it has ended nothing of it is proven.
 */
export function decodedArtifact(
  place: ArtifactPlace,
  opening: Opening | null,
  options: { readonly signal: AbortSignal; readonly onBytes?: ((bytes: number) => void) | undefined },
): Readable {
  const { destination, ref, artifact } = place;
  return streamFrom(options.signal, async (output, signal) => {
    try {
      const stored = await destination.read(ref, artifact.name, signal);
      const checked = checkedBy(place, 'as it is stored', artifact, options.onBytes);
      const reading = pipeline(stored, checked, { signal });
      reading.catch(() => undefined);
      const decoded = decode(checked, codingsOf(artifact), opening, signal);
      const written = pipeline(decoded, checkedBy(place, 'once it is decoded', plainOf(artifact)), output, {
        end: false,
      });
      await Promise.all([reading, written]);
    } catch (error) {
      signal.throwIfAborted();
      throw explained(error, place);
    }
  });
}

/** Lets pass what it is given, and breaks at the end unless size and hash are as expected. */
function checkedBy(
  place: ArtifactPlace,
  state: string,
  expected: StoredFile,
  onBytes?: (bytes: number) => void,
): Transform {
  const hashed = hashedFile(onBytes);
  return new Transform({
    highWaterMark: 1 << 20,
    transform(chunk: Buffer, _, done) {
      hashed.take(chunk);
      done(null, chunk);
    },
    flush(done) {
      const found = hashed.result();
      if (found.bytes !== expected.bytes)
        done(new ArtifactDamage(place, `${state} it has ${found.bytes} bytes instead of ${expected.bytes}`));
      else if (found.sha256 !== expected.sha256)
        done(new ArtifactDamage(place, `${state} it has another SHA-256 than when it was written`));
      else done();
    },
  });
}

/** What cannot be decoded is damaged: the identity was looked at before. */
function explained(error: unknown, place: ArtifactPlace): unknown {
  if (error instanceof Fault && error.code === 'cipher-failed')
    return new ArtifactDamage(place, 'it cannot be decrypted to its end', error);
  if (error instanceof Error && 'code' in error && /^(ZSTD_|Z_|ERR_ZLIB)/.test(String(error.code)))
    return new ArtifactDamage(place, 'it cannot be decompressed to its end', error);
  return storageFault(error, place.destination.name, `reading ${place.artifact.name} of set ${place.ref.set}`);
}
