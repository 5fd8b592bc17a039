import { createHash } from 'node:crypto';
import { parseDocument } from 'yaml';
import { describe, faults } from '../admin/prepare.ts';
import type { Node } from '../admin/node.ts';
import type { Kind } from '../entities/table.ts';
import type { Json } from '../schema/field.ts';
import { asText, type Entity, fill, isRecord } from '../schema/fill.ts';
import { isUuid } from '../schema/validate.ts';

/** One entity of a declarative file, complete: defaults filled in, references by id. */
export interface Declared {
  readonly kind: Kind;
  readonly given: Entity;
  /** As it is stored: passwords hashed. */
  readonly complete: Entity;
  /** As it was before that. */
  readonly filled: Entity;
}

/** What is wrong, nested like the file; and each faulty entity by itself, as `flatten_errors` shows it. */
export interface Wrong {
  readonly fields: Entity;
  readonly flattened: readonly Json[];
}

export type Declaration = { readonly entities: readonly Declared[] } | { readonly wrong: Wrong };

/** Kong makes the ids of entities without one from their names, the same every time (recorded on 2.8.5 and 3.9.1). */
const NAMESPACE = 'fd02801f-0957-4a15-a55a-c8d9606f30b5';

/** Reads a declarative file: flat or nested, YAML or JSON. Validates everything before anything is loaded. */
export function readDeclaration(node: Node, text: string): Declaration {
  const yaml = parseDocument(text);
  const [broken] = yaml.errors;
  if (broken) {
    const at = broken.linePos?.[0] ?? { line: 1, col: 1 };
    const error = `failed parsing declarative configuration: ${at.line}:${at.col - 1}: did not find expected node content`;
    return { wrong: { fields: { error }, flattened: [] } };
  }
  const document = (yaml.toJS() ?? {}) as Json;
  return isRecord(document)
    ? declare(node, document)
    : { wrong: { fields: { error: 'expected an object' }, flattened: [] } };
}

/** The same of what is already parsed. */
export function declare(node: Node, document: Entity): Declaration {
  if (document['_format_version'] === undefined)
    return { wrong: { fields: { _format_version: 'required field missing' }, flattened: [] } };
  const walk: Walk = { node, transform: document['_transform'] !== false, entities: [], fields: {}, flattened: [] };
  for (const [name, list] of Object.entries(document)) {
    if (name.startsWith('_')) continue;
    const kind = node.kinds.get(name);
    if (!kind || !Array.isArray(list)) walk.fields[name] = kind ? 'expected an array' : 'unknown field';
    else visitAll(walk, kind, list as readonly Json[], walk.fields, null);
  }
  if (Object.keys(walk.fields).length > 0) return { wrong: { fields: walk.fields, flattened: walk.flattened } };
  return { entities: walk.entities };
}

interface Walk {
  readonly node: Node;
  /** False: values are as they are stored, so passwords are not hashed again. */
  readonly transform: boolean;
  readonly entities: Declared[];
  readonly fields: Entity;
  readonly flattened: Json[];
}

type Parent = { readonly field: string; readonly id: string } | null;

function visitAll(walk: Walk, kind: Kind, list: readonly Json[], wrong: Entity, parent: Parent): void {
  const errors: Json[] = [];
  for (const [index, item] of list.entries()) {
    const found = isRecord(item) ? visit(walk, kind, item, parent) : { error: 'expected a record' };
    if (Object.keys(found).length > 0) errors[index] = found;
  }
  if (errors.length > 0) wrong[kind.name] = Array.from(errors, (error) => error ?? null);
}

/** Adds the entity and those nested in it; answers what is wrong with them. */
function visit(walk: Walk, kind: Kind, item: Entity, parent: Parent): Entity {
  const isNested = (name: string): boolean => !(name in kind.fields) && walk.node.kinds.has(name);
  const entries = Object.entries(item);
  const own = Object.fromEntries(entries.filter(([name]) => !isNested(name)));
  const given: Entity = { ...referred(kind, own), ...(parent && { [parent.field]: { id: parent.id } }) };
  given['id'] ??= generatedId(kind, given);
  const wrong = complete(walk, kind, given, own);
  for (const [name, list] of entries.filter(([name]) => isNested(name))) {
    const child = walk.node.kinds.get(name);
    const field = Object.entries(child?.foreign ?? {}).find(([, reference]) => reference === kind.name)?.[0];
    if (!child || field === undefined || !Array.isArray(list)) wrong[name] = 'unknown field';
    else if (refusesNested(walk, name)) wrong[name] = list.map(() => ({ certificate: 'required field missing' }));
    else visitAll(walk, child, list as readonly Json[], wrong, { field, id: asText(given['id']) });
  }
  return wrong;
}

/** Kong 3 takes server names below their certificate only where it transforms what it reads (facts I3). */
function refusesNested({ node, transform }: Walk, name: string): boolean {
  return name === 'snis' && !transform && node.version === '3.9.1';
}

/** Adds one entity with its defaults; answers what is wrong with it. `own`: as the file has it. */
function complete({ node, transform, entities, flattened }: Walk, kind: Kind, given: Entity, own: Entity): Entity {
  const expanded = kind.expand?.(given, node.version) ?? given;
  const description = describe(node, kind, expanded);
  const filled = fill(description.fields, expanded, Date.now());
  const writing = { version: node.version, given: expanded };
  const wrong: Entity = { ...(faults(kind, description, filled, () => ({})) as Entity) };
  if (Object.keys(wrong).length > 0) flattened.push(flattenedError(kind, own, wrong));
  const stored = transform ? (kind.finish?.(filled, writing) ?? filled) : filled;
  entities.push({ kind, given: expanded, complete: stored, filled });
  return wrong;
}

/** `service: catalog`, `service: ID` and `service: {name: catalog}` all mean a foreign id. */
function referred(kind: Kind, item: Entity): Entity {
  const resolved: Entity = { ...item };
  for (const [field, reference] of Object.entries(kind.foreign)) {
    const value = item[field];
    const key = isRecord(value) ? asText(value['id'] ?? value['name'] ?? value['username']) : asText(value);
    if (key !== '') resolved[field] = { id: isUuid(key) ? key : uuid5(uuid5(NAMESPACE, reference), key) };
  }
  return resolved;
}

function generatedId(kind: Kind, given: Entity): string {
  const key = kind.endpointKey === undefined ? '' : asText(given[kind.endpointKey]);
  return uuid5(uuid5(NAMESPACE, kind.name), key === '' ? JSON.stringify(given) : key);
}

/** RFC 9562, version 5. */
function uuid5(namespace: string, name: string): string {
  const bytes = createHash('sha1')
    .update(Buffer.from(namespace.replaceAll('-', ''), 'hex'))
    .update(name)
    .digest()
    .subarray(0, 16);
  bytes[6] = ((bytes[6] ?? 0) & 0x0f) | 0x50;
  bytes[8] = ((bytes[8] ?? 0) & 0x3f) | 0x80;
  const hex = bytes.toString('hex');
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-');
}

function flattenedError(kind: Kind, entity: Entity, wrong: Entity): Json {
  const name = asText(entity[kind.endpointKey ?? 'name']);
  return {
    entity_type: kind.name.replace(/s$/, ''),
    ...(name !== '' && { entity_name: name }),
    entity,
    errors: Object.entries(wrong).map(([field, message]) => ({ type: 'field', field, message })),
  };
}
