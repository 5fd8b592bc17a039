import type { Config } from '../../config/schema.ts';
import { ok, warn, type Check, type Finding } from './check.ts';

/** What restores and drills need beside what backups need: a server to drill on, a proxy to prove through. */
export function restoreChecks(config: Config): readonly Check[] {
  return [
    { about: 'drills', look: async () => [drillFinding(config)] },
    ...config.gateways.map(({ name, nodes }) => ({
      about: `${name}: proof`,
      look: async () => [proofFinding(`${name}: proof`, nodes)],
    })),
  ];
}

function drillFinding({ drills, environment }: Config): Finding {
  if (drills.database_url !== undefined) return ok('drills', 'restore on drills.database_url');
  if (environment.DATABASE_OWNER_URL !== undefined) return ok('drills', 'restore on the server of DATABASE_OWNER_URL');
  return warn(
    'drills',
    'there is no PostgreSQL on which a set could be restored to prove it',
    'Name one under drills.database_url: a role with CREATEDB on a server of the gateway’s major version.',
  );
}

function proofFinding(about: string, nodes: Config['gateways'][number]['nodes']): Finding {
  const hint = 'Name each node with its proxy_url under nodes: a restore is proven through every one of them.';
  if (nodes.length === 0) return warn(about, 'no nodes are named, so a restore proves no route', hint);
  const without = nodes.filter(({ proxy_url }) => proxy_url === undefined).map(({ name }) => name);
  return without.length === 0
    ? ok(about, `through the proxies of ${nodes.length} ${nodes.length === 1 ? 'node' : 'nodes'}`)
    : warn(about, `no proxy_url: ${without.join(', ')}`, hint);
}
