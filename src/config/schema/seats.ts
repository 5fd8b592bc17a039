import type { Role, Standing } from '../../runs/person.ts';
import { holds } from '../../runs/person.ts';
import type { Requirement } from '../../runs/plan.ts';
import type { Lacking } from '../../runs/rules/approval.ts';
import { seatsOutOfReach } from '../../runs/rules/approval.ts';

interface Policy {
  readonly groups: readonly Requirement[];
}

/** A group as the file has it. */
interface Group {
  readonly name: string;
  readonly roles: readonly string[];
  readonly members: readonly string[];
  /** Empty or left out: it has none. */
  readonly slack_user_group?: string | undefined;
}

/**
 * Seats of a policy that nobody can ever fill, by group; empty is good. People fill one seat each and must be approvers
 * (behaviour 2.1), as when they vote. What a Slack user group may bring is known at run time only and counts as enough.
 */
export function unfillableSeats(policy: Policy, groups: readonly Group[], requester: string | null = null): Lacking {
  const open = new Set(groups.filter(isInSlack).map(({ name }) => name));
  const requirements = policy.groups.filter(({ group }) => !open.has(group));
  return seatsOutOfReach(requirements, standings(groups), requester);
}

/**
 * Seats that stay empty whichever operator asks, of whoever leaves the fewest: every request would be refused as it is
 * made (behaviour 2.3). Empty also where only Slack knows who may ask, or nobody may: schedules ask nobody.
 */
export function unfillableByAnyRequest(policy: Policy, groups: readonly Group[]): Lacking {
  const asking = groups.filter(({ roles }) => roles.includes('operator') || roles.includes('admin'));
  if (asking.some(isInSlack)) return [];
  const lacking = standings(groups)
    .filter((standing) => holds(standing, 'operator'))
    .map(({ person }) => unfillableSeats(policy, groups, person));
  return lacking.toSorted((one, two) => countOf(one) - countOf(two))[0] ?? [];
}

/** Whether anybody is, or may be by a Slack user group, an admin: who restores in an emergency without a go. */
export function mayBreakGlass(groups: readonly Group[]): boolean {
  return groups.some((group) => group.roles.includes('admin') && (group.members.length > 0 || isInSlack(group)));
}

const ROLES: readonly Role[] = ['viewer', 'operator', 'approver', 'admin'];

/** Everybody who is named, with the roles they hold, or may hold by a Slack user group. */
function standings(groups: readonly Group[]): readonly Standing[] {
  const anybody = groups.some((group) => group.roles.includes('approver') && isInSlack(group));
  const people = [...new Set(groups.flatMap(({ members }) => members))];
  return people.map((person) => {
    const own = groups.filter(({ members }) => members.includes(person));
    const held = new Set([...own.flatMap(({ roles }) => roles), ...(anybody ? ['approver'] : [])]);
    return { person, roles: ROLES.filter((role) => held.has(role)), groups: own.map(({ name }) => name) };
  });
}

function isInSlack({ slack_user_group }: Group): boolean {
  return slack_user_group !== undefined && slack_user_group !== '';
}

function countOf(lacking: Lacking): number {
  return lacking.reduce((sum, { missing }) => sum + missing, 0);
}
