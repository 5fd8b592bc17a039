import type { Lacking } from '../../runs/rules/approval.ts';
import { lackOf } from '../../runs/rules/approval.ts';
import { nearest } from '../../runs/words/nearest.ts';
import { formatPath, oneOf } from '../fault.ts';
import type { Names, PolicyNames } from '../names.ts';
import { mayBreakGlass, unfillableByAnyRequest, unfillableSeats } from './seats.ts';

/** A fault found by comparing parts of the file; `keys` is the place, for the line number. */
export interface CrossFault {
  readonly keys: readonly PropertyKey[];
  readonly found: string;
  readonly allowed: string;
}

type Gateway = Names['gateways'][number];

/** What no single value can show: names used twice, names that nobody has, policies that nobody can meet. */
export function crossChecks(file: Names): CrossFault[] {
  return [
    ...repeated(['people'], 'id', file.people),
    ...repeated(['people'], 'system_user', file.people),
    ...repeated(['groups'], 'name', file.groups),
    ...repeated(['destinations'], 'name', file.destinations),
    ...repeated(['gateways'], 'name', file.gateways),
    ...file.groups.flatMap((group, at) => membersOf(file, group, ['groups', at, 'members'])),
    ...file.gateways.flatMap((gateway, at) => gatewayChecks(file, gateway, ['gateways', at])),
    ...ports(file),
  ];
}

function gatewayChecks(file: Names, gateway: Names['gateways'][number], at: PropertyKey[]): CrossFault[] {
  const destinations = file.destinations.map(({ name }) => name);
  return [
    ...unknownNames([...at, 'destinations'], gateway.destinations, destinations, 'the name of a destination'),
    ...twice([...at, 'destinations'], gateway.destinations),
    ...keyringPlaces(file, gateway, [...at, 'destinations']),
    ...keyringDestination(file, gateway, [...at, 'keyring', 'destination']),
    ...remoteFolder(gateway, [...at, 'database', 'format']),
    ...twice([...at, 'workspaces'], gateway.workspaces),
    ...(['backup', 'restore'] as const).flatMap((what) =>
      approvalChecks(file, gateway, what, [...at, 'approvals', what]),
    ),
    ...repeated([...at, 'nodes'], 'name', gateway.nodes),
  ];
}

/** Whoever finds both in one place needs nothing else (behaviour 5.6). */
function keyringPlaces(file: Names, gateway: Names['gateways'][number], at: PropertyKey[]): CrossFault[] {
  const keyring = file.destinations.filter(({ holds }) => holds === 'keyring').map(({ name }) => name);
  return gateway.destinations.flatMap((name, index) =>
    name !== '' && keyring.includes(name)
      ? [
          {
            keys: [...at, index],
            found: `"${name}", which holds keyring material`,
            allowed: 'a destination that holds data: keyring material never lies with the data that it opens',
          },
        ]
      : [],
  );
}

function keyringDestination(file: Names, gateway: Names['gateways'][number], at: PropertyKey[]): CrossFault[] {
  const named = gateway.keyring?.destination ?? '';
  const keyring = file.destinations.filter(({ holds }) => holds === 'keyring').map(({ name }) => name);
  if (named === '' || keyring.includes(named)) return [];
  const known = file.destinations.some(({ name }) => name === named);
  const allowed = `a destination with holds: keyring${keyring.length === 0 ? '' : `: ${oneOf(keyring)}`}`;
  return [{ keys: at, found: `"${named}", which ${known ? 'holds data' : 'does not exist'}`, allowed }];
}

/** A folder that pg_dump writes on another machine cannot be taken along as it is made. */
function remoteFolder(gateway: Names['gateways'][number], at: PropertyKey[]): CrossFault[] {
  const { database, run } = gateway;
  if (database.format !== 'directory' || run.kind === '' || run.kind === 'local') return [];
  return [
    {
      keys: at,
      found: `directory, and pg_dump runs over ${run.kind}`,
      allowed: 'custom, tar or plain, which come as one stream (custom is the default there)',
    },
  ];
}

function approvalChecks(file: Names, gateway: Gateway, what: 'backup' | 'restore', at: PropertyKey[]): CrossFault[] {
  const policy = gateway.approvals[what];
  if (policy === undefined) return [];
  const wrong = policyNames(file, policy, at);
  if (wrong.length > 0) return wrong;
  const keys = [...at, 'groups'];
  const never = unfillableSeats(policy, file.groups);
  if (never.length > 0) return [{ keys, ...neverMet(never) }];
  // What comes without a request may be all that is wanted: no fault may keep such a bot from starting.
  const comes = what === 'backup' ? gateway.schedules.backup !== undefined : mayBreakGlass(file.groups);
  const whoever = comes ? [] : unfillableByAnyRequest(policy, file.groups);
  return whoever.length > 0 ? [{ keys, ...unmetWhoeverAsks(whoever) }] : [];
}

function policyNames(file: Names, policy: PolicyNames, at: PropertyKey[]): CrossFault[] {
  const known = file.groups.map(({ name }) => name);
  const named = policy.groups.map(({ group }) => group);
  return [
    ...named.flatMap((group, index) =>
      unknownName([...at, 'groups', index, 'group'], group, known, 'the name of a group'),
    ),
    ...twice([...at, 'groups'], named, 'group'),
  ];
}

function neverMet(lacking: Lacking): Omit<CrossFault, 'keys'> {
  return {
    found: `a policy that can never be met: it lacks ${lackOf(lacking)} (members with the role approver)`,
    allowed: 'add members, give their group the role approver, lower a minimum, or name a slack_user_group',
  };
}

function unmetWhoeverAsks(lacking: Lacking): Omit<CrossFault, 'keys'> {
  return {
    found: `a policy that cannot be met whichever operator asks: whoever asks does not vote, and then it lacks ${lackOf(lacking)}`,
    allowed:
      'add an operator who is not needed as an approver, add an approver, lower a minimum, or name a slack_user_group',
  };
}

function membersOf(file: Names, group: Names['groups'][number], at: PropertyKey[]): CrossFault[] {
  const known = file.people.map(({ id }) => id);
  return [
    ...unknownNames(at, group.members, known, 'the id of somebody listed under people'),
    ...twice(at, group.members),
  ];
}

function ports(file: Names): CrossFault[] {
  const { slack, operations } = file;
  if (slack.mode !== 'http' || slack.port === 0 || slack.port !== operations.port) return [];
  return [
    {
      keys: ['operations', 'port'],
      found: `${operations.port}, which is also slack.port`,
      allowed: 'a port of its own: /healthz must not be open to the internet with the events endpoint',
    },
  ];
}

function repeated<Key extends string>(
  at: PropertyKey[],
  key: Key,
  entries: readonly { readonly [name in Key]: string }[],
): CrossFault[] {
  const first = new Map<string, number>();
  return entries.flatMap((entry, index) => {
    const value = entry[key];
    if (value === '') return [];
    const before = first.get(value);
    if (before === undefined) {
      first.set(value, index);
      return [];
    }
    const keys = [...at, index, key];
    return [
      { keys, found: `"${value}", already used by ${formatPath([...at, before])}`, allowed: `a ${key} of its own` },
    ];
  });
}

function twice(at: PropertyKey[], values: readonly string[], key?: string): CrossFault[] {
  return values.flatMap((value, index) =>
    value === '' || values.indexOf(value) === index
      ? []
      : [
          {
            keys: [...at, index, ...(key === undefined ? [] : [key])],
            found: `"${value}" twice`,
            allowed: 'each once',
          },
        ],
  );
}

function unknownNames(
  at: PropertyKey[],
  values: readonly string[],
  known: readonly string[],
  what: string,
): CrossFault[] {
  return values.flatMap((value, index) => unknownName([...at, index], value, known, what));
}

function unknownName(keys: PropertyKey[], value: string, known: readonly string[], what: string): CrossFault[] {
  const names = known.filter((name) => name !== '');
  // What is missing or malformed is reported by the schema already.
  if (value === '' || names.length === 0 || names.includes(value)) return [];
  const meant = nearest(value, names);
  const found = `"${value}", which does not exist${meant === null ? '' : ` (did you mean ${meant}?)`}`;
  return [{ keys, found, allowed: `${what}: ${oneOf(names)}` }];
}
