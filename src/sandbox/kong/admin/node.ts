import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import type { Pool } from 'pg';
import { selectWorkspaces } from '../db/statements.ts';
import { proxyMemory, type ProxyMemory } from '../proxy/memory.ts';
import type { Dbless } from '../dbless/config.ts';
import type { EnterpriseEntities } from '../enterprise/lists.ts';
import { type Kind, kindsOf } from '../entities/table.ts';
import type { Entity } from '../schema/fill.ts';
import type { Edition, Version } from '../version.ts';

/** One running node: what it is, where its rows are, and what it holds in memory. */
export interface Node {
  readonly version: Version;
  readonly edition: Edition;
  readonly pool: Pool;
  readonly kinds: ReadonlyMap<string, Kind>;
  readonly id: string;
  readonly hostname: string;
  readonly prefix: string;
  /** Requests answered since the start, for `GET /status`. */
  served: number;
  /** Id of the default workspace, read once: a database swapped under a running node keeps the old id in force. */
  workspace: string;
  /** What its proxy holds in memory. */
  readonly proxy: ProxyMemory;
  /** Of an Enterprise node: what it holds beside the entities of its database. */
  readonly enterprise: EnterpriseEntities;
  /** Of a node without a database; its rows are its memory then. */
  readonly dbless: Dbless | null;
}

export interface Call {
  readonly method: string;
  /** Decoded path segments, without the workspace. */
  readonly path: readonly string[];
  readonly query: URLSearchParams;
  /** The parsed body of a POST, PUT or PATCH; an empty object when there was none. */
  readonly body: Entity;
  /** Id of the workspace that the call is about. */
  readonly workspace: string;
}

/** What a nested list hangs below: `/consumers/ID/key-auth`. */
export interface Owner {
  readonly kind: Kind;
  /** The field that points to the owner. */
  readonly field: string;
  readonly id: string;
  /** The path segment of the list. */
  readonly nested: string;
}

/** A node over the database that the pool leads to. Throws when there is no default workspace: Kong would not start. */
export async function startNode(
  pool: Pool,
  version: Version,
  edition: Edition,
  prefix: string,
  enterprise: EnterpriseEntities = {},
  dbless: Dbless | null = null,
): Promise<Node> {
  const node: Node = {
    version,
    edition,
    pool,
    prefix,
    kinds: kindsOf(version),
    id: randomUUID(),
    hostname: hostname(),
    served: 0,
    workspace: '',
    proxy: proxyMemory(pool),
    enterprise,
    dbless,
  };
  await reloadNode(node);
  return node;
}

/** `kong reload`: what the node held in memory is read again. */
export async function reloadNode(node: Node): Promise<void> {
  const found = (await selectWorkspaces(node.pool)).find(({ name }) => name === 'default');
  if (!found) throw new Error('the database has no default workspace: create it with the schema of the stand-in');
  node.workspace = found.id;
  await node.proxy.rebuild(found.id);
}

/** `DELETE /cache`: cached credentials go, and the routes are read again; the id of the workspace stays (facts I3, I4). */
export async function purgeNode(node: Node): Promise<void> {
  node.proxy.forgetCredentials();
  // Without a database it goes on with the routes that it has.
  await node.proxy.rebuild(node.workspace).catch(() => undefined);
}
