import { createHash } from 'node:crypto';
import { readText, setBytes } from '../../backup/set/catalogue.ts';
import { MANIFEST, placesOf, SIGNATURE } from '../../backup/storage/destination.ts';
import type { Destination } from '../../backup/storage/destination.ts';
import { missingDestinations } from '../../backup/set/gaps.ts';
import { parseManifest } from '../../backup/set/manifest.ts';
import type { Manifest } from '../../backup/set/manifest.ts';
import { isSignedBy } from '../../backup/set/signature.ts';
import { lostTo } from '../../backup/storage/store-everywhere.ts';
import type { Lost } from '../../backup/storage/store-everywhere.ts';
import type { Step, StepContext } from '../../engine/ports.ts';
import type { PublishOutputs } from '../../runbooks/backup.ts';
import { Fault } from '../../runs/fault.ts';
import { isRefusal } from '../../runs/refusal.ts';
import { keepProof, readProof } from '../attempt-proof.ts';
import type { StepDeps } from '../deps.ts';
import { refOf } from '../deps.ts';
import { keyringPublished, publishKeyring } from './admin/keyring-set.ts';
import { writeDocuments } from './set-documents.ts';
import type { Documents } from './set-documents.ts';
import { stagedSet } from './staged.ts';

/**
 * Writes the gap report, the manifest and its signature, and makes the set visible in every destination that has all of
 * it. One is enough; those that it does not reach are a gap of the set for good (behaviour 5.7).
 */
export function publishSet(deps: StepDeps): Step {
  return {
    check: (context) => publishedOutputs(deps, context),
    apply: async (context) => {
      // First the keys: data without them would be a backup that nobody can open, keys without data are only keys.
      await publishKeyring(deps, context);
      await publishEverywhere(deps, context);
    },
  };
}

async function publishEverywhere(deps: StepDeps, context: StepContext): Promise<void> {
  const { run, signal } = context;
  const ref = refOf(run);
  const before = await lookAround(deps.destinations, context);
  const [first] = before.published;
  const staged = await stagedSet(deps.destinations, ref);
  // A predecessor died between two destinations: the others get the very same documents.
  const documents = first === undefined ? await writeDocuments(deps, run, staged) : await readDocuments(first, context);
  const meant = reachedBy(documents);
  const lost: Lost[] = [];
  const published = [...before.published];
  let fault: Fault | null = null;
  for (const destination of deps.destinations.filter((one) => meant(one) && !published.includes(one))) {
    signal.throwIfAborted();
    try {
      await destination.publish(ref, documents.manifest, documents.signature);
      published.push(destination);
    } catch (error) {
      if (!(error instanceof Fault)) throw error;
      fault ??= error;
      lost.push(lostTo(destination, error));
    }
  }
  if (fault !== null && published.length === 0) throw nothingPublished(fault);
  // Where publishing failed the parts stay: an unanswered request may still arrive, and must find them.
  for (const destination of deps.destinations.filter((one) => !meant(one))) await tidy(destination, context);
  await keepProof(context, { lost: lost.map((one) => ({ ...one })) });
}

function nothingPublished(fault: Fault): Fault {
  const { code, message, hint, retryable } = fault;
  return new Fault(code, `${message} Nothing was published.`, hint, { cause: fault, retryable });
}

/** What a destination has of a set that it will not show is of no use. One that does not even take this keeps it. */
async function tidy(destination: Destination, { run }: StepContext): Promise<void> {
  await destination.discard(refOf(run)).catch((error: unknown) => {
    if (!(error instanceof Fault)) throw error;
  });
}

interface Around {
  readonly published: readonly Destination[];
  /** Those that cannot be asked now. */
  readonly silent: readonly Lost[];
}

/** Who has published the set. Fault when no destination can be asked. */
async function lookAround(destinations: readonly Destination[], { run }: StepContext): Promise<Around> {
  const published: Destination[] = [];
  const silent: Lost[] = [];
  let fault: Fault | null = null;
  for (const destination of destinations) {
    try {
      if (await destination.isPublished(refOf(run))) published.push(destination);
    } catch (error) {
      if (!(error instanceof Fault)) throw error;
      fault ??= error;
      silent.push(lostTo(destination, error));
    }
  }
  if (fault !== null && silent.length === destinations.length) throw fault;
  return { published, silent };
}

async function readDocuments(destination: Destination, { run }: StepContext): Promise<Documents> {
  const ref = refOf(run);
  return {
    manifest: await readText(destination, ref, MANIFEST),
    signature: await readText(destination, ref, SIGNATURE),
  };
}

/** Whether the manifest says that the set was sent there; one of an older version says nothing and means all. */
function reachedBy({ manifest }: Documents): (destination: Destination) => boolean {
  const parsed = parseManifest(manifest);
  const reached = isRefusal(parsed) ? undefined : parsed.destinations?.reached;
  return ({ name }) => reached === undefined || reached.includes(name);
}

/** Reads back who has it; null as long as one lacks it that neither failed in this attempt nor fails to answer. */
async function publishedOutputs(deps: StepDeps, context: StepContext): Promise<PublishOutputs | null> {
  const { published, silent } = await lookAround(deps.destinations, context);
  const [first] = published;
  if (first === undefined) return null;
  const { document, manifest } = await sameEverywhere(deps, published, context);
  const failed = [...(await failedHere(context)), ...silent];
  const late = failed.filter(({ destination }) => manifest.destinations?.reached.includes(destination) !== false);
  const open = deps.destinations.filter(
    (destination) =>
      reachedBy(document)(destination) &&
      !published.includes(destination) &&
      !failed.some((lost) => lost.destination === destination.name),
  );
  if (open.length > 0 || !(await keyringPublished(deps, context.run))) return null;
  return {
    set: refOf(context.run).set,
    bytes: setBytes(manifest),
    manifestSha256: createHash('sha256').update(document.manifest, 'utf8').digest('hex'),
    gaps: [...manifest.gaps, ...missingDestinations(late)],
    places: placesOf(published, refOf(context.run)),
  };
}

/** Destinations at which this very attempt failed; none before it tried. */
async function failedHere(context: StepContext): Promise<readonly Lost[]> {
  const lost = (await readProof(context))?.['lost'];
  return Array.isArray(lost) ? (lost as readonly unknown[] as readonly Lost[]) : [];
}

async function sameEverywhere(
  deps: StepDeps,
  published: readonly Destination[],
  context: StepContext,
): Promise<{ readonly document: Documents; readonly manifest: Manifest }> {
  const copies = await Promise.all(published.map((destination) => readDocuments(destination, context)));
  const [document] = copies;
  const manifest = document === undefined ? null : parseManifest(document.manifest);
  const key = deps.signingKey();
  const good = copies.every(
    (copy) => copy.manifest === document?.manifest && isSignedBy(copy.manifest, copy.signature, key),
  );
  if (document !== undefined && manifest !== null && !isRefusal(manifest) && good) return { document, manifest };
  throw new Fault(
    'published-differs',
    `Set ${refOf(context.run).set} was published, but its manifest does not read back as it was signed.`,
    'Do not use this set. Look at the destinations, then start a new backup.',
  );
}
