import { z } from 'zod';
import { hasTouchedLive, stateOf } from '../../runs/next.ts';
import { runOfGate } from '../../runs/rules/gate.ts';
import { refuse } from '../../runs/refusal.ts';
import type { Refusal } from '../../runs/refusal.ts';
import type { Gate, Run } from '../../runs/run.ts';
import type { SlackDeps } from '../answering/deps.ts';
import type { ModalOrigin } from '../views/modals.ts';
import { cut } from '../views/kit/text.ts';
import { originFrom } from '../views/modals.ts';

/** What a window carries with it, and what it said when it was drawn. Absent: it says nothing of that. */
export interface ShownOrigin extends ModalOrigin {
  /** Whether the run had touched what is live: what its undo means hangs on it. */
  readonly live?: boolean | undefined;
  /** Where the run stood: whoever judges it judges that. */
  readonly state?: string | undefined;
  /** Of the gate: everything that a vote on it stands for. */
  readonly digest?: string | undefined;
}

export function originOfRun(run: Run, origin: ModalOrigin): ShownOrigin {
  return { ...origin, live: hasTouchedLive(run), state: stateOf(run) };
}

export function originOfGate({ digest }: Gate, origin: ModalOrigin): ShownOrigin {
  return { ...origin, digest };
}

const seen = z.object({
  live: z.boolean().optional(),
  state: z.string().optional(),
  digest: z.string().optional(),
});

/** Reads what a window brings back; what cannot be read is not there. */
export function shownOrigin(metadata: string): ShownOrigin {
  try {
    return { ...originFrom(metadata), ...seen.safeParse(JSON.parse(metadata)).data };
  } catch {
    return {};
  }
}

/** What has become of the run since a window showed it, where that matters to what the window asks; null: it does not. */
export type Changed = (run: Run, origin: ShownOrigin) => Refusal | null;

/** Why the window cannot be acted on: whoever sent it saw something else. Null: it is as it was shown. */
export async function notAsShown(
  deps: Pick<SlackDeps, 'operations'>,
  origin: ShownOrigin,
  changed: Changed,
): Promise<Refusal | null> {
  const { run: runId = '', gateway } = origin;
  // A run that is not there is refused by whoever is to do something with it.
  const run = (await deps.operations.run(runId))?.run;
  if (run === undefined) return null;
  if (run.plan.gateway !== gateway)
    return refuse(
      'window-changed',
      `This window names ${gateway ?? 'no gateway'}, and ${runId} is a run of ${run.plan.gateway}, so nothing was done`,
      'Open it again from the card of the run',
    );
  return changed(run, origin);
}

/** Of an undo and of its end: what it means changes with the first step that touches what is live. */
export const wentLive: Changed = (run, { live }) =>
  live !== false || !hasTouchedLive(run)
    ? null
    : refuse(
        'window-stale',
        `${run.id} has changed ${run.plan.gateway} since this window was opened, so nothing was done: to undo it now is more than to stop it`,
        'Open it again: it says what comes back and what is lost',
      );

/** Of a lock: a cause is the cause of one rollback, and the next lock of the gateway has another. */
export const lockLifted: Changed = ({ id, plan, unlocked }) =>
  unlocked === undefined
    ? null
    : refuse(
        'window-stale',
        `${unlocked.person} recorded the cause of ${id} at ${unlocked.at}, after this window was opened, so nothing was done: “${cut(unlocked.cause, 200)}”`,
        `If ${plan.gateway} is locked again, another run did it: open the window from the card of that one`,
      );

/** Of a review: a finding is about an emergency as it stood when somebody looked at it. */
export const judgedAnew: Changed = (run, { state }) => {
  const { id, reviewed } = run;
  if (reviewed !== undefined)
    return refuse(
      'window-stale',
      `${reviewed.person} reviewed ${id} at ${reviewed.at}, after this window was opened, so nothing was recorded: “${cut(reviewed.finding, 200)}”`,
      'Nothing to do',
    );
  // A window of an older version.
  if (state === undefined) return UNREADABLE;
  const now = stateOf(run);
  if (state === now) return null;
  return refuse(
    'window-stale',
    `${id} has changed since this window was opened, from ${inWords(state)} to ${inWords(now)}, so nothing was recorded`,
    'Look at its card again, then open the window again from there',
  );
};

function inWords(state: string): string {
  return state.replaceAll('-', ' ');
}

/** The same for a window about a gate. Of a gate that is closed, the vote itself is answered with who decided what. */
export async function gateNotAsShown(
  deps: Pick<SlackDeps, 'operations'>,
  { gate: id = '', digest }: ShownOrigin,
): Promise<Refusal | null> {
  if (id === '' || digest === undefined) return UNREADABLE;
  const gates = (await deps.operations.run(runOfGate(id) ?? ''))?.run.gates ?? [];
  const gate = gates.find((one) => one.gate === id);
  if (gate === undefined || gate.digest === digest) return null;
  return refuse(
    'window-changed',
    `What ${id} asks is not what this window was opened on, so nothing was done`,
    'Open it again from the card of the run',
  );
}

/** Some clients and some bugs lose what a window carries. */
export const UNREADABLE = refuse(
  'window-unreadable',
  'This window does not say any more what it is about, so nothing was done',
  'Close it and open it again',
);
