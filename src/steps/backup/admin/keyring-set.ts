import { verifySet as readBack } from '../../../backup/set/verify.ts';
import { formatFor, manifestText } from '../../../backup/set/manifest.ts';
import { keyFingerprint, signText } from '../../../backup/set/signature.ts';
import type { Destination } from '../../../backup/storage/destination.ts';
import type { StepContext } from '../../../engine/ports.ts';
import { Fault } from '../../../runs/fault.ts';
import type { Run } from '../../../runs/run.ts';
import type { StepDeps } from '../../deps.ts';
import { refOf } from '../../deps.ts';
import { preflightFacts } from '../../plan-facts.ts';
import { encryptionOf, whoAndWhat } from '../set-documents.ts';
import { stagedSet } from '../staged.ts';
import { keyringPlace } from './save-keyring.ts';

/**
 * The keyring of a backup is a set of its own, with the same id, in a destination of its own: signed and verified like
 * the data. Null: this run exports none.
 */
export function keyringOf(deps: StepDeps, run: Run): Destination | null {
  return preflightFacts(run).further?.keyring === true ? keyringPlace(deps) : null;
}

/** Whether it is where it belongs: true for a run without one. */
export async function keyringPublished(deps: StepDeps, run: Run): Promise<boolean> {
  const place = keyringOf(deps, run);
  return place === null || (await place.isPublished(refOf(run)));
}

export async function publishKeyring(deps: StepDeps, { run }: StepContext): Promise<void> {
  const place = keyringOf(deps, run);
  const ref = refOf(run);
  if (place === null || (await place.isPublished(ref))) return;
  const { records } = await stagedSet([place], ref);
  const artifacts = records.map(({ artifact }) => artifact);
  if (artifacts.length === 0) throw gone(place.name);
  const key = deps.signingKey();
  const manifest = manifestText({
    format: formatFor(artifacts),
    ...whoAndWhat(run),
    createdAt: deps.clock().toISOString(),
    artifacts,
    database: null,
    gaps: [],
    encryption: encryptionOf(deps, records),
    destinations: { configured: [place.name], reached: [place.name] },
    signedBy: keyFingerprint(key),
    auditHead: null,
  });
  await place.publish(ref, manifest, signText(manifest, key));
}

/** Reads it back byte by byte; what is wrong with it, in words. */
export async function verifyKeyring(
  deps: StepDeps,
  { run, signal }: StepContext,
): Promise<{ readonly place: Destination; readonly problems: readonly string[]; readonly bytesRead: number } | null> {
  const place = keyringOf(deps, run);
  if (place === null) return null;
  const opening = (await deps.encryption?.opening()) ?? null;
  const found = await readBack(place, refOf(run), { publicKeyPem: deps.signingKey(), opening, signal });
  return { place, problems: found.problems, bytesRead: found.bytesRead };
}

function gone(place: string): Fault {
  return new Fault(
    'artifact-missing',
    `The keyring that was staged in ${place} is not there any more.`,
    'Find out who removed it from the destination, then start a new backup.',
  );
}
