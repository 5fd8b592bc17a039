import { type Node, purgeNode } from './admin/node.ts';

/**
 * Nodes of one cluster by the address of their database. The original tells the others of a change through a table that
 * each of them polls; here they are told at once. A database that is swapped tells nobody, there and here.
 */
const clusters = new Map<string, Set<Node>>();

/** Joins the cluster of this database; answers how to leave it. */
export function meetNeighbours(databaseUrl: string, node: Node): () => void {
  const cluster = clusters.get(databaseUrl) ?? new Set();
  clusters.set(databaseUrl, cluster.add(node));
  return () => {
    cluster.delete(node);
    if (cluster.size === 0) clusters.delete(databaseUrl);
  };
}

/** Something was changed through one node: every node of its cluster reads again. */
export async function tellNeighbours(node: Node): Promise<void> {
  const cluster = [...clusters.values()].find((nodes) => nodes.has(node)) ?? [];
  await Promise.all([...cluster].map(purgeNode));
}
