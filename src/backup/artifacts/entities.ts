/**
 * What a gateway can hold, and how decK treats it. One row per kind of entity:
 * `always`: every decK carries it, so fewer in the file than on the gateway is a fault.
 * `by-version`: newer ones carry it, older ones leave it out without a word (1.29 and keys), so none is a gap.
 * `never`: no decK carries it in the file that we take.
 */
export interface EntityKind {
  readonly kind: string;
  readonly one: string;
  readonly many: string;
  readonly deck: 'always' | 'by-version' | 'never';
  /** Admin API list, without the first slash; absent when Kong has none. */
  readonly list?: string;
  /** Key of the list in a declarative file, wherever it is nested. */
  readonly file?: string;
  /** Tables in PostgreSQL, over all Kong versions. */
  readonly tables: readonly string[];
}

type Row = readonly [kind: string, one: string, many: string, list: string, file: string, tables: string];

const ALWAYS: readonly Row[] = [
  ['services', 'service', 'services', 'services', 'services', 'services'],
  ['routes', 'route', 'routes', 'routes', 'routes', 'routes'],
  ['plugins', 'plugin', 'plugins', 'plugins', 'plugins', 'plugins'],
  ['consumers', 'consumer', 'consumers', 'consumers', 'consumers', 'consumers'],
  ['certificates', 'certificate', 'certificates', 'certificates', 'certificates', 'certificates'],
  ['ca-certificates', 'CA certificate', 'CA certificates', 'ca_certificates', 'ca_certificates', 'ca_certificates'],
  ['snis', 'SNI', 'SNIs', 'snis', 'snis', 'snis'],
  ['upstreams', 'upstream', 'upstreams', 'upstreams', 'upstreams', 'upstreams'],
  ['targets', 'target', 'targets', 'upstreams/{id}/targets', 'targets', 'targets'],
  ['key-auths', 'API key', 'API keys', 'key-auths', 'keyauth_credentials', 'keyauth_credentials'],
  [
    'basic-auths',
    'basic-auth login',
    'basic-auth logins',
    'basic-auths',
    'basicauth_credentials',
    'basicauth_credentials',
  ],
  ['hmac-auths', 'HMAC credential', 'HMAC credentials', 'hmac-auths', 'hmacauth_credentials', 'hmacauth_credentials'],
  ['jwts', 'JWT credential', 'JWT credentials', 'jwts', 'jwt_secrets', 'jwt_secrets'],
  ['acls', 'ACL group entry', 'ACL group entries', 'acls', 'acls', 'acls'],
  ['oauth2', 'OAuth 2.0 application', 'OAuth 2.0 applications', 'oauth2', 'oauth2_credentials', 'oauth2_credentials'],
];

const BY_VERSION: readonly Row[] = [
  ['keys', 'key', 'keys', 'keys', 'keys', 'keys'],
  ['key-sets', 'key set', 'key sets', 'key-sets', 'key_sets', 'key_sets'],
  ['vaults', 'vault', 'vaults', 'vaults', 'vaults', 'sm_vaults vaults vaults_beta'],
  ['filter-chains', 'filter chain', 'filter chains', 'filter-chains', 'filter_chains', 'filter_chains'],
  ['partials', 'partial', 'partials', 'partials', 'partials', 'partials'],
  ['consumer-groups', 'consumer group', 'consumer groups', 'consumer_groups', 'consumer_groups', 'consumer_groups'],
  ['mtls-auths', 'mTLS credential', 'mTLS credentials', 'mtls-auths', 'mtls_auth_credentials', 'mtls_auth_credentials'],
];

const NEVER: readonly Row[] = [
  ['rbac-roles', 'RBAC role', 'RBAC roles', 'rbac/roles', 'rbac_roles', 'rbac_roles'],
  ['rbac-users', 'RBAC user', 'RBAC users', 'rbac/users', '', 'rbac_users'],
  ['admins', 'admin', 'admins', 'admins', '', 'admins'],
  ['groups', 'group', 'groups', 'groups', '', 'groups'],
  ['event-hooks', 'event hook', 'event hooks', 'event-hooks', '', 'event_hooks'],
  ['licenses', 'licence', 'licences', 'licenses', '', 'licenses'],
  ['developers', 'developer', 'developers', 'developers', '', 'developers'],
  ['applications', 'portal application', 'portal applications', '', '', 'applications'],
  ['portal-files', 'portal file', 'portal files', 'files', '', 'files legacy_files'],
  ['keyring', 'keyring key', 'keyring keys', '', '', 'keyring_keys'],
  ['key-auth-encs', 'encrypted API key', 'encrypted API keys', 'key-auths-enc', '', 'keyauth_enc_credentials'],
  ['oauth2-tokens', 'OAuth 2.0 token', 'OAuth 2.0 tokens', 'oauth2_tokens', '', 'oauth2_tokens'],
  ['oauth2-codes', 'OAuth 2.0 code', 'OAuth 2.0 codes', '', '', 'oauth2_authorization_codes'],
  ['sessions', 'session', 'sessions', '', '', 'sessions session_metadatas'],
  [
    'rate-limit-counters',
    'rate-limit counter',
    'rate-limit counters',
    '',
    '',
    'ratelimiting_metrics response_ratelimiting_metrics rl_counters',
  ],
  ['acme-storage', 'ACME entry', 'ACME entries', '', '', 'acme_storage'],
];

/**
 * Tables that say nothing of their own: derived by triggers, written by every node as it runs, or about the database
 * itself. Their rows are in a dump all the same.
 */
const BOOKKEEPING = new Set(
  (
    'schema_meta cluster_events clustering_data_planes clustering_rpc_requests clustering_sync_version ' +
    'clustering_sync_delta locks tags parameters ttls cluster_ca workspaces workspace_entities ' +
    'workspace_entity_counters login_attempts audit_objects audit_requests consumer_reset_secrets ' +
    'consumer_group_consumers consumer_group_plugins group_rbac_roles rbac_user_roles rbac_user_groups ' +
    'rbac_role_endpoints rbac_role_entities keyring_meta application_instances document_objects credentials'
  ).split(' '),
);

/** Every kind of entity that is known by name. */
export const ENTITY_KINDS: readonly EntityKind[] = [
  ...ALWAYS.map((row) => entity(row, 'always')),
  ...BY_VERSION.map((row) => entity(row, 'by-version')),
  ...NEVER.map((row) => entity(row, 'never')),
];

const BY_FILE_KEY = new Map(
  ENTITY_KINDS.flatMap((entity) => (entity.file === undefined ? [] : [[entity.file, entity]])),
);
const KNOWN_TABLES = new Set(ENTITY_KINDS.flatMap((entity) => entity.tables));

/** Entities per kind in a parsed declarative file, nested ones too. Only kinds that occur. */
export function countDeclarative(document: unknown): Readonly<Record<string, number>> {
  const counts: Record<string, number> = {};
  const visit = (node: unknown): void => {
    if (typeof node !== 'object' || node === null || Array.isArray(node)) return;
    for (const [key, value] of Object.entries(node)) {
      const entity = BY_FILE_KEY.get(key);
      // Only lists of entities are entered: a plugin's config may have a `routes` of its own.
      if (entity === undefined || !isEntityList(key, value)) continue;
      counts[entity.kind] = (counts[entity.kind] ?? 0) + value.length;
      for (const child of value) visit(child);
    }
  };
  visit(document);
  return counts;
}

/**
 * True for a list of entities in a declarative file, as against a list inside an entity's own fields: a route's `snis` and
 * a service's `ca_certificates` hold texts, and a plugin's `partials` say which ones it takes what from.
 */
export function isEntityList(key: string, value: unknown): value is readonly object[] {
  return BY_FILE_KEY.has(key) && Array.isArray(value) && value.every((item) => isEntity(key, item));
}

function isEntity(key: string, item: unknown): boolean {
  return typeof item === 'object' && item !== null && (key !== 'partials' || 'type' in item);
}

/** Rows of one kind of entity; null when this database has none of its tables. `tables` as `countRows` names them. */
export function rowsOf(entity: EntityKind, tables: Readonly<Record<string, number>>): number | null {
  const rows = Object.entries(tables).filter(([table]) => entity.tables.includes(bareTable(table)));
  return rows.length === 0 ? null : rows.reduce((sum, [, count]) => sum + count, 0);
}

/** Tables with rows that belong to no entity known by name: custom plugins, or a Kong newer than this list. */
export function unknownTables(tables: Readonly<Record<string, number>>): readonly (readonly [string, number])[] {
  return Object.entries(tables)
    .filter(([table, rows]) => rows > 0 && !KNOWN_TABLES.has(bareTable(table)) && !BOOKKEEPING.has(bareTable(table)))
    .sort(([a], [b]) => (a < b ? -1 : 1));
}

function bareTable(table: string): string {
  return table.slice(table.lastIndexOf('.') + 1).replaceAll('"', '');
}

function entity([kind, one, many, list, file, tables]: Row, deck: EntityKind['deck']): EntityKind {
  return {
    kind,
    one,
    many,
    deck,
    tables: tables.split(' '),
    ...(list === '' ? {} : { list }),
    ...(file === '' ? {} : { file }),
  };
}
