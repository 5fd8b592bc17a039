import { readFile } from 'node:fs/promises';
import type { ManifestArtifact } from '../../../backup/set/manifest.ts';
import type { Manifest } from '../../../backup/set/manifest.ts';
import type { OpenSet } from '../../../backup/set/open-set.ts';
import type { NodeConfig } from '../../../config/schema/schema-restore.ts';
import type { StepContext } from '../../../engine/ports.ts';
import { adminApi } from '../../../kong/admin/admin.ts';
import type { AdminApi } from '../../../kong/admin/admin.ts';
import { configurationHashOf } from '../../../kong/dbless/load-config.ts';
import { Fault } from '../../../runs/fault.ts';
import { adminConnection } from '../../gateway-access.ts';
import { some } from '../../words.ts';
import { fetchOnce, openSafety } from '../declarative/source.ts';
import { nodesOf } from '../deps.ts';
import type { RestoreDeps } from '../deps.ts';
import { openProven } from '../set-reader.ts';

/** A node and the configuration that it is to have. The text holds secrets. */
export interface WantedNode {
  readonly node: NodeConfig;
  readonly text: string;
  /** The same on the worker. */
  readonly path: string;
  /** What the node says of itself once it has it. */
  readonly hash: string;
}

/** Saved configurations of nodes by the node's name. */
export function savedNodes({ artifacts }: Pick<Manifest, 'artifacts'>): ReadonlyMap<string, ManifestArtifact> {
  return new Map(
    artifacts.flatMap((artifact): [string, ManifestArtifact][] => {
      const { node } = artifact.facts;
      return artifact.kind === 'dbless' && typeof node === 'string' ? [[node, artifact]] : [];
    }),
  );
}

/**
 * The saved configuration of each present node. A node that the set does not know gets that of the others where all of
 * them had the same; else nobody can say which it should have.
 */
export function artifactsFor(
  manifest: Pick<Manifest, 'artifacts'>,
  nodes: readonly NodeConfig[],
): ReadonlyMap<string, ManifestArtifact> {
  const saved = savedNodes(manifest);
  const alike = new Set([...saved.values()].map(({ facts }) => facts['configurationHash'])).size === 1;
  const [any] = alike ? [...saved.values()] : [];
  const strangers = nodes.filter(({ name }) => !saved.has(name));
  if (strangers.length > 0 && any === undefined) {
    throw new Fault(
      'dbless.unknown-node',
      `The set holds no configuration of ${some(strangers.map(({ name }) => name))}, and those that it holds differ from each other (${some([...saved.keys()])}).`,
      'Name the nodes in the configuration as they were when the set was taken, or restore another set.',
    );
  }
  return new Map(
    nodes.flatMap(({ name }): [string, ManifestArtifact][] => {
      const artifact = saved.get(name) ?? any;
      return artifact === undefined ? [] : [[name, artifact]];
    }),
  );
}

/** What each node is to have: of the set, or (`back`) of this run's own safety backup. */
export async function wantedNodes(
  deps: RestoreDeps,
  context: StepContext,
  back: boolean,
): Promise<readonly WantedNode[]> {
  const set: OpenSet = back ? await openSafety(deps, context) : await openProven(deps, context.run);
  const nodes = nodesOf(deps);
  const artifacts = artifactsFor(set.manifest, nodes);
  const wanted: WantedNode[] = [];
  for (const node of nodes) {
    const artifact = artifacts.get(node.name);
    if (artifact === undefined) throw notSaved(set.ref.set, node.name);
    const path = await fetchOnce(set, artifact, context);
    const text = await readFile(path, 'utf8');
    wanted.push({ node, text, path, hash: configurationHashOf(text) });
  }
  return wanted;
}

function notSaved(set: string, node: string): Fault {
  return new Fault(
    'dbless.not-saved',
    `The set ${set} holds no configuration of node ${node}.`,
    'Restore another set, or load a configuration into this node by hand (POST /config).',
  );
}

/** How the Admin API of this node is reached. */
export function connectionOf(deps: RestoreDeps, node: NodeConfig, signal: AbortSignal) {
  return { ...adminConnection(deps, node.admin_api ?? deps.gateway.admin_api), signal };
}

/** Does a piece of work over the Admin API of one node. */
export async function withNode<T>(
  deps: RestoreDeps,
  node: NodeConfig,
  signal: AbortSignal,
  work: (admin: AdminApi) => Promise<T>,
): Promise<T> {
  const admin = adminApi(connectionOf(deps, node, signal));
  try {
    return await work(admin);
  } finally {
    await admin.close();
  }
}
