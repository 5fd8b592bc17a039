import type { AdminApi, KongRoot } from '../../kong/admin/admin.ts';
import type { Gap } from '../../runbooks/backup.ts';
import { Fault } from '../../runs/fault.ts';
import type { StepDeps } from '../deps.ts';
import { eachAtOnce } from '../each-at-once.ts';
import { NOTHING_FURTHER } from '../plan-facts.ts';
import type { Further } from '../plan-facts.ts';
import { counted, some } from '../words.ts';
import type { Checklist } from './checklist.ts';

const WORKSPACES_AT_ONCE = 4;

/** What the gateway has beside its proxy configuration, and whether this token, this configuration can take it along. */
export async function checkFurther(
  list: Checklist,
  deps: StepDeps,
  admin: AdminApi,
  { root, workspaces }: { readonly root: KongRoot; readonly workspaces: readonly string[] },
): Promise<Further> {
  const ofNodes = {
    nodes: root.databaseKind === 'off' ? nodeNames(deps) : [],
    dataPlanes: root.role === 'control_plane',
  };
  if (root.edition === 'community') return { ...NOTHING_FURTHER, ...ofNodes };
  const rbac = await list.check(
    'RBAC roles',
    () => rbacRoles(admin, workspaces),
    ({ filled }) => (filled.length === 0 ? 'none that can be read' : `of ${some(filled)}`),
  );
  const keyring = await checkKeyring(list, deps, root);
  return {
    ...ofNodes,
    rbac: rbac?.filled ?? [],
    entities: true,
    keyring: keyring.exports,
    gaps: [...(rbac?.gaps ?? []), ...keyring.gaps],
  };
}

function nodeNames({ gateway }: StepDeps): readonly string[] {
  return gateway.nodes.length > 0 ? gateway.nodes.map(({ name }) => name) : [gateway.name];
}

async function rbacRoles(
  admin: AdminApi,
  workspaces: readonly string[],
): Promise<{ readonly filled: readonly string[]; readonly gaps: readonly Gap[] }> {
  const looked = await eachAtOnce(workspaces, WORKSPACES_AT_ONCE, async (workspace) => ({
    workspace,
    ...(await admin.look('rbac/roles?size=1', workspace)),
  }));
  const hidden = looked.filter(({ status }) => status === 401 || status === 403);
  return {
    // A run of decK for each workspace without any would take as long as its dump.
    filled: looked.filter(({ status, body }) => status === 200 && !isEmpty(body)).map(({ workspace }) => workspace),
    gaps: hidden.length === 0 ? [] : [hiddenRoles(hidden.map(({ workspace }) => workspace))],
  };
}

function isEmpty(body: unknown): boolean {
  const data = typeof body === 'object' && body !== null && 'data' in body ? body.data : undefined;
  return Array.isArray(data) && data.length === 0;
}

function hiddenRoles(workspaces: readonly string[]): Gap {
  return {
    kind: 'rbac',
    count: null,
    what: `RBAC roles of ${counted(workspaces.length, 'workspace')} are not in the set: ${some(workspaces)}`,
    why: `the Admin token may not read /${workspaces[0]}/rbac/roles (HTTP 403): give it the permission to read rbac/roles in each workspace`,
  };
}

interface KeyringFound {
  readonly exports: boolean;
  readonly gaps: readonly Gap[];
}

/** Without its keys an encrypted field of a restored database is lost for good (behaviour 5.5). */
async function checkKeyring(list: Checklist, deps: StepDeps, { keyring }: KongRoot): Promise<KeyringFound> {
  if (keyring === null) return { exports: false, gaps: [] };
  const place = deps.gateway.keyring?.destination;
  if (place !== undefined && keyring.strategy === 'cluster') {
    list.expect('Keyring', null, `is exported to ${place}, apart from the data`);
    return { exports: true, gaps: [] };
  }
  if (keyring.hasRecoveryKey && keyring.strategy === 'cluster') {
    list.expect('Keyring', null, 'its keys are in the database, for whoever has the private recovery key');
    return { exports: false, gaps: [] };
  }
  if (keyring.strategy !== 'cluster') {
    list.expect('Keyring', null, `its keys lie in ${keyring.strategy}`);
    return { exports: false, gaps: [keyringGap(`they lie in ${keyring.strategy}, whose backup is not the bot's`)] };
  }
  if (!deps.gateway.allow_gaps.includes('keyring')) {
    list.expect('Keyring', NO_KEYS, '');
    return { exports: false, gaps: [] };
  }
  list.expect('Keyring', null, `left out, as allow_gaps permits: ${NO_KEYS.message}`);
  const why = 'keyring.destination of this gateway names no place for them, and Kong has no recovery key';
  return { exports: false, gaps: [keyringGap(why)] };
}

function keyringGap(why: string): Gap {
  return {
    kind: 'keyring',
    count: null,
    what: 'The keys that open encrypted fields of the database are not in the set',
    why,
  };
}

const NO_KEYS = new Fault(
  'keyring-lost',
  'Kong encrypts fields of its database, and nothing would keep the keys: there is no recovery key and no place to export them to.',
  'Name a destination with holds: keyring under keyring.destination of this gateway, or set keyring_recovery_public_key in kong.conf; allow_gaps: [keyring] goes without.',
);
