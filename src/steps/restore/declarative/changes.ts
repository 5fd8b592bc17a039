import { createHmac } from 'node:crypto';
import { ENTITY_KINDS } from '../../../backup/artifacts/entities.ts';
import type { DeckEntry, DeckSynced } from '../../../kong/deck/deck-changes.ts';
import type { Change } from '../../../runbooks/restore.ts';
import { canonicalText } from '../../../runs/json.ts';
import { counted, shortName } from '../../words.ts';
import type { HashDifference } from './compare.ts';
import { kindOfList } from './document.ts';

/** Everything that a sync of one workspace would do now. Bodies and hashes are secrets. */
export interface WorkspaceDiff {
  readonly workspace: string;
  readonly entries: readonly DeckEntry[];
  readonly hashes: readonly HashDifference[];
  /** Those that a sync will make wrong before they are put back: no change of their own, but one that was agreed to. */
  readonly hashesToCome: readonly HashDifference[];
}

/** decK's word for a kind → the list of a declarative file. */
const LISTS: Readonly<Record<string, string>> = {
  service: 'services',
  route: 'routes',
  plugin: 'plugins',
  consumer: 'consumers',
  certificate: 'certificates',
  'ca-certificate': 'ca_certificates',
  sni: 'snis',
  upstream: 'upstreams',
  target: 'targets',
  'key-auth': 'keyauth_credentials',
  'basic-auth': 'basicauth_credentials',
  'hmac-auth': 'hmacauth_credentials',
  'jwt-auth': 'jwt_secrets',
  'acl-group': 'acls',
  oauth2: 'oauth2_credentials',
  'oauth2-cred': 'oauth2_credentials',
  'mtls-auth': 'mtls_auth_credentials',
  key: 'keys',
  'key-set': 'key_sets',
  vault: 'vaults',
  'consumer-group': 'consumer_groups',
  'filter-chain': 'filter_chains',
  partial: 'partials',
};

/** Kinds that say who may come in, and with what proof (behaviour 2.12). */
const ACCESS =
  /^(?:consumer|certificate|ca-certificate|sni|key$|key-set|key-auth|basic-auth|hmac-auth|jwt-auth|acl|oauth2|mtls-auth|vault|rbac)/;

/** Bundled plugins that authenticate or authorise; one of our own making whose name says so counts too. */
const ACCESS_PLUGIN = /auth|jwt|oidc|openid|saml|acl|session|ip-restriction|ldap|opa$|introspection/i;

/** Who comes in may differ afterwards, or something is deleted: then one person more must say go. */
export function approversMore(diffs: readonly WorkspaceDiff[]): 0 | 1 {
  const weighty = diffs.some(({ entries, hashes }) => hashes.length > 0 || entries.some(isWeighty));
  return weighty ? 1 : 0;
}

function isWeighty({ action, kind, name, before, after }: DeckEntry): boolean {
  if (action === 'delete' || ACCESS.test(kind)) return true;
  if (kind !== 'plugin') return false;
  const body = (after ?? before ?? {}) as { name?: unknown };
  return ACCESS_PLUGIN.test(typeof body.name === 'string' ? body.name : name);
}

const NAMES_SHOWN = 5;

/** Counts and a few names by kind, in the order in which kinds are listed everywhere. */
export function changesOf(diffs: readonly WorkspaceDiff[]): readonly Change[] {
  const several = diffs.length > 1;
  const rows = diffs.flatMap(({ workspace, entries, hashes }) => {
    const named = (name: string): string => (several && name !== workspace ? `${workspace}/${name}` : name);
    return [
      ...entries.map((entry) => ({ kind: kindOf(entry.kind), action: entry.action, name: named(nameOf(entry)) })),
      ...hashes.map(({ list, name }) => ({
        kind: kindOfList(list).many,
        action: 'update' as const,
        name: named(name),
      })),
    ];
  });
  return [...new Set(rows.map(({ kind }) => kind))]
    .sort((a, b) => placeOf(a) - placeOf(b) || (a < b ? -1 : 1))
    .map((kind) => {
      const of = rows.filter((row) => row.kind === kind);
      const count = (action: DeckEntry['action']): number => of.filter((row) => row.action === action).length;
      return {
        kind,
        created: count('create'),
        updated: count('update'),
        deleted: count('delete'),
        names: [...new Set(of.map(({ name }) => name))].sort().slice(0, NAMES_SHOWN).map(shortName),
      };
    });
}

function kindOf(kind: string): string {
  const list = LISTS[kind];
  return list === undefined ? `${kind.replaceAll('-', ' ')}s` : kindOfList(list).many;
}

function placeOf(many: string): number {
  const index = ENTITY_KINDS.findIndex((kind) => kind.many === many);
  return index === -1 ? ENTITY_KINDS.length : index;
}

/** decK names an API key by its last five characters, which may be all of it: those are known by their consumer. */
export function nameOf({ kind, name, before, after }: DeckEntry): string {
  if (!/^(?:key-auth|jwt-auth|mtls-auth|oauth2)/.test(kind)) return name;
  const body = (after ?? before ?? {}) as { consumer?: { username?: unknown; id?: unknown } };
  const { username, id } = body.consumer ?? {};
  const consumer = typeof username === 'string' ? username : typeof id === 'string' ? id : 'a consumer';
  return `of ${consumer}`;
}

/** What a sync did that nobody planned, by name. */
export interface Unplanned {
  readonly deleted: readonly string[];
  readonly updated: readonly string[];
}

/**
 * What a sync deleted and changed beyond what it was to do: decK lists the gateway once more before it acts, which is
 * minutes after the plan where other workspaces came first, and undoes what somebody did since. Where its list is short of
 * its count, the rest has no name.
 */
export function unplannedChanges(synced: DeckSynced, planned: Pick<WorkspaceDiff, 'entries'>): Unplanned {
  const beyond = (action: DeckEntry['action'], many: number): readonly string[] => {
    const keyOf = ({ kind, name }: DeckEntry): string => `${kind} ${name}`;
    const expected = planned.entries.filter((entry) => entry.action === action);
    const known = new Set(expected.map(keyOf));
    const named = synced.done
      .filter((entry) => entry.action === action && !known.has(keyOf(entry)))
      .map((entry) => `${entry.kind} ${nameOf(entry)}`);
    const unnamed = many - expected.length - named.length;
    return unnamed > 0 ? [...named, `${counted(unnamed, 'entity', 'entities')} that decK did not name`] : named;
  };
  return { deleted: beyond('delete', synced.deleted), updated: beyond('update', synced.updated) };
}

/**
 * One print for each change, the same for the same change. Keyed: a print of a change of one password must not let
 * anybody who reads the audit trail guess the password.
 */
export function printsOf(diffs: readonly WorkspaceDiff[], key: string): readonly string[] {
  return diffs
    .flatMap(({ workspace, entries, hashes }) => [
      ...entries.map(({ action, kind, name, before, after }) =>
        print(key, [workspace, action, kind, name, before, after]),
      ),
      ...hashes.map((hash) => printOfHash(key, workspace, hash)),
    ])
    .sort();
}

/** Prints of what will show up as a change once the sync has begun. */
export function printsToCome(diffs: readonly WorkspaceDiff[], key: string): readonly string[] {
  return diffs.flatMap(({ workspace, hashesToCome }) => hashesToCome.map((hash) => printOfHash(key, workspace, hash)));
}

function printOfHash(key: string, workspace: string, { list, id, value }: HashDifference): string {
  return print(key, [workspace, list, id, value]);
}

function print(key: string, value: unknown): string {
  return createHmac('sha256', key).update(canonicalText(value)).digest('hex');
}

/** SHA-256 over the whole diff, keyed likewise. */
export function digestOfPrints(prints: readonly string[], key: string): string {
  return createHmac('sha256', key).update(prints.join('\n')).digest('hex');
}

/** Prints as they are kept in the log: short, because a diff may hold thousands of changes. */
export const shortPrint = (print: string): string => print.slice(0, 16);
