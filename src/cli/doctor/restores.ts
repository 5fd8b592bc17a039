import type { Config } from '../../config/schema.ts';
import { ok, warn, type Check, type Finding } from './check.ts';

/** What restores need beside what backups need: a proxy to prove through. */
export function restoreChecks(config: Config): readonly Check[] {
  return config.gateways.map(({ name, nodes }) => ({
    about: `${name}: proof`,
    look: async () => [proofFinding(`${name}: proof`, nodes)],
  }));
}

function proofFinding(about: string, nodes: Config['gateways'][number]['nodes']): Finding {
  const hint = 'Name each node with its proxy_url under nodes: a restore is proven through every one of them.';
  if (nodes.length === 0) return warn(about, 'no nodes are named, so a restore proves no route', hint);
  const without = nodes.filter(({ proxy_url }) => proxy_url === undefined).map(({ name }) => name);
  return without.length === 0
    ? ok(about, `through the proxies of ${nodes.length} ${nodes.length === 1 ? 'node' : 'nodes'}`)
    : warn(about, `no proxy_url: ${without.join(', ')}`, hint);
}
