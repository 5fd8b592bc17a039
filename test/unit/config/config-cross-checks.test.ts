import { describe, expect, it } from 'vitest';
import { crossChecks } from '../../../src/config/schema/cross-checks.ts';
import { formatPath } from '../../../src/config/fault.ts';
import { namesSchema } from '../../../src/config/names.ts';
import { unfillableSeats } from '../../../src/config/schema/seats.ts';

const BASE = {
  slack: { mode: 'socket', port: 3000 },
  operations: { port: 8080 },
  people: [{ id: 'U01ALICE', system_user: 'alice' }, { id: 'U02BOB' }],
  groups: [{ name: 'approvers', roles: ['approver'], members: ['U01ALICE', 'U02BOB'] }],
  destinations: [{ name: 'vault' }],
  gateways: [{ name: 'production', destinations: ['vault'] }],
};

/** The faults of the base file with some parts replaced, as `path: found | allowed`. */
function faults(change: object): string[] {
  return crossChecks(namesSchema.parse({ ...BASE, ...change })).map(
    ({ keys, found, allowed }) => `${formatPath(keys)}: ${found} | ${allowed}`,
  );
}

function policy(...groups: object[]): object {
  return { gateways: [{ name: 'production', destinations: ['vault'], approvals: { backup: { groups } } }] };
}

describe('cross checks', () => {
  it('find nothing wrong in a file that fits together', () => {
    expect(faults({})).toEqual([]);
  });

  it('survive whatever YAML can hold', () => {
    for (const junk of [null, 1, 'x', [], {}, { people: 1, groups: [1], gateways: [{ approvals: 3 }] }]) {
      expect(crossChecks(namesSchema.parse(junk))).toEqual([]);
    }
  });

  it('name the first use of a name that is used twice', () => {
    expect(faults({ destinations: [{ name: 'vault' }, { name: 'vault' }] })).toEqual([
      'destinations[1].name: "vault", already used by destinations[0] | a name of its own',
    ]);
  });

  it('refuse one system user for two people', () => {
    const people = [
      { id: 'U01ALICE', system_user: 'ops' },
      { id: 'U02BOB', system_user: 'ops' },
    ];
    expect(faults({ people })).toEqual([
      'people[1].system_user: "ops", already used by people[0] | a system_user of its own',
    ]);
  });

  it('offer the nearest destination and group for one that does not exist', () => {
    const gateways = [
      { name: 'a', destinations: ['valt'], approvals: { backup: { groups: [{ group: 'approver' }] } } },
    ];
    expect(faults({ gateways })).toEqual([
      'gateways[0].destinations[0]: "valt", which does not exist (did you mean vault?) | the name of a destination: vault',
      'gateways[0].approvals.backup.groups[0].group: "approver", which does not exist (did you mean approvers?) | the name of a group: approvers',
    ]);
  });

  it('find a member that nobody is', () => {
    expect(faults({ groups: [{ name: 'approvers', members: ['U01ALCIE'] }] })).toEqual([
      'groups[0].members[0]: "U01ALCIE", which does not exist (did you mean U01ALICE?) | the id of somebody listed under people: U01ALICE or U02BOB',
    ]);
  });

  it('refuse a policy that its members can never meet', () => {
    expect(faults(policy({ group: 'approvers', minimum: 3 }))).toEqual([
      'gateways[0].approvals.backup.groups: a policy that can never be met: it lacks 1 more of approvers (members with the role approver) | add members, give their group the role approver, lower a minimum, or name a slack_user_group',
    ]);
  });

  it('refuse a policy that no operator could ask under, because whoever asks does not vote', () => {
    const groups = [{ name: 'platform', roles: ['operator', 'approver'], members: ['U01ALICE', 'U02BOB'] }];
    const two = policy({ group: 'platform', minimum: 2 });
    expect(faults({ groups, ...two })).toEqual([
      'gateways[0].approvals.backup.groups: a policy that cannot be met whichever operator asks: whoever asks does not vote, and then it lacks 1 more of platform | add an operator who is not needed as an approver, add an approver, lower a minimum, or name a slack_user_group',
    ]);
    expect(faults({ groups, ...policy({ group: 'platform', minimum: 1 }) })).toEqual([]);
    // An admin may ask as well, and need not be in the group.
    const people = [...BASE.people, { id: 'U03CAROL' }];
    const admins = { name: 'admins', roles: ['admin'], members: ['U03CAROL'] };
    expect(faults({ people, groups: [...groups, admins], ...two })).toEqual([]);
  });

  it('let a bot start where one person is everything: schedules ask nobody, and an admin may break glass', () => {
    const groups = [{ name: 'all', roles: ['operator', 'approver', 'admin'], members: ['U01ALICE'] }];
    const asks = { groups: [{ group: 'all', minimum: 1 }] };
    const lacking = (gateway: object): string[] =>
      faults({ groups, gateways: [{ name: 'production', destinations: ['vault'], ...gateway }] });
    expect(lacking({ approvals: { restore: asks } })).toEqual([]);
    const schedules = { backup: { cron: '0 2 * * *' } };
    expect(lacking({ approvals: { backup: asks }, schedules })).toEqual([]);
    expect(lacking({ approvals: { backup: asks } })).toEqual([
      'gateways[0].approvals.backup.groups: a policy that cannot be met whichever operator asks: whoever asks does not vote, and then it lacks 1 more of all | add an operator who is not needed as an approver, add an approver, lower a minimum, or name a slack_user_group',
    ]);
  });

  it('leave that to Slack where it alone knows who operates, and to schedules where nobody does', () => {
    const [approvers] = BASE.groups;
    const operators = { name: 'operators', roles: ['operator'], members: ['U01ALICE'], slack_user_group: 'S01' };
    const two = policy({ group: 'approvers', minimum: 2 });
    expect(faults({ groups: [approvers, operators], ...two })).toEqual([]);
    expect(faults({ groups: [approvers], ...two })).toEqual([]);
  });

  it('leave a policy alone whose group also has a Slack user group', () => {
    const groups = [{ name: 'approvers', members: [], slack_user_group: 'S01' }];
    expect(faults({ groups, ...policy({ group: 'approvers', minimum: 5 }) })).toEqual([]);
  });

  it('refuse the same group twice in a policy', () => {
    expect(faults(policy({ group: 'approvers' }, { group: 'approvers' }))).toEqual([
      'gateways[0].approvals.backup.groups[1].group: "approvers" twice | each once',
    ]);
  });

  it('refuse health and events on one port', () => {
    expect(faults({ slack: { mode: 'http', port: 8080 } })).toEqual([
      'operations.port: 8080, which is also slack.port | a port of its own: /healthz must not be open to the internet with the events endpoint',
    ]);
  });
});

describe('the seats of a policy', () => {
  const group = (name: string, roles: string[], ...members: string[]) => ({
    name,
    roles,
    members,
    slack_user_group: '',
  });
  const asks = (a: number, b: number) => ({
    groups: [
      { group: 'a', minimum: a },
      { group: 'b', minimum: b },
    ],
  });

  it('are filled by distinct people, even if somebody is in two groups', () => {
    const groups = [group('a', ['approver'], 'U1', 'U2'), group('b', ['approver'], 'U1')];
    expect(unfillableSeats(asks(1, 1), groups)).toEqual([]);
    expect(unfillableSeats(asks(2, 1), groups)).toHaveLength(1);
  });

  it('are not filled by members who are no approvers', () => {
    const groups = [group('a', ['operator'], 'U1'), group('b', ['approver'], 'U2')];
    expect(unfillableSeats(asks(1, 1), groups)).toEqual([{ group: 'a', missing: 1 }]);
  });

  it('may be filled by members who could be approvers through a Slack user group', () => {
    const slack = { ...group('c', ['approver']), slack_user_group: 'S01' };
    expect(unfillableSeats(asks(1, 1), [group('a', [], 'U1'), group('b', [], 'U2'), slack])).toEqual([]);
  });
});

describe('places and formats of a gateway', () => {
  it('let the keyring go only where no data lies', () => {
    const destinations = [{ name: 'vault' }, { name: 'room', holds: 'keyring' }];
    const gateway = (destination: string) => ({ name: 'a', destinations: ['vault'], keyring: { destination } });
    expect(faults({ destinations, gateways: [gateway('room')] })).toEqual([]);
    expect(faults({ destinations, gateways: [gateway('vault')] })).toEqual([
      'gateways[0].keyring.destination: "vault", which holds data | a destination with holds: keyring: room',
    ]);
    expect(faults({ destinations, gateways: [gateway('rom')] })).toEqual([
      'gateways[0].keyring.destination: "rom", which does not exist | a destination with holds: keyring: room',
    ]);
  });

  it('refuse a dump in directory format where pg_dump runs on another machine', () => {
    const gateway = (kind: string) => ({
      name: 'a',
      destinations: ['vault'],
      database: { format: 'directory' },
      run: { kind },
    });
    expect(faults({ gateways: [gateway('local')] })).toEqual([]);
    expect(faults({ gateways: [gateway('ssh')] })).toEqual([
      'gateways[0].database.format: directory, and pg_dump runs over ssh | custom, tar or plain, which come as one stream (custom is the default there)',
    ]);
  });
});
