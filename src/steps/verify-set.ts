import { verifySet as readBack } from '../backup/catalogue.ts';
import { placesOf } from '../backup/destination.ts';
import type { Step, StepContext } from '../engine/ports.ts';
import type { PublishOutputs, VerifyOutputs } from '../runbooks/backup.ts';
import { Fault } from '../runs/fault.ts';
import { keepProof, readProof } from './attempt-proof.ts';
import type { StepDeps } from './deps.ts';
import { refOf } from './deps.ts';
import { some } from './words.ts';

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
  const total = published === undefined ? null : published.bytes * deps.destinations.length;
  const problems: string[] = [];
  let bytesRead = 0;
  for (const destination of deps.destinations) {
    const before = bytesRead;
    const found = await readBack(destination, ref, {
      publicKeyPem: deps.signingKey(),
      signal: context.signal,
      onBytes: (bytes) => context.progress({ done: before + bytes, total, unit: 'bytes', note: destination.name }),
    });
    problems.push(...found.problems);
    bytesRead += found.bytesRead;
  }
  if (problems.length > 0) throw damaged(ref.set, problems);
  return { set: ref.set, verifiedAt: deps.clock().toISOString(), bytesRead, places: placesOf(deps.destinations, ref) };
}

function damaged(set: string, problems: readonly string[]): Fault {
  return new Fault(
    'set-damaged',
    `Set ${set} is published but not as it was written: ${some(problems)}.`,
    'Do not rely on this set. Look at the storage it lies on, then start a new backup; keep the damaged set until it is explained.',
  );
}
