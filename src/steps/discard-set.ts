import type { Step, StepContext } from '../engine/ports.ts';
import { Fault } from '../runs/fault.ts';
import { keepProof, readProof } from './attempt-proof.ts';
import type { StepDeps } from './deps.ts';
import { refOf } from './deps.ts';
import { endRunSessions } from './end-sessions.ts';

/** Removes what was staged and never published, and ends what the run left running on the database. */
export function discardSet(deps: StepDeps): Step {
  return {
    check: async (context) => {
      const proof = await readProof(context);
      const ref = refOf(context.run);
      const staged = await Promise.all(deps.destinations.map((destination) => destination.hasStaged(ref)));
      return staged.includes(true) ? null : proof;
    },
    apply: async (context) => {
      const ref = refOf(context.run);
      const sessionsEnded = await endSessions(deps, context);
      for (const destination of deps.destinations) await destination.discard(ref);
      const published = await Promise.all(deps.destinations.map((destination) => destination.isPublished(ref)));
      // A run can fail after its set was published: that set is whole and signed, and stays.
      const keptIn = deps.destinations.filter((_, index) => published[index]).map((destination) => destination.name);
      await keepProof(context, { set: ref.set, sessionsEnded, keptIn });
    },
  };
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
