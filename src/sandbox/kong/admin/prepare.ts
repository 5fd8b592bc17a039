import type { Place } from '../db/statements.ts';
import { selectBy } from '../db/statements.ts';
import { pluginFields } from '../entities/plugins.ts';
import type { Kind } from '../entities/table.ts';
import { bundledPlugins, PLUGINS } from '../plugins/table.ts';
import type { Check, Fields } from '../schema/field.ts';
import { asText, type Entity, fill, isRecord, merge } from '../schema/fill.ts';
import { type Errors, validate } from '../schema/validate.ts';
import { KongRefusal, notBuilt, schemaViolation } from './answer.ts';
import type { Node } from './node.ts';

/** Fields and rules of this very entity: those of its kind, for a plugin also those of the plugin that it names. */
export interface Description {
  readonly fields: Fields;
  readonly checks: readonly Check[];
}

/** Throws Kong's refusal of a plugin that is not enabled. */
export function describe(node: Node, kind: Kind, entity: Entity): Description {
  const checks = kind.checks ?? [];
  if (kind.name !== 'plugins') return { fields: kind.fields, checks };
  const name = asText(entity['name']);
  const plugin = PLUGINS[name];
  if (plugin) {
    return { fields: { ...kind.fields, ...pluginFields(plugin, node.version) }, checks: plugin.checks ?? [] };
  }
  if (bundledPlugins(node.version).includes(name)) throw new KongRefusal(notBuilt(`configure the plugin ${name}`));
  if (name === '') return { fields: kind.fields, checks };
  throw schemaViolation({
    name: `plugin '${name}' not enabled; add it to the 'plugins' configuration property`,
  });
}

/**
 * The entity to write: short forms expanded, defaults filled in, checked. `before` is what it changes (PATCH).
 * Throws a schema violation that names every fault at once.
 */
export async function prepare(node: Node, place: Place, kind: Kind, given: Entity, before?: Entity): Promise<Entity> {
  const expanded = await withForeignIds(node, place, kind, kind.expand?.(given, node.version) ?? given);
  const description = describe(node, kind, before ? { ...before, ...expanded } : expanded);
  const now = Date.now();
  const changed = before ? merge(description.fields, before, expanded) : expanded;
  const filled = fill(description.fields, withoutUpdatedAt(changed), now);
  const writing = { version: node.version, given: expanded };
  const errors = faults(kind, description, filled, (entity) => kind.inspect?.(entity, writing) ?? {});
  if (Object.keys(errors).length > 0) throw schemaViolation(errors);
  return kind.finish?.(filled, writing) ?? filled;
}

/** What `POST /schemas/X/validate` looks at: the same faults, nothing is written. */
export function faults(
  kind: Kind,
  { fields, checks }: Description,
  filled: Entity,
  inspect: (entity: Entity) => Errors,
): Errors {
  const { ttl: _ttl, ...rest } = filled;
  const errors = validate(fields, checks, kind.ttl ? rest : filled);
  return Object.keys(errors).length > 0 ? errors : inspect(filled);
}

/** Every write sets `updated_at` anew, whatever the caller sent. */
function withoutUpdatedAt({ updated_at: _updated, ...entity }: Entity): Entity {
  return entity;
}

/** A foreign entity may be named instead of given by id: `{ service: { name: 'x' } }`. */
async function withForeignIds(node: Node, place: Place, kind: Kind, given: Entity): Promise<Entity> {
  const resolved: Entity = { ...given };
  for (const [field, reference] of Object.entries(kind.foreign)) {
    const value = given[field];
    const other = node.kinds.get(reference);
    const key = other?.endpointKey;
    if (!isRecord(value) || 'id' in value || !other || key === undefined || !(key in value)) continue;
    const row = await selectBy(place, other, key, asText(value[key]));
    if (row) resolved[field] = { id: asText(row['id'] as string) };
  }
  return resolved;
}
