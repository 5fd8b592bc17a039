import type { Plugin } from '../plugins/plugin.ts';
import { PLUGINS } from '../plugins/table.ts';
import { createdUpdatedSince3, HTTP_PROTOCOLS, name, PROTOCOLS, tags } from '../schema/common.ts';
import type { Fields, Json } from '../schema/field.ts';
import { fieldsOf, foreign, record, set, text, toggle } from '../schema/field.ts';
import { asText, type Entity, isRecord } from '../schema/fill.ts';
import type { Version } from '../version.ts';
import { cacheKeyOf, type EntityKind } from './entity.ts';

const OWNERS = ['route', 'service', 'consumer'] as const;

/** What every plugin has; `config`, and sometimes `protocols` and `consumer`, come from the one it names. */
export const plugins: EntityKind = {
  name: 'plugins',
  path: 'plugins',
  endpointKey: (version) => (version === '3.9.1' ? 'instance_name' : undefined),
  unique: {
    plugins_cache_key_key: ['consumer', 'name', 'route', 'service'],
    plugins_ws_id_instance_name_unique: ['instance_name'],
  },
  cacheKey: (plugin, workspace) =>
    cacheKeyOf('plugins', [plugin['name'] ?? null, ...OWNERS.map((owner) => plugin[owner] ?? null)], workspace),
  fields: {
    ...createdUpdatedSince3,
    name: text({ required: true }),
    instance_name: name({ only: '3.9.1' }),
    ...Object.fromEntries(
      OWNERS.map((owner) => [owner, foreign(`${owner}s`, { on_delete: 'cascade', default: null })]),
    ),
    config: record({}, { required: true }),
    protocols: set(text({ one_of: [...PROTOCOLS] }), { required: true, default: [...HTTP_PROTOCOLS] }),
    enabled: toggle(true),
    tags,
  },
  expand: expandShorthand,
  show: showShorthand,
};

/** The fields that a plugin adds to or changes in those of every plugin. */
export function pluginFields(plugin: Plugin, version: Version): Fields {
  const config = record(plugin.config, {
    required: true,
    ...(plugin.shorthand && { shorthand_fields: plugin.shorthand }),
  });
  return fieldsOf({ ...plugin.protocols, config }, version);
}

interface Replacement {
  readonly name: string;
  readonly path: readonly string[];
}

function replacements(entity: Entity, version: Version): readonly Replacement[] {
  const plugin = PLUGINS[asText(entity['name'])];
  if (!plugin?.shorthand) return [];
  return Object.entries(fieldsOf(plugin.shorthand, version)).flatMap(([field, { deprecation }]) => {
    const by = isRecord(deprecation) ? (deprecation['replaced_with'] as readonly { path: string[] }[]) : [];
    return by.slice(0, 1).map(({ path }) => ({ name: field, path }));
  });
}

/** Old names of settings are read into their new place. */
function expandShorthand(given: Entity, version: Version): Entity {
  const config = given['config'];
  if (!isRecord(config)) return given;
  let moved: Entity = config;
  for (const { name: old, path } of replacements(given, version)) {
    const { [old]: value, ...rest } = moved;
    if (value === undefined) continue;
    const [outer = '', inner = ''] = path;
    const before = isRecord(rest[outer]) ? rest[outer] : {};
    moved = { ...rest, [outer]: { ...before, ...(inner in before ? {} : { [inner]: value }) } };
  }
  return { ...given, config: moved };
}

/** Answers show them under both names. */
function showShorthand(entity: Entity, version: Version): Entity {
  const config = entity['config'];
  if (!isRecord(config)) return entity;
  const old = replacements(entity, version).map(({ name: field, path }) => {
    const value = path.reduce<Json>((from, part) => (isRecord(from) ? (from[part] ?? null) : null), config);
    return [field, value] as const;
  });
  return old.length === 0 ? entity : { ...entity, config: { ...config, ...Object.fromEntries(old) } };
}
