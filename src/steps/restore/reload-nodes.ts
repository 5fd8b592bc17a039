import { setTimeout as pause } from 'node:timers/promises';
import type { NodeConfig } from '../../config/schema/schema-restore.ts';
import type { Step, StepContext } from '../../engine/ports.ts';
import { purgeCache } from '../../kong/admin/node.ts';
import { Fault } from '../../runs/fault.ts';
import type { JsonObject } from '../../runs/json.ts';
import { keepProof, readProof } from '../attempt-proof.ts';
import { adminConnection } from '../gateway-access.ts';
import { nodesOf } from './deps.ts';
import type { RestoreDeps } from './deps.ts';
import { keysHeld } from './keyring/recover-keyring.ts';

/** What was done to a node. `problem`: why it must be restarted by hand. */
export type NodeReload = {
  readonly node: string;
  readonly reloaded: boolean;
  readonly purged: boolean;
  readonly problem: string | null;
};

/** Outputs of `reload-nodes` and `reload-back`. */
export interface ReloadOutputs extends JsonObject {
  readonly nodes: readonly NodeReload[];
  readonly restartByHand: readonly string[];
  /** Of `reload-nodes` where keys are brought back next: ids of those that the first node holds. */
  readonly keys?: readonly string[];
}

/**
 * Makes every node forget what it holds in memory: a reload for routes and the id of the workspace, then `DELETE /cache`
 * for cached credentials, which a reload keeps (facts I4). One node that cannot be purged is named, the others go on.
 */
export function reloadNodes(deps: RestoreDeps): Step {
  return forgetting(deps, (context, node) => forget(deps, context, node));
}

/** The purge alone: what came through the Admin API is known to the nodes, but for what was put into the database past it. */
export function purgeNodes(deps: RestoreDeps): Step {
  return forgetting(deps, async (context, node) => {
    const problem = await purge(deps, context, node);
    return { node: node.name, reloaded: false, purged: problem === null, problem };
  });
}

function forgetting(
  deps: RestoreDeps,
  forgetOne: (context: StepContext, node: NodeConfig) => Promise<NodeReload>,
): Step {
  return {
    check: readProof,
    apply: async (context) => {
      const nodes: NodeReload[] = [];
      for (const node of nodesOf(deps)) nodes.push(await forgetOne(context, node));
      const restartByHand = nodes.filter(({ problem }) => problem !== null).map(({ node }) => node);
      const keys = bringsKeys(context) ? await keysHeld(deps, context) : null;
      const outputs: ReloadOutputs = { nodes, restartByHand, ...(keys === null ? {} : { keys }) };
      await keepProof(context, outputs);
    },
  };
}

/** Whoever dies in the step behind this one leaves keys: which of them were there before is on record then. */
function bringsKeys({ run, step }: StepContext): boolean {
  return step === 'reload-nodes' && run.plan.steps.some(({ id }) => id === 'recover-keyring');
}

async function forget(deps: RestoreDeps, context: StepContext, node: NodeConfig): Promise<NodeReload> {
  const reloaded = await reload(deps, context, node);
  const purged = await purge(deps, context, node);
  const problem = [reloaded.problem, purged].filter((text) => text !== null).join(' ') || null;
  return { node: node.name, reloaded: reloaded.done, purged: purged === null, problem };
}

const RELOAD_MS = 60_000;

async function reload(
  { runner }: RestoreDeps,
  { signal }: StepContext,
  { reload }: NodeConfig,
): Promise<{ done: boolean; problem: string | null }> {
  if (reload === 'none') return { done: false, problem: null };
  const [program = '', ...args] = reload.command;
  const finished = await runner.run({ program, args, signal, timeoutMs: RELOAD_MS });
  signal.throwIfAborted();
  if (finished.exitCode === 0) return { done: true, problem: null };
  const how = finished.notFound
    ? 'is not there'
    : finished.timedOut
      ? 'did not end within a minute'
      : `ended with ${finished.exitCode === null ? finished.signal : `exit code ${finished.exitCode}`}`;
  return { done: false, problem: `The reload command (${program}) ${how}.` };
}

const TRIES = 3;

/** Null when it was purged. A node that has just reloaded may drop a connection. */
async function purge(deps: RestoreDeps, { signal }: StepContext, node: NodeConfig): Promise<string | null> {
  const options = { ...adminConnection(deps, node.admin_api ?? deps.gateway.admin_api), signal };
  for (let tried = 1; ; tried += 1) {
    try {
      await purgeCache(options);
      return null;
    } catch (error) {
      if (!(error instanceof Fault)) throw error;
      if (tried === TRIES) return error.message;
      await pause(300 * tried, undefined, { signal });
    }
  }
}
