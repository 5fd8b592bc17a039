import { verifySet as readBack } from '../../backup/set/verify.ts';
import { placesOf } from '../../backup/storage/destination.ts';
import type { Destination } from '../../backup/storage/destination.ts';
import type { Opening } from '../../backup/encryption/encoding.ts';
import type { Step, StepContext } from '../../engine/ports.ts';
import type { PublishOutputs, VerifyOutputs } from '../../runbooks/backup.ts';
import { Fault } from '../../runs/fault.ts';
import { keepProof, readProof } from '../attempt-proof.ts';
import type { StepDeps } from '../deps.ts';
import { refOf } from '../deps.ts';
import { some } from '../words.ts';
import { verifyKeyring } from './admin/keyring-set.ts';

/** Reads every byte of the set back from every destination and compares it with the signed manifest. */
export function verifySet(deps: StepDeps): Step {
  return {
    check: readProof,
    apply: async (context) => {
      await keepProof(context, await readEverything(deps, context));
    },
  };
}

async function readEverything(deps: StepDeps, context: StepContext): Promise<VerifyOutputs> {
  const ref = refOf(context.run);
  const published = context.run.steps['publish-set']?.outputs as PublishOutputs | undefined;
  const destinations = publishedTo(deps.destinations, published);
  const total = published === undefined ? null : published.bytes * destinations.length;
  const opening = (await deps.encryption?.opening()) ?? null;
  const data = await readData(deps, context, { destinations, total, opening });
  const keyring = await verifyKeyring(deps, context);
  const problems = [...data.problems, ...(keyring?.problems ?? [])];
  if (problems.length > 0) throw damaged(ref.set, problems);
  return {
    set: ref.set,
    verifiedAt: deps.clock().toISOString(),
    bytesRead: data.bytesRead + (keyring?.bytesRead ?? 0),
    wholeChain: data.wholeChain,
    places: placesOf(keyring === null ? destinations : [...destinations, keyring.place], ref),
  };
}

interface Reading {
  readonly destinations: readonly Destination[];
  readonly total: number | null;
  readonly opening: Opening | null;
}

async function readData(
  deps: StepDeps,
  context: StepContext,
  { destinations, total, opening }: Reading,
): Promise<{ readonly problems: readonly string[]; readonly bytesRead: number; readonly wholeChain: boolean }> {
  const problems: string[] = [];
  let bytesRead = 0;
  let wholeChain = true;
  for (const destination of destinations) {
    const before = bytesRead;
    const found = await readBack(destination, refOf(context.run), {
      publicKeyPem: deps.signingKey(),
      opening,
      signal: context.signal,
      onBytes: (bytes) => context.progress({ done: before + bytes, total, unit: 'bytes', note: destination.name }),
    });
    problems.push(...found.problems);
    bytesRead += found.bytesRead;
    wholeChain &&= found.wholeChain;
  }
  return { problems, bytesRead, wholeChain };
}

/** A destination that the set did not reach has nothing to read back: that gap stands in the set. */
function publishedTo(
  destinations: readonly Destination[],
  published: PublishOutputs | undefined,
): readonly Destination[] {
  if (published === undefined) return destinations;
  const reached = new Set(published.places.map(({ destination }) => destination));
  return destinations.filter(({ name }) => reached.has(name));
}

function damaged(set: string, problems: readonly string[]): Fault {
  return new Fault(
    'set-damaged',
    `Set ${set} is published but not as it was written: ${some(problems)}.`,
    'Do not rely on this set. Look at the storage it lies on, then start a new backup; keep the damaged set until it is explained.',
  );
}
