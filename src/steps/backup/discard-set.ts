import type { Destination } from '../../backup/storage/destination.ts';
import type { SetRef } from '../../backup/set/set-id.ts';
import type { Step, StepContext } from '../../engine/ports.ts';
import { Fault } from '../../runs/fault.ts';
import { keepProof, readProof } from '../attempt-proof.ts';
import type { StepDeps } from '../deps.ts';
import { refOf } from '../deps.ts';
import { endRunSessions } from '../end-sessions.ts';

/** Removes what was staged and never published, and ends what the run left running on the database. */
export function discardSet(deps: StepDeps): Step {
  return {
    check: async (context) => {
      const proof = await readProof(context);
      const ref = refOf(context.run);
      if (proof === null) return null;
      const unreachable = proof['notReached'];
      const asked = placesOfRun(deps).filter(({ name }) => !(Array.isArray(unreachable) && unreachable.includes(name)));
      const staged = await Promise.all(asked.map((destination) => destination.hasStaged(ref)));
      return staged.includes(true) ? null : proof;
    },
    apply: async (context) => {
      const ref = refOf(context.run);
      const sessionsEnded = await endSessions(deps, context);
      const places = placesOfRun(deps);
      const ends = await Promise.all(places.map((destination) => discardIn(destination, ref)));
      const fault = ends.find((end) => end instanceof Fault);
      // One that does not answer keeps its leftovers, which no list shows; it must not keep the others from their end.
      if (fault !== undefined && ends.every((end) => end instanceof Fault)) throw fault;
      const named = (wanted: (end: End) => boolean): string[] =>
        places.filter((_, index) => wanted(ends[index] ?? 'removed')).map(({ name }) => name);
      const notReached = named((end) => end instanceof Fault);
      const keptIn = named((end) => end === 'kept');
      await keepProof(context, {
        set: ref.set,
        sessionsEnded,
        keptIn,
        ...(notReached.length === 0 ? {} : { notReached }),
      });
    },
  };
}

/** The keyring's own destination holds a part of the run too. */
function placesOfRun({ destinations, keyringDestination: keyring }: StepDeps): readonly Destination[] {
  return keyring === undefined ? destinations : [...destinations, keyring];
}

type End = 'removed' | 'kept' | Fault;

/** A run can fail after its set was published: that set is whole and signed, and stays. */
async function discardIn(destination: Destination, ref: SetRef): Promise<End> {
  try {
    await destination.discard(ref);
    return (await destination.isPublished(ref)) ? 'kept' : 'removed';
  } catch (error) {
    if (error instanceof Fault) return error;
    throw error;
  }
}

/** A database that cannot be reached is no reason to leave files behind: its sessions end with their clients. */
async function endSessions(deps: StepDeps, context: StepContext): Promise<number | null> {
  try {
    return await endRunSessions(deps, context);
  } catch (error) {
    if (error instanceof Fault) return null;
    throw error;
  }
}
