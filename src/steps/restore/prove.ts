import { setTimeout as pause } from 'node:timers/promises';
import type { NodeConfig } from '../../config/schema/schema-restore.ts';
import type { Step, StepContext } from '../../engine/ports.ts';
import { chooseProofs } from '../../kong/proxy/choose-proofs.ts';
import type { Probe, Side } from '../../kong/proxy/choose-proofs.ts';
import type { DatabaseContent } from '../../kong/database/database-content.ts';
import { openProxy } from '../../kong/proxy/proxy-proof.ts';
import type { ProveOutputs } from '../../runbooks/restore.ts';
import { Fault } from '../../runs/fault.ts';
import type { Run } from '../../runs/run.ts';
import { keepProof, readProof } from '../attempt-proof.ts';
import { configuredDatabase } from '../gateway-access.ts';
import { some } from '../words.ts';
import { namesOf, nodesOf } from './deps.ts';
import type { RestoreDeps } from './deps.ts';
import type { ReloadOutputs } from './reload-nodes.ts';
import { endPredecessors, withContents, withServer } from './server-access.ts';

/** Proves through every node's proxy that it serves the restored state, or the state before once it is back. */
export function prove(deps: RestoreDeps, after: 'reload-nodes' | 'reload-back'): Step {
  return {
    takeOver: (context) => endPredecessors(deps, context),
    check: readProof,
    apply: async (context) => {
      // The state before may be the broken one that the restore was asked for: what people configured need not hold in it.
      const asked = after === 'reload-nodes' ? configuredProbes(deps) : [];
      const probes = [...asked, ...(await derived(deps, context, after))];
      await keepProof(context, await proveNodes(deps, context, { probes, after }));
    },
  };
}

/** What people said must hold. */
export function configuredProbes({ gateway, secret }: RestoreDeps): readonly Probe[] {
  const { proof, smoke } = gateway.restore;
  const asked = smoke.map(({ path, host, headers, expect_status }) => ({
    what: `${path} answers ${expect_status}`,
    path,
    host,
    headers: Object.fromEntries(
      Object.entries(headers).map(([name, value]) => [name, typeof value === 'string' ? value : secret(value)]),
    ),
    expect: expect_status,
  }));
  if (proof === undefined) return asked;
  const { path, host, credential } = proof;
  const headers = { [credential.header]: secret(credential.value) };
  return [
    { what: `${path} asks for a credential`, path, host, expect: 'refused' },
    { what: `the configured credential is admitted on ${path}`, path, host, headers, expect: 'admitted' },
    ...asked,
  ];
}

/** Enough for any gateway that one person can look over; beyond it absence is not proven. */
const MOST = 5000;

/** What tells the live database from the other one. */
async function derived(deps: RestoreDeps, context: StepContext, after: string): Promise<readonly Probe[]> {
  const names = namesOf(context.run, configuredDatabase(deps));
  const other = after === 'reload-nodes' ? names.kept : names.scratch;
  const rows = await withServer(deps, context, (server) => server.databases([other]));
  return await withContents(deps, context, [other in rows ? other : null, names.live], async (before, live) => {
    const sides = await Promise.all([sideOf(live), before === null ? null : sideOf(before)]);
    return chooseProofs(...sides);
  });
}

async function sideOf(content: DatabaseContent): Promise<Side> {
  const routes = await content.routes(MOST);
  const keys = await content.apiKeys(MOST);
  return { routes, keys, whole: routes.length < MOST && keys.length < MOST };
}

interface Proving {
  readonly probes: readonly Probe[];
  /** The step that made the nodes forget. */
  readonly after: 'reload-nodes' | 'reload-back' | 'purge-nodes' | 'purge-back' | 'load-dbless' | 'load-dbless-back';
}

/** Asks every node's proxy until all of it shows, or says which node does not show what. */
export async function proveNodes(deps: RestoreDeps, context: StepContext, proving: Proving): Promise<ProveOutputs> {
  const reloads = (context.run.steps[proving.after]?.outputs as ReloadOutputs | undefined)?.nodes ?? [];
  const nodes = nodesOf(deps);
  const results = await Promise.all(nodes.map((node) => proveNode(deps, context, node, proving.probes)));
  const byHand = nodes.filter(({ name }) => reloads.find(({ node }) => node === name)?.problem != null);
  const restartByHand = byHand.map(({ name }) => name);
  // A node that could not be purged is named and restarted by people; what it shows until then is no news.
  const wrong = results.filter(({ node, problems }) => problems.length > 0 && !restartByHand.includes(node));
  if (wrong.length > 0) throw notProven(context.run, wrong);
  return {
    nodes: results.map(({ node, proven, unasked }) => ({
      node,
      purged: reloads.find((reload) => reload.node === node)?.purged === true,
      proven,
      ...(unasked === undefined ? {} : { unasked }),
    })),
    restartByHand,
  };
}

interface NodeProof {
  readonly node: string;
  readonly proven: readonly string[];
  readonly problems: readonly string[];
  readonly unasked?: 'no-proxy' | 'no-request';
}

/** Asks until everything shows or the patience is over: workers of a reloaded node come up one after the other. */
async function proveNode(
  deps: RestoreDeps,
  { signal }: StepContext,
  { name, proxy_url, proxy_ca_file }: NodeConfig,
  probes: readonly Probe[],
): Promise<NodeProof> {
  if (proxy_url === undefined) return { node: name, proven: [], problems: [], unasked: 'no-proxy' };
  if (probes.length === 0) return { node: name, proven: [], problems: [], unasked: 'no-request' };
  const timeoutMs = deps.gateway.admin_api.timeout_seconds * 1000;
  const proxy = await openProxy({ node: name, url: proxy_url, caFile: proxy_ca_file, timeoutMs, signal });
  const until = Date.now() + deps.gateway.restore.proof_seconds * 1000;
  try {
    for (;;) {
      const results = await Promise.all(probes.map(async (probe) => ({ probe, seen: await seenBy(proxy.ask, probe) })));
      const problems = results.flatMap(({ probe, seen }) => (seen === null ? [] : [`${probe.what}: ${seen}`]));
      if (problems.length === 0) return { node: name, proven: probes.map(({ what }) => what), problems };
      if (Date.now() > until) {
        return {
          node: name,
          proven: results.flatMap(({ probe, seen }) => (seen === null ? [probe.what] : [])),
          problems,
        };
      }
      await pause(Math.min(AGAIN_MS, deps.gateway.restore.proof_seconds * 100), undefined, { signal });
    }
  } finally {
    await proxy.close();
  }
}

const AGAIN_MS = 500;

async function seenBy(ask: (probe: Probe) => Promise<string | null>, probe: Probe): Promise<string | null> {
  try {
    return await ask(probe);
  } catch (error) {
    if (error instanceof Fault) return error.message;
    throw error;
  }
}

function notProven(run: Run, wrong: readonly NodeProof[]): Fault {
  const each = wrong.map(({ node, problems }) => `${node} (${some(problems, 3)})`);
  const restored = run.rollback === undefined;
  return new Fault(
    'restore.not-proven',
    `${liveNow(run, restored)}, but not every node serves it: ${some(each)}.`,
    restored
      ? 'Restart these nodes and look again, then close the run; or roll it back.'
      : 'Restart these nodes, then roll back again: it looks at everything once more.',
  );
}

function liveNow(run: Run, restored: boolean): string {
  const { strategy } = run.plan.parameters;
  if (strategy === 'declarative' || strategy === 'dbless') {
    return `The gateway is configured ${restored ? 'as in the set' : 'as before again'}`;
  }
  return restored ? 'The restored database is live' : 'The database from before is live again';
}
