import type { Config, GatewayConfig } from '../../config/schema.ts';
import { runnerFor } from '../../run-command/runner-for.ts';
import { Fault } from '../../runs/fault.ts';
import { kongVersion } from '../../steps/restore/fallback/kong-cli.ts';
import { ok, warn, type Check, type Finding } from './check.ts';

/** What restores need beside what backups need: a proxy to prove through, and Kong's own program for a fresh database. */
export function restoreChecks(config: Config): readonly Check[] {
  return config.gateways.flatMap((gateway) => {
    const { name, nodes, database, files } = gateway;
    const about = `${name}: Kong’s program`;
    const proof = { about: `${name}: proof`, look: async () => [proofFinding(`${name}: proof`, nodes)] };
    // Only of these can a fresh database be made.
    if (database === undefined || files === undefined) return [proof];
    return [proof, { about, look: async () => [await programFinding(about, gateway)] }];
  });
}

function proofFinding(about: string, nodes: Config['gateways'][number]['nodes']): Finding {
  const hint = 'Name each node with its proxy_url under nodes: a restore is proven through every one of them.';
  if (nodes.length === 0) return warn(about, 'no nodes are named, so a restore proves no route', hint);
  const without = nodes.filter(({ proxy_url }) => proxy_url === undefined).map(({ name }) => name);
  return without.length === 0
    ? ok(about, `through the proxies of ${nodes.length} ${nodes.length === 1 ? 'node' : 'nodes'}`)
    : warn(about, `no proxy_url: ${without.join(', ')}`, hint);
}

/** Every other way to restore does without it. */
async function programFinding(about: string, gateway: GatewayConfig): Promise<Finding> {
  const runner = runnerFor(gateway);
  const command = gateway.restore.kong_command;
  try {
    return ok(about, await kongVersion({ runner, command, signal: AbortSignal.timeout(LOOK_MS) }));
  } catch (error) {
    if (!(error instanceof Fault) || !error.code.startsWith('fresh.')) throw error;
    const what = error.code === 'fresh.no-kong' ? 'there is no program' : 'it cannot be started:';
    return warn(
      about,
      `${what} ${command.join(' ')} (${runner.where}), so no fresh database can be made when a dump cannot be used`,
      'Name Kong’s program under restore.kong_command, as it is called where the gateway’s commands run; every other restore does without it.',
    );
  }
}

const LOOK_MS = 20_000;
