/** Makes a recorded and a fresh answer comparable: what belongs to one run or one machine goes (GAPS.md lists it). */

type Loose = Record<string, unknown>;

export function comparable(path: string, body: unknown, isWrite: boolean): unknown {
  if (path === '/') return ofRoot(body as Loose);
  if (path === '/status') return ofStatus(body as Loose);
  if (path === '/plugins/enabled') return sortedTexts((body as Loose)['enabled_plugins']);
  if (path.startsWith('/schemas') && !isWrite) return ofSchema(body);
  if (isWrite) return without(body, ['created_at', 'updated_at']);
  // The recording changed the weight of a target after it had been listed and before the database was dumped.
  return path.includes('/targets') ? without(body, ['updated_at']) : body;
}

/** Drops these keys of the answer itself and of the entities in it, not deeper. */
export function without(body: unknown, keys: readonly string[]): unknown {
  if (!isRecord(body)) return body;
  const kept = Object.fromEntries(Object.entries(body).filter(([key]) => !keys.includes(key)));
  const data = kept['data'];
  return Array.isArray(data) ? { ...kept, data: data.map((item) => without(item, keys)) } : kept;
}

function ofRoot(root: Loose): unknown {
  const { hostname, node_id, pids, timers, configuration, plugins, ...rest } = root;
  const { enabled_in_cluster: enabled, ...available } = plugins as Loose;
  const { database, role, plugins: bundled, log_level, pg_password } = configuration as Loose;
  return {
    ...rest,
    kinds: [typeof hostname, typeof node_id, keysOf(pids), keysOf(timers)],
    enabled: sortedTexts(enabled),
    available,
    configuration: { database, role, bundled, log_level, pg_password },
  };
}

function ofStatus(status: Loose): unknown {
  const memory = status['memory'] as { lua_shared_dicts: Record<string, Loose>; workers_lua_vms: Loose[] };
  return {
    database: status['database'],
    server: keysOf(status['server']),
    workers: memory.workers_lua_vms.map(keysOf),
    dicts: Object.entries(memory.lua_shared_dicts)
      .map(([name, { capacity }]) => `${name} ${String(capacity)}`)
      .sort(),
  };
}

/** Fields sorted by name, descriptions dropped. */
function ofSchema(value: unknown): unknown {
  if (Array.isArray(value)) return sortedFields(value.map(ofSchema));
  if (!isRecord(value)) return value;
  const kept = Object.entries(value).filter(([key]) => key !== 'description');
  // Kong adds a length to some conditions when it first checks them.
  const shown = kept.map(([key, inner]) => [key, ofSchema(key === 'if_match' ? without(inner, ['len_min']) : inner)]);
  return Object.fromEntries(shown) as Loose;
}

function sortedFields(items: unknown[]): unknown[] {
  const isFields = items.every((item) => isRecord(item) && Object.keys(item).length === 1);
  return isFields ? items.sort((a, b) => ((keysOf(a)[0] ?? '') < (keysOf(b)[0] ?? '') ? -1 : 1)) : items;
}

function keysOf(value: unknown): string[] {
  return isRecord(value) ? Object.keys(value).sort() : [];
}

function sortedTexts(value: unknown): string[] {
  return [...(value as string[])].sort();
}

function isRecord(value: unknown): value is Loose {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
