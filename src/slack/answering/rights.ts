import type { Caller } from '../../runs/person.ts';
import { holds } from '../../runs/person.ts';
import type { Refusal } from '../../runs/refusal.ts';
import { notAllowed, notInGoodStanding } from '../../runs/words/wording.ts';
import type { SlackDeps } from './deps.ts';

/**
 * May this person see `act`? Null, or a refusal that is recorded already. The operations check the rights of all else;
 * this is for what is answered without them: help, one run, the windows.
 */
export async function mayNotSee(
  deps: Pick<SlackDeps, 'people' | 'operations'>,
  by: Caller,
  act: string,
): Promise<Refusal | null> {
  const standing = await deps.people.standing(by.person);
  if (standing.problem === undefined && holds(standing, 'viewer')) return null;
  const refusal = standing.problem === undefined ? notAllowed(act, 'viewer') : notInGoodStanding(standing.problem);
  await deps.operations.recordRefusal(refusal, act, by);
  return refusal;
}

/** Refusals that touch no run leave no row of their own; who tried what is recorded here. */
const UNRECORDED = new Set([
  'unknown-gateway',
  'unknown-run',
  'unknown-gate',
  'unknown-button',
  'busy',
  'not-ended',
  'alarm-changed',
]);

/** Records a refusal that the operations did not. */
export async function recordIfNew(
  deps: Pick<SlackDeps, 'operations'>,
  refusal: Refusal,
  command: string,
  by: Caller,
): Promise<void> {
  if (UNRECORDED.has(refusal.code)) await deps.operations.recordRefusal(refusal, command, by);
}
