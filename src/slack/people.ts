import type { UsersInfoResponse, WebClient } from '@slack/web-api';
import type { Config } from '../config/schema.ts';
import type { PeopleDirectory } from '../engine/ports.ts';
import type { PersonId, Role, Standing, StandingProblem } from '../runs/person.ts';
import { failureOf, isPlatformError } from './outcome.ts';

/** How long what Slack said of a person or a group is believed. Fixed: rights must not live longer (behaviour 1.1). */
const BELIEVED_MS = 60_000;

type PeopleConfig = Pick<Config, 'groups'> & { readonly slack: Pick<Config['slack'], 'team'> };
type Group = PeopleConfig['groups'][number];

/** Roles from the configuration alone: for the CLI while Slack is down. Members of Slack user groups count for nothing. */
export function configuredPeople(config: PeopleConfig): PeopleDirectory {
  const team = config.slack.team;
  const standing = async (person: PersonId): Promise<Standing> => {
    const user = userOf(person, team);
    return user === null
      ? { person, roles: [], groups: [], problem: 'other-team' }
      : { person, ...rolesIn(config.groups.filter((group) => group.members.includes(user))) };
  };
  return {
    standing,
    eligible: async (names) => {
      const groups = config.groups.filter(({ name }) => names.includes(name));
      const users = new Set(groups.flatMap(({ members }) => members));
      return await Promise.all([...users].map((user) => standing(`${team}/${user}`)));
    },
  };
}

/**
 * Roles from the configuration's groups and the Slack user groups they name; flags from `users.info`. Both are believed
 * for 60 s. Fails closed: whoever Slack cannot vouch for is `unverifiable`, whoever a user group cannot be read for is
 * not in it.
 */
export function createPeople(config: PeopleConfig, client: WebClient, clock: () => Date): PeopleDirectory {
  const team = config.slack.team;
  const problemOf = believed(clock, (user: string) => lookUpProblem(client, user, team));
  const membersOf = believed(clock, (group: string) => lookUpMembers(client, group, team));

  const standing = async (person: PersonId): Promise<Standing> => {
    const user = userOf(person, team);
    if (user === null) return { person, roles: [], groups: [], problem: 'other-team' };
    const [problem, memberships] = await Promise.all([
      problemOf(user).catch((): StandingProblem => 'unverifiable'),
      Promise.all(config.groups.map(async (group) => await isMember(group, user, membersOf))),
    ]);
    const held = rolesIn(config.groups.filter((_, index) => memberships[index] === 'yes'));
    // Nothing of what they hold is sure, and something may be missing: better "try again" than "you may not".
    const unsure = held.roles.length === 0 && memberships.includes('unknown') ? 'unverifiable' : null;
    const wrong = problem ?? unsure;
    return { person, ...held, ...(wrong === null ? {} : { problem: wrong }) };
  };

  return {
    standing,
    eligible: async (names) => {
      const groups = config.groups.filter(({ name }) => names.includes(name));
      const members = await Promise.all(groups.map((group) => everybodyIn(group, membersOf)));
      const people = await Promise.all([...new Set(members.flat())].map((user) => standing(`${team}/${user}`)));
      return people.filter((one) => one.problem === undefined && one.groups.some((group) => names.includes(group)));
    },
  };
}

function userOf(person: PersonId, team: string): string | null {
  const [home, user, ...rest] = person.split('/');
  return home === team && user !== undefined && user !== '' && rest.length === 0 ? user : null;
}

function rolesIn(groups: readonly Group[]): { roles: readonly Role[]; groups: readonly string[] } {
  return { roles: [...new Set(groups.flatMap(({ roles }) => roles))], groups: groups.map(({ name }) => name) };
}

async function isMember(
  group: Group,
  user: string,
  membersOf: (group: string) => Promise<readonly string[]>,
): Promise<'yes' | 'no' | 'unknown'> {
  if (group.members.includes(user)) return 'yes';
  if (group.slack_user_group === undefined) return 'no';
  return await membersOf(group.slack_user_group).then(
    (members) => (members.includes(user) ? 'yes' : 'no'),
    () => 'unknown',
  );
}

async function everybodyIn(
  group: Group,
  membersOf: (group: string) => Promise<readonly string[]>,
): Promise<readonly string[]> {
  if (group.slack_user_group === undefined) return group.members;
  const members = await membersOf(group.slack_user_group).catch(() => []);
  return [...group.members, ...members];
}

async function lookUpProblem(client: WebClient, user: string, team: string): Promise<StandingProblem | null> {
  try {
    const { user: found } = await client.users.info({ user });
    return found === undefined ? 'unverifiable' : problemWith(found, team);
  } catch (error) {
    if (isPlatformError(error, 'user_not_found', 'user_not_visible')) return 'stranger';
    throw error;
  }
}

type SlackUser = NonNullable<UsersInfoResponse['user']>;

/** The first that holds wins; a stranger, for instance, is told so before their team is compared. */
function problemWith(user: SlackUser, team: string): StandingProblem | null {
  if (user.deleted === true) return 'deactivated';
  if (user.is_bot === true || user.id === 'USLACKBOT') return 'bot';
  if (user.is_stranger === true) return 'stranger';
  if (user.is_restricted === true || user.is_ultra_restricted === true) return 'guest';
  const homes = [user.team_id, user.enterprise_user?.enterprise_id].filter((home) => home !== undefined);
  return homes.length === 0 || homes.includes(team) ? null : 'other-team';
}

async function lookUpMembers(client: WebClient, group: string, team: string): Promise<readonly string[]> {
  // An organization-wide token must say which workspace; for others it is what it would be anyway.
  const scope = team.startsWith('T') ? { team_id: team } : {};
  const { users } = await client.usergroups.users.list({ usergroup: group, ...scope });
  return users ?? [];
}

/** Remembers answers for {@link BELIEVED_MS}, asks once for many at a time, and never remembers a failure. */
function believed<T>(clock: () => Date, ask: (key: string) => Promise<T>): (key: string) => Promise<T> {
  const known = new Map<string, { readonly until: number; readonly answer: Promise<T> }>();
  let limitedUntil = 0;
  return async (key) => {
    const now = clock().getTime();
    const before = known.get(key);
    if (before !== undefined && before.until > now) return await before.answer;
    if (limitedUntil > now) throw new Error('Slack asked to wait before the next question');
    const answer = ask(key);
    known.set(key, { until: now + BELIEVED_MS, answer });
    try {
      return await answer;
    } catch (error) {
      if (known.get(key)?.answer === answer) known.delete(key);
      const failure = failureOf(error);
      if (failure.kind === 'not-done' && failure.why === 'ratelimited') limitedUntil = now + failure.afterMs;
      throw error;
    }
  };
}
