import type { Step, StepContext } from '../../../engine/ports.ts';
import { loadNodeConfig } from '../../../kong/dbless/load-config.ts';
import { chooseProofs } from '../../../kong/proxy/choose-proofs.ts';
import type { Probe } from '../../../kong/proxy/choose-proofs.ts';
import { Fault } from '../../../runs/fault.ts';
import type { JsonObject } from '../../../runs/json.ts';
import { keepProof, readProof } from '../../attempt-proof.ts';
import { some } from '../../words.ts';
import type { RestoreDeps } from '../deps.ts';
import { configuredProbes, proveNodes } from '../prove.ts';
import { lookAtNode, observeDbless } from './diff-dbless.ts';
import { connectionOf, wantedNodes, withNode } from './nodes.ts';
import type { WantedNode } from './nodes.ts';

/** Outputs of `load-dbless` and `load-dbless-back`: every node and the hash of what it serves. */
export interface LoadOutputs extends JsonObject {
  readonly nodes: readonly { readonly node: string; readonly configurationHash: string }[];
}

/** Gives every node the configuration of the set. What a node has already is not loaded again. */
export function loadDbless(deps: RestoreDeps): Step {
  return { observe: (context) => observeDbless(deps, context), ...loading(deps, false) };
}

/** The same with what the safety backup holds. Harmless when nothing was loaded. */
export function loadDblessBack(deps: RestoreDeps): Step {
  return loading(deps, true);
}

function loading(deps: RestoreDeps, back: boolean): Step {
  return {
    check: async (context) => served(deps, context, await wantedNodes(deps, context, back), back),
    apply: async (context) => load(deps, context, await wantedNodes(deps, context, back)),
  };
}

async function load(deps: RestoreDeps, context: StepContext, wanted: readonly WantedNode[]): Promise<void> {
  const done: string[] = [];
  for (const [index, { node, text }] of wanted.entries()) {
    context.signal.throwIfAborted();
    context.progress({ done: index, total: wanted.length, unit: 'checks', note: `loading into ${node.name}` });
    try {
      await loadNodeConfig(connectionOf(deps, node, context.signal), node.name, text);
    } catch (error) {
      if (!(error instanceof Fault)) throw error;
      const left = wanted.slice(index).map(({ node }) => node.name);
      throw done.length === 0 ? error : halfDone(error, done, left);
    }
    done.push(node.name);
  }
}

/** Null until every node says that it serves exactly what it was given. */
async function served(
  deps: RestoreDeps,
  context: StepContext,
  wanted: readonly WantedNode[],
  back: boolean,
): Promise<LoadOutputs | null> {
  const nodes: { node: string; configurationHash: string }[] = [];
  for (const one of wanted) {
    const { configurationHash } = await withNode(deps, one.node, context.signal, (admin) => admin.status());
    // What was before came from a file with other words: it is the same again when its entities are.
    const same = configurationHash === one.hash || (back && (await untouched(deps, context, one, configurationHash)));
    if (!same) return null;
    nodes.push({ node: one.node.name, configurationHash: configurationHash ?? '' });
  }
  return { nodes };
}

/** True where the node was never given anything else: it has the hash that it had when it was looked at. */
async function untouched(
  deps: RestoreDeps,
  context: StepContext,
  one: WantedNode,
  hash: string | null,
): Promise<boolean> {
  const seen = context.run.steps['diff-dbless']?.outputs as
    | { nodes?: readonly { node: string; present: string }[] }
    | undefined;
  if (seen?.nodes?.find(({ node }) => node === one.node.name)?.present !== hash) return false;
  const { answer } = await lookAtNode(deps, context, one);
  return answer.differences.length === 0 && answer.hashes.length === 0;
}

/** Reads every node back and compares entity by entity, then asks its proxy. */
export function readBackDbless(deps: RestoreDeps, back: boolean): Step {
  return {
    check: readProof,
    apply: async (context) => {
      await keepProof(context, await readBack(deps, context, back));
    },
  };
}

async function readBack(deps: RestoreDeps, context: StepContext, back: boolean): Promise<JsonObject> {
  const wrong: string[] = [];
  for (const one of await wantedNodes(deps, context, back)) {
    const { answer } = await lookAtNode(deps, context, one);
    const names = [...answer.differences, ...answer.hashes].map(({ list, name }) => `${list} ${name}`);
    if (names.length > 0) wrong.push(`${one.node.name} (${some(names, 3)})`);
  }
  if (wrong.length > 0) throw notAsWanted(wrong);
  const probes = [...(back ? [] : configuredProbes(deps)), ...(await derivedProbes(deps, context, back))];
  return await proveNodes(deps, context, { probes, after: back ? 'load-dbless-back' : 'load-dbless' });
}

/** Routes that tell what the nodes have now from what they had. Nodes that differ from each other are not told apart. */
async function derivedProbes(deps: RestoreDeps, context: StepContext, back: boolean): Promise<readonly Probe[]> {
  const others = await wantedNodes(deps, context, !back);
  const [other] = others;
  if (other === undefined || new Set(others.map(({ hash }) => hash)).size > 1) return [];
  const { answer } = await lookAtNode(deps, context, other, true);
  if (answer.sides === null) return [];
  return chooseProofs(answer.sides.present, answer.sides.source);
}

function halfDone(fault: Fault, done: readonly string[], left: readonly string[]): Fault {
  return new Fault(
    'dbless.half-done',
    `The gateway is half restored: ${some(done)} ${done.length === 1 ? 'has' : 'have'} the restored configuration, ${some(left)} not: ${fault.message}`,
    'Roll this run back: that loads the configuration from before into every node again. Or remove the cause, close this run and restore again.',
    { cause: fault, retryable: fault.retryable },
  );
}

function notAsWanted(wrong: readonly string[]): Fault {
  return new Fault(
    'dbless.not-as-wanted',
    `What was loaded does not read back as it was saved: ${some(wrong)}.`,
    'Somebody else may load configurations into these nodes: stop that, then roll this run back or restore again.',
  );
}
