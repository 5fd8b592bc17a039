import { pluginFields } from '../entities/plugins.ts';
import { bundledPlugins, PLUGINS } from '../plugins/table.ts';
import { fieldsOf } from '../schema/field.ts';
import { fill } from '../schema/fill.ts';
import { renderSchema } from '../schema/render.ts';
import { type Answer, badRequest, methodNotAllowed, notBuilt, notFound, ok, schemaViolation } from './answer.ts';
import type { Call, Node } from './node.ts';
import { describe, faults } from './prepare.ts';

/** `/schemas/X`, `/schemas/plugins/X` and `/schemas/X/validate`. */
export function schemas(node: Node, call: Call): Answer {
  const [, name = '', second] = call.path;
  if (second === 'validate') return call.method === 'POST' ? validateOnly(node, call, name) : methodNotAllowed;
  return call.method === 'GET' ? schema(node, name, second) : methodNotAllowed;
}

function schema(node: Node, name: string, inner: string | undefined): Answer {
  if (name === 'plugins' && inner !== undefined) return pluginSchema(node, inner);
  if (name === 'vaults' && inner !== undefined) return notBuilt('schemas of vaults');
  if (inner !== undefined) return notFound;
  const kind = node.kinds.get(name);
  return kind ? ok(renderSchema(kind.fields, kind.checks ?? [], node.version)) : noSchema(name);
}

const noSchema = (name: string): Answer => ({ ...badRequest(`No entity named '${name}'`), status: 404 });

function pluginSchema(node: Node, name: string): Answer {
  const plugin = PLUGINS[name];
  if (plugin) return ok(renderSchema(pluginFields(plugin, node.version), plugin.checks ?? [], node.version));
  if (bundledPlugins(node.version).includes(name)) return notBuilt(`schema of the plugin ${name}`);
  return { ...badRequest(`No plugin named '${name}'`), status: 404 };
}

function validateOnly(node: Node, call: Call, name: string): Answer {
  const kind = node.kinds.get(name);
  if (!kind) return noSchema(name);
  const given = kind.expand?.(call.body, node.version) ?? call.body;
  const description = describe(node, kind, given);
  // Foreign entities need not exist yet: decK validates a whole file before it writes anything.
  const fields = Object.fromEntries(
    Object.entries(description.fields).map(([name, field]) => [
      name,
      field.type === 'foreign' ? { ...field, required: false } : field,
    ]),
  );
  const filled = fill(fields, given, Date.now());
  const errors = faults(kind, { ...description, fields: fieldsOf(fields, node.version) }, filled, () => ({}));
  if (Object.keys(errors).length > 0) throw schemaViolation(errors);
  return ok({ message: 'schema validation successful' });
}
