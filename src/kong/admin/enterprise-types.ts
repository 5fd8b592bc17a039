/** Who can bring an entity back: posting it to the Admin API is enough (`post`), or a secret is needed that only people can make anew. */
export type ComesBack = 'post' | 'people';

/** A kind of Enterprise entity that no decK carries, and how it is read (facts A6 and B). */
export interface EnterpriseType {
  /** As gap reports call it, too: src/backup/artifacts/entities.ts. */
  readonly type: string;
  readonly many: string;
  /** The list, without the first slash. Of `below` the entities hang below those of this list. */
  readonly list: string;
  readonly perWorkspace: boolean;
  /** `/LIST/ID/BELOW` holds the entities, or fields of them; empty: `/LIST/ID` itself. */
  readonly below?: string;
  /** `/LIST/ID/WITH` is kept with each entity. */
  readonly with?: readonly string[];
  /** Fields of which only the SHA-256 is kept, encrypted or not. */
  readonly digestOf?: readonly string[];
  readonly comesBack: ComesBack;
  readonly how: string;
}

export const ENTERPRISE_TYPES: readonly EnterpriseType[] = [
  {
    type: 'groups',
    many: 'groups',
    list: 'groups',
    perWorkspace: false,
    with: ['roles'],
    comesBack: 'post',
    how: 'POST /groups, then each of its roles to /groups/ID/roles once the RBAC roles are there',
  },
  {
    type: 'admins',
    many: 'admins',
    list: 'admins?all_workspaces=true',
    perWorkspace: false,
    with: ['roles', 'workspaces'],
    comesBack: 'people',
    how: 'invite each by POST /admins, give the roles, and let the person register: passwords cannot be moved',
  },
  {
    type: 'licenses',
    many: 'licences',
    list: 'licenses',
    perWorkspace: false,
    digestOf: ['payload'],
    comesBack: 'people',
    how: 'POST /licenses with the licence file from where you keep licences; its SHA-256 says whether it is the same',
  },
  {
    type: 'rbac-users',
    many: 'RBAC users',
    list: 'rbac/users',
    perWorkspace: true,
    with: ['roles'],
    comesBack: 'people',
    how: 'POST /WORKSPACE/rbac/users with a new token, then its roles; hand the token to whoever used the old one: Kong keeps only a hash of it',
  },
  {
    type: 'entity-permissions',
    many: 'entity permissions',
    list: 'rbac/roles',
    perWorkspace: true,
    below: 'entities',
    comesBack: 'post',
    how: 'POST to /WORKSPACE/rbac/roles/ROLE/entities once the role and the entity are there',
  },
  {
    type: 'event-hooks',
    many: 'event hooks',
    list: 'event-hooks',
    perWorkspace: true,
    comesBack: 'post',
    how: 'POST /WORKSPACE/event-hooks',
  },
  {
    type: 'portal-files',
    many: 'portal files',
    list: 'files',
    perWorkspace: true,
    comesBack: 'post',
    how: 'POST /WORKSPACE/files with path and contents',
  },
  {
    type: 'consumer-group-overrides',
    many: 'overrides of consumer groups',
    list: 'consumer_groups',
    perWorkspace: true,
    below: '',
    comesBack: 'post',
    how: 'PUT config to /WORKSPACE/consumer_groups/GROUP/overrides/plugins/NAME once the group is there',
  },
];

/** By type. */
export const COMES_BACK: Readonly<Record<string, ComesBack>> = Object.fromEntries(
  ENTERPRISE_TYPES.map(({ type, comesBack }) => [type, comesBack]),
);
