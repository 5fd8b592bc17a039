import { z } from 'zod';
import { hasTouchedLive } from '../../runs/next.ts';
import { refuse } from '../../runs/refusal.ts';
import type { Refusal } from '../../runs/refusal.ts';
import type { Run } from '../../runs/run.ts';
import type { SlackDeps } from '../answering/deps.ts';
import type { ModalOrigin } from '../views/modals.ts';
import { originFrom } from '../views/modals.ts';

/** What a window about a run carries with it, and what it said when it was drawn. */
export interface ShownOrigin extends ModalOrigin {
  /** Whether the run had touched what is live: what its undo means hangs on it. Absent: drawn by an older version. */
  readonly live?: boolean | undefined;
}

export function originOfRun(run: Run, origin: ModalOrigin): ShownOrigin {
  return { ...origin, live: hasTouchedLive(run) };
}

const seen = z.object({ live: z.boolean().optional() });

/** Reads what a window brings back; what cannot be read is not there. */
export function shownOrigin(metadata: string): ShownOrigin {
  try {
    return { ...originFrom(metadata), ...seen.safeParse(JSON.parse(metadata)).data };
  } catch {
    return {};
  }
}

/** Why the window cannot be acted on: whoever sent it saw something else. Null: it is as it was shown. */
export async function notAsShown(
  deps: Pick<SlackDeps, 'operations'>,
  { run: runId = '', gateway, live }: ShownOrigin,
): Promise<Refusal | null> {
  // A run that is not there is refused by whoever is to do something with it.
  const run = (await deps.operations.run(runId))?.run;
  if (run === undefined) return null;
  if (run.plan.gateway !== gateway)
    return refuse(
      'window-changed',
      `This window names ${gateway ?? 'no gateway'}, and ${runId} is a run of ${run.plan.gateway}, so nothing was done`,
      'Open it again from the card of the run',
    );
  if (live !== false || !hasTouchedLive(run)) return null;
  return refuse(
    'window-stale',
    `${runId} has changed ${gateway} since this window was opened, so nothing was done: to undo it now is more than to stop it`,
    'Open it again: it says what comes back and what is lost',
  );
}

/** Some clients and some bugs lose what a window carries. */
export const UNREADABLE = refuse(
  'window-unreadable',
  'This window does not say any more what it is about, so nothing was done',
  'Close it and open it again',
);
