import { ENTITY_KINDS, isEntityList } from '../../../backup/artifacts/entities.ts';
import type { EntityKind } from '../../../backup/artifacts/entities.ts';

/** A declarative file, parsed: lists of entities by kind, and what begins with `_`. */
export type Document = Readonly<Record<string, unknown>>;
/** An entity as it stands in the file, with the lists of what belongs to it. */
export type Body = Readonly<Record<string, unknown>>;

/** One entity of a document, wherever it is nested. Its fields hold secrets. */
export interface Entity {
  /** Key of its list: `services`. */
  readonly list: string;
  readonly id: string | null;
  /** For people: never a key or a password. */
  readonly name: string;
  /** The same in two documents for the same entity. */
  readonly key: string;
  /** Its own fields, without what belongs to it. */
  readonly fields: Body;
  /** What it belongs to; null at the top level. decK writes it by the place alone: no field names it. */
  readonly owner: Owner | null;
  readonly body: Body;
}

/** An entity that others belong to. */
export interface Owner {
  readonly list: string;
  readonly body: Body;
}

const BY_LIST = new Map(ENTITY_KINDS.flatMap((kind): [string, EntityKind][] => (kind.file ? [[kind.file, kind]] : [])));

/** How people call a list: of kind `services`, one is a `service`. */
export function kindOfList(list: string): Pick<EntityKind, 'one' | 'many'> {
  return BY_LIST.get(list) ?? { one: list.replaceAll('_', ' '), many: list.replaceAll('_', ' ') };
}

/** Whether this field of an entity (or of the document) is a list of entities that belong to it. */
export function isChildList(field: string, value: unknown): value is readonly Body[] {
  return isEntityList(field, value);
}

/** Names that may stand in messages; an API key or a JWT's key is one, so credentials are known by their consumer. */
const NAMES: Readonly<Record<string, readonly string[]>> = {
  consumers: ['username', 'custom_id'],
  targets: ['target'],
  basicauth_credentials: ['username'],
  hmacauth_credentials: ['username'],
  oauth2_credentials: ['name'],
  acls: ['group'],
  mtls_auth_credentials: ['subject_name'],
  vaults: ['prefix', 'name'],
  plugins: ['instance_name', 'name'],
  keys: ['name'],
  keyauth_credentials: [],
  jwt_secrets: [],
};

/** What tells siblings apart where no id is written; may be a secret. */
const NATURAL = [
  'name',
  'username',
  'custom_id',
  'target',
  'group',
  'key',
  'prefix',
  'kid',
  'subject_name',
  'client_id',
];

/** The name of an entity for people; null when it has none that may be shown. */
export function nameOf(list: string, body: Body): string | null {
  for (const field of NAMES[list] ?? ['name']) {
    const value = body[field];
    if (typeof value === 'string' && value !== '') return value;
  }
  return null;
}

export function idOf(body: Body): string | null {
  return typeof body['id'] === 'string' ? body['id'] : null;
}

/** Every entity of a document, parents before what belongs to them. */
export function entitiesOf(document: Document): readonly Entity[] {
  const found: Entity[] = [];
  collect(document, { key: '', name: '', owner: null }, found);
  return found;
}

/** One entity, which belongs to `owner`, and everything that belongs to it. */
export function subtreeOf(list: string, body: Body, owner: Owner | null): readonly Entity[] {
  const found: Entity[] = [];
  collect({ [list]: [body] }, { key: '', name: '', owner }, found);
  return found;
}

interface Parent {
  readonly key: string;
  readonly name: string;
  readonly owner: Owner | null;
}

function collect(node: Document, parent: Parent, into: Entity[]): void {
  for (const [list, items] of Object.entries(node)) {
    if (!isChildList(list, items)) continue;
    for (const body of items) {
      const id = idOf(body);
      const key = id === null ? `${parent.key}/${list}:${naturalKey(body)}` : `${list}:${id}`;
      const own = nameOf(list, body) ?? (parent.name === '' ? (id ?? 'unnamed') : '');
      const name = [own, parent.name === '' ? '' : `of ${parent.name}`].filter((part) => part !== '').join(' ');
      const fields = Object.fromEntries(Object.entries(body).filter(([field, value]) => !isChildList(field, value)));
      into.push({ list, id, name, key, fields, owner: parent.owner, body });
      collect(body, { key, name: nameOf(list, body) ?? parent.name, owner: { list, body } }, into);
    }
  }
}

/** The same for the same owner in two documents; may be a secret. */
export function ownerKey(owner: Owner | null): string {
  return owner === null ? '' : `${owner.list}:${idOf(owner.body) ?? naturalKey(owner.body)}`;
}

function naturalKey(body: Body): string {
  return NATURAL.flatMap((field) => (typeof body[field] === 'string' ? [`${field}=${body[field]}`] : [])).join('&');
}
