import { missingSeats, seat } from '../../runs/rules/approval.ts';
import type { Names, PolicyNames } from '../names.ts';

/**
 * Seats of a policy that nobody can ever fill, by group; empty is good. People fill one seat each and must be approvers
 * (behaviour 2.1), as when they vote. What a Slack user group may bring is known at run time only and counts as enough.
 */
export function unfillableSeats(
  policy: PolicyNames,
  groups: Names['groups'],
): readonly { group: string; missing: number }[] {
  const open = new Set(groups.filter(({ slack_user_group }) => slack_user_group !== '').map(({ name }) => name));
  const requirements = policy.groups.filter(({ group }) => !open.has(group));
  return missingSeats(seat(requirements, voters(groups)));
}

/** Members who hold the role, or who may hold it by a Slack user group. */
function voters(groups: Names['groups']): { person: string; groups: string[] }[] {
  const approving = groups.filter(({ roles }) => roles.includes('approver'));
  const anybody = approving.some(({ slack_user_group }) => slack_user_group !== '');
  const approvers = new Set(approving.flatMap(({ members }) => members));
  const people = [...new Set(groups.flatMap(({ members }) => members))];
  return people
    .filter((person) => anybody || approvers.has(person))
    .map((person) => ({
      person,
      groups: groups.filter(({ members }) => members.includes(person)).map(({ name }) => name),
    }));
}
