import type { Refusal } from '../refusal.ts';
import type { Role, StandingProblem } from '../person.ts';
import type { Gate, Run } from '../run.ts';
import { refuse } from '../refusal.ts';

const PROBLEMS: Readonly<Record<StandingProblem, string>> = {
  guest: 'Guests of the workspace may not use this bot',
  stranger: 'People from outside this workspace may not use this bot',
  deactivated: 'This account is deactivated',
  bot: 'Bots may not use this bot',
  'other-team': 'People of another workspace may not use this bot',
  unverifiable: 'Slack could not say who you are just now, so nothing was done',
};

/** Why somebody counts for nothing, whatever their roles. */
export function notInGoodStanding(problem: StandingProblem): Refusal {
  const hint =
    problem === 'unverifiable'
      ? 'Try again in a minute; on the host the CLI works without Slack'
      : 'Ask a member of the platform team to do it';
  return refuse(`not-a-member:${problem}`, PROBLEMS[problem], hint);
}

/** `act` as in "request a backup". */
export function notAllowed(act: string, role: Role): Refusal {
  return refuse(
    'not-allowed',
    `You may not ${act}: that needs the role ${role}`,
    `Ask an ${role === 'viewer' ? 'admin' : role}, or have yourself added to a group with the role ${role}`,
  );
}

export function cannotVote(groups: readonly string[]): Refusal {
  return refuse(
    'not-approver',
    `You may not decide this gate: only approvers in the group ${groups.join(' or ')} may`,
    'The card names who can still vote',
  );
}

/** A click on a gate that takes no votes any more: who decided what, and when (behaviour 2.9). */
export function closedGate(run: Run, gate: Gate): Refusal {
  const when = gate.decidedAt === undefined ? '' : ` at ${gate.decidedAt}`;
  const who = gate.decidedBy?.join(' and ') ?? 'nobody';
  const seeCard = `See the card of ${run.id} for where it stands`;
  switch (gate.status) {
    case 'go':
    case 'no-go':
      return refuse('gate-decided', `This was already decided: ${gate.status} by ${who}${when}`, seeCard);
    case 'expired':
      return refuse(
        'gate-expired',
        `This gate expired at ${gate.expiresAt} without a decision`,
        'Request a new run; nothing was changed',
      );
    case 'superseded':
      return refuse(
        'gate-superseded',
        `What was approved here has changed${when}, so a new gate without votes took its place`,
        'Vote on the newest card',
      );
    default:
      return refuse('gate-closed', `${run.id} no longer waits for a decision`, seeCard);
  }
}
