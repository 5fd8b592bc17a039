import type { EventBody } from '../event.ts';
import type { Caller, Standing } from '../person.ts';
import type { Refusal } from '../refusal.ts';
import type { Run } from '../run.ts';
import { hasTouchedLive } from '../next.ts';
import { holds } from '../person.ts';
import { refuse } from '../refusal.ts';
import { notAllowed } from '../words/wording.ts';

interface By {
  readonly by: Caller;
  readonly standing: Standing;
}

/** What people ask of a run that has touched a gateway, or has ended. */
export type AfterCommand =
  /** Any operator, any state, no quorum; nothing stops it (behaviour 3.4). */
  | ({ readonly type: 'rollback'; readonly reason?: string } & By)
  /** Ends a hold: the way back closes. `drop` also removes what was kept for it; the gateway's name was typed. */
  | ({ readonly type: 'close'; readonly drop: boolean } & By)
  /** Records the cause of a rollback: the gateway may be changed again. */
  | ({ readonly type: 'unlock'; readonly cause: string } & By)
  /** Somebody else looked at an emergency afterwards. */
  | ({ readonly type: 'review'; readonly finding: string } & By);
type Of<T extends AfterCommand['type']> = Extract<AfterCommand, { type: T }>;

/** Events, or why not. `right` marks a try at something that this person may not do: it is recorded. */
export type AfterDecision =
  | { readonly events: readonly EventBody[] }
  | { readonly refusal: Refusal; readonly right?: true };

/** May this person do this now? Pure, like `decide`, which it serves. */
export function decideAfter(run: Run, command: AfterCommand): AfterDecision {
  const role = command.type === 'review' ? 'approver' : 'operator';
  if (!holds(command.standing, role) && !holds(command.standing, 'operator')) {
    return { refusal: notAllowed(WHAT[command.type], role), right: true };
  }
  switch (command.type) {
    case 'rollback':
      return rollback(run, command);
    case 'close':
      return close(run, command);
    case 'unlock':
      return unlock(run, command);
    case 'review':
      return review(run, command);
  }
}

const WHAT: Readonly<Record<AfterCommand['type'], string>> = {
  rollback: 'roll back a run',
  close: 'close a run',
  unlock: 'unlock a gateway',
  review: 'review an emergency',
};

function rollback(run: Run, { by, reason }: Of<'rollback'>): AfterDecision {
  if (run.outcome !== undefined) return { refusal: ended(run, noWayBack(run)) };
  const why = reason === undefined ? {} : { reason: reason.slice(0, 2000) };
  if (run.rollback !== undefined) {
    const message = `${run.id} is already being rolled back, asked by ${run.rollback.person}`;
    return { refusal: refuse('already-rolling-back', message, 'Its card says when it has ended') };
  }
  // Nothing was changed yet, so stopping is all the way back there is.
  if (!hasTouchedLive(run)) {
    if (run.cancel !== undefined) {
      const message = `${run.id} is already being cancelled, asked by ${run.cancel.person}`;
      return { refusal: refuse('already-cancelling', message, 'Its card says when it has ended') };
    }
    return { events: [{ type: 'run.cancel-requested', data: { person: by.person, ...why } }] };
  }
  return { events: [{ type: 'rollback.requested', data: { person: by.person, ...why } }] };
}

function close(run: Run, { by, drop }: Of<'close'>): AfterDecision {
  if (run.outcome !== undefined) return { refusal: ended(run, 'Nothing is left to close') };
  if (run.hold === undefined) {
    const message = `${run.id} is not held, so there is nothing to close`;
    return { refusal: refuse('not-held', message, 'Wait until it holds, or cancel it') };
  }
  return { events: [{ type: 'close.requested', data: { person: by.person, drop } }] };
}

function unlock(run: Run, { by, cause }: Of<'unlock'>): AfterDecision {
  if (run.outcome !== 'rolled-back' || run.unlocked !== undefined) {
    return { refusal: refuse('not-locked', `${run.plan.gateway} is not locked by ${run.id}`, 'Nothing to do') };
  }
  const words = tooShortOrLong(cause, 'The cause of a rollback');
  if (words !== null) return { refusal: words };
  return { events: [{ type: 'gateway.unlocked', data: { person: by.person, cause } }] };
}

function review(run: Run, { by, finding }: Of<'review'>): AfterDecision {
  if (run.emergency === undefined || run.reviewed !== undefined) {
    return { refusal: refuse('no-review', `${run.id} has no review to be done`, 'Nothing to do') };
  }
  if (by.person === run.requestedBy) {
    const message = `You broke the glass for ${run.id}, so somebody else has to review it`;
    return { refusal: refuse('own-emergency', message, 'Ask a colleague'), right: true };
  }
  const words = tooShortOrLong(finding, 'A finding');
  if (words !== null) return { refusal: words };
  return { events: [{ type: 'emergency.reviewed', data: { person: by.person, finding } }] };
}

function tooShortOrLong(text: string, what: string): Refusal | null {
  const length = text.trim().length;
  if (length >= 10 && length <= 2000) return null;
  return refuse(
    'reason-needed',
    `${what} has 10 to 2,000 characters, this one has ${length}`,
    'Say what happened and why',
  );
}

/** What to do instead of taking back a run that has ended. */
export function noWayBack({ kind }: Run): string {
  return kind === 'restore'
    ? 'There is no way back from here: restore another set'
    : `A ${kind} changes nothing on the gateway, so there is nothing to take back`;
}

function ended(run: Run, hint: string): Refusal {
  return refuse('already-ended', `${run.id} has already ended: ${run.outcome}`, hint);
}
