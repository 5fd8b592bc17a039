import { z } from 'zod';
import { configSchema } from './schema.ts';

/** As much of a JSON Schema as is walked here. */
interface SchemaNode {
  readonly properties?: Readonly<Record<string, SchemaNode>>;
  readonly items?: SchemaNode;
  readonly anyOf?: readonly SchemaNode[];
}

const root = z.toJSONSchema(configSchema, { io: 'input' }) as SchemaNode;

/** The keys that may stand in the mapping at `path`; empty where there is none. */
export function allowedKeys(path: readonly PropertyKey[]): string[] {
  const nodes = path.reduce<readonly SchemaNode[]>((at, part) => at.flatMap((node) => step(node, part)), [root]);
  return nodes.flatMap(branches).flatMap((node) => Object.keys(node.properties ?? {}));
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
  return node.anyOf === undefined ? [node] : node.anyOf.flatMap(branches);
}
