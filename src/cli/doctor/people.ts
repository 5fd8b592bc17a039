import type { Config } from '../../config/schema.ts';
import { ok, warn, type Check, type Finding } from './check.ts';

const ABOUT = 'admins';

/** Whether somebody could break glass. An approver who is missing is a fault of the configuration, an admin is none. */
export function peopleChecks({ groups }: Config): readonly Check[] {
  return [{ about: ABOUT, look: async () => [adminFinding(groups)] }];
}

/** Pure. Members of Slack user groups count while Slack says who they are, and at a terminal without Slack for nothing. */
export function adminFinding(
  groups: readonly Pick<Config['groups'][number], 'name' | 'roles' | 'members' | 'slack_user_group'>[],
): Finding {
  const admin = groups.filter(({ roles }) => roles.includes('admin'));
  const named = new Set(admin.flatMap(({ members }) => members)).size;
  if (named > 0) return ok(ABOUT, named === 1 ? '1 person by name' : `${named} people by name`);
  const inSlack = admin.filter(({ slack_user_group }) => slack_user_group !== undefined).map(({ name }) => name);
  if (inSlack.length > 0) {
    return warn(
      ABOUT,
      `only by the Slack user group of ${inSlack.join(', ')}, so nobody can break glass while Slack is down`,
      'Name one of them under its members too, and their system_user under people.',
    );
  }
  return warn(
    ABOUT,
    'nobody holds the role admin, so nobody can break glass or release a held set',
    'Add a group with roles: [admin] and its members under groups; an admin approves nothing by that role.',
  );
}
