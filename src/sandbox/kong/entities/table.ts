import { type Fields, fieldsOf } from '../schema/field.ts';
import type { Version } from '../version.ts';
import { caCertificates, certificates, snis } from './certificates.ts';
import { consumers, credentials } from './consumers.ts';
import type { EntityKind } from './entity.ts';
import { plugins } from './plugins.ts';
import { routes, services } from './services-and-routes.ts';
import { targets, upstreams } from './upstreams.ts';
import { keys, keySets, vaults } from './vaults-and-keys.ts';

/** Every kind of entity; all paths, statements and schemas of the stand-in are derived from this table. */
export const ENTITIES: readonly EntityKind[] = [
  certificates,
  snis,
  caCertificates,
  services,
  routes,
  consumers,
  ...credentials,
  upstreams,
  targets,
  vaults,
  keySets,
  keys,
  plugins,
];

/** An entity as one version of Kong knows it. */
export interface Kind extends Omit<EntityKind, 'table' | 'endpointKey'> {
  readonly table: string;
  readonly endpointKey: string | undefined;
  /** Foreign field → the kind that it points to. */
  readonly foreign: Readonly<Record<string, string>>;
}

const known = new Map<Version, ReadonlyMap<string, Kind>>();

/** Kinds of a version by Kong's name. */
export function kindsOf(version: Version): ReadonlyMap<string, Kind> {
  const cached = known.get(version);
  if (cached) return cached;
  const kinds = new Map(
    ENTITIES.filter(({ only }) => only === undefined || only === version).map((kind) => [
      kind.name,
      kindOf(kind, version),
    ]),
  );
  known.set(version, kinds);
  return kinds;
}

function kindOf(kind: EntityKind, version: Version): Kind {
  const fields = fieldsOf(kind.fields, version);
  return {
    ...kind,
    fields,
    table: kind.table ?? kind.name,
    endpointKey: typeof kind.endpointKey === 'function' ? kind.endpointKey(version) : kind.endpointKey,
    foreign: foreignFields(fields),
  };
}

function foreignFields(fields: Fields): Readonly<Record<string, string>> {
  return Object.fromEntries(
    Object.entries(fields).flatMap(([name, { reference }]) => (reference === undefined ? [] : [[name, reference]])),
  );
}
