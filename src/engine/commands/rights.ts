import type { Caller, Role } from '../../runs/person.ts';
import type { Refusal } from '../../runs/refusal.ts';
import type { OperationsDeps } from './operations-deps.ts';
import { holds } from '../../runs/person.ts';
import { notAllowed, notInGoodStanding } from '../../runs/words/wording.ts';
import { recordRefusal } from './start-run.ts';

/** What somebody wants to do (`unlock a gateway`), and the roles of which any will do; the first is named in a refusal. */
export interface Right {
  readonly act: string;
  readonly roles: readonly [Role, ...Role[]];
}

/** Null when the person may; else why not, recorded. Asked before anything of a run, a set or a gateway is told. */
export async function mayNot(deps: OperationsDeps, { act, roles }: Right, by: Caller): Promise<Refusal | null> {
  const standing = await deps.people.standing(by.person);
  if (roles.some((role) => holds(standing, role))) return null;
  const refusal = standing.problem === undefined ? notAllowed(act, roles[0]) : notInGoodStanding(standing.problem);
  await recordRefusal(deps, refusal, act, by);
  return refusal;
}
