import { z } from 'zod';
import { configSchema } from './schema.ts';

/** As much of a JSON Schema as is walked here. */
interface SchemaNode {
  readonly properties?: Readonly<Record<string, SchemaNode>>;
  readonly items?: SchemaNode;
  readonly anyOf?: readonly SchemaNode[];
  readonly oneOf?: readonly SchemaNode[];
  readonly const?: unknown;
}

const root = z.toJSONSchema(configSchema, { io: 'input' }) as SchemaNode;

/** The keys that may stand in the mapping at `path`, of the kind that `found` names there; empty where there is none. */
export function allowedKeys(path: readonly PropertyKey[], found?: unknown): string[] {
  const nodes = path.reduce<readonly SchemaNode[]>((at, part) => at.flatMap((node) => step(node, part)), [root]);
  const mappings = nodes.flatMap(branches);
  const meant = mappings.filter(({ properties }) => properties?.['kind']?.const === kindOf(found));
  const keys = (meant.length === 0 ? mappings : meant).flatMap((node) => Object.keys(node.properties ?? {}));
  return [...new Set(keys)];
}

function kindOf(found: unknown): unknown {
  return typeof found === 'object' && found !== null && 'kind' in found ? found.kind : undefined;
}

/** Every key of the file as a dotted path without list positions, e.g. `gateways.admin_api.url`. For the reference. */
export function everyKey(): string[] {
  return [...new Set(keysBelow(root, ''))];
}

function keysBelow(node: SchemaNode, prefix: string): string[] {
  return branches(node).flatMap((branch) => [
    ...(branch.items === undefined ? [] : keysBelow(branch.items, prefix)),
    ...Object.entries(branch.properties ?? {}).flatMap(([name, child]) => {
      const path = prefix === '' ? name : `${prefix}.${name}`;
      return [path, ...keysBelow(child, path)];
    }),
  ]);
}

function step(node: SchemaNode, part: PropertyKey): readonly SchemaNode[] {
  return branches(node).flatMap((branch) => {
    const next = typeof part === 'number' ? branch.items : branch.properties?.[String(part)];
    return next === undefined ? [] : [next];
  });
}

function branches(node: SchemaNode): readonly SchemaNode[] {
  const choices = node.anyOf ?? node.oneOf;
  return choices === undefined ? [node] : choices.flatMap(branches);
}
