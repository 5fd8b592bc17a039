import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { Client, Pool } from 'pg';
import { meetNeighbours } from './neighbours.ts';
import { serveProxy } from './proxy/serve.ts';
import type { TokenRights } from './admin/access.ts';
import { reloadNode, startNode } from './admin/node.ts';
import { EMPTY_HASH } from './dbless/config.ts';
import type { EnterpriseEntities } from './enterprise/lists.ts';
import { FaultPlan, type Faults } from './faults.ts';
import { type Seen, serve, type Serving } from './server.ts';
import type { Edition, Version } from './version.ts';

export interface StandInOptions {
  /** A Kong-shaped database: made by {@link createKongSchema} or restored from a real Kong's dump. */
  readonly databaseUrl: string;
  readonly version?: Version;
  /** `enterprise` adds workspaces and the token check as documented; not recorded from a real one. */
  readonly edition?: Edition;
  /** Of an Enterprise node: users, roles, groups, keyring … */
  readonly enterprise?: EnterpriseEntities;
  /** A node without a database. It keeps in the (empty) one that it is given what the original keeps in memory. */
  readonly dbless?: boolean;
  /** When set, requests need it in `Kong-Admin-Token`. */
  readonly token?: string;
  readonly tokenRights?: TokenRights;
  /** 0, the default, takes any free port of 127.0.0.1. */
  readonly port?: number;
  /** The same for the proxy. */
  readonly proxyPort?: number;
  /** What the node calls its prefix folder. */
  readonly prefix?: string;
  readonly onError?: (error: unknown) => void;
}

export interface StandInKong {
  /** Address of the Admin API, without a slash at its end. */
  readonly url: string;
  /** Address of the proxy, which answers in the place of every upstream. */
  readonly proxyUrl: string;
  readonly version: Version;
  readonly faults: Faults;
  /** Every request answered so far, the oldest first. */
  readonly requests: readonly Seen[];
  /** Like `kong reload`: what is held in memory (the id of the default workspace) is read again. */
  reload(): Promise<void>;
  /** Closes connections to callers and to the database. */
  stop(): Promise<void>;
}

/** Makes an empty database into one that this version of Kong has just bootstrapped. */
export async function createKongSchema(databaseUrl: string, version: Version = '3.9.1'): Promise<void> {
  const client = new Client({ connectionString: databaseUrl, application_name: 'stand-in kong schema' });
  await client.connect();
  try {
    await client.query(await readFile(join(import.meta.dirname, `schema-${version}.sql`), 'utf8'));
  } finally {
    await client.end();
  }
}

/**
 * A node that speaks Kong's Admin API over a Kong-shaped PostgreSQL database. GAPS.md says where it differs from a
 * real one. Several nodes may share a database; each holds a memory of its own.
 */
export async function startStandInKong(options: StandInOptions): Promise<StandInKong> {
  const version = options.version ?? '3.9.1';
  const pool = poolOf(options.databaseUrl);
  const node = await startNode(
    pool,
    version,
    options.edition ?? 'community',
    options.prefix ?? '/usr/local/kong',
    options.enterprise,
    options.dbless === true ? { hash: EMPTY_HASH } : null,
  ).catch(async (error: unknown) => {
    await pool.end();
    throw error;
  });
  const plan = new FaultPlan();
  const serving: Serving = {
    node,
    access: { token: options.token, rights: options.tokenRights ?? {} },
    faults: plan,
    seen: [],
    onError: options.onError ?? (() => undefined),
  };
  const listener = new Listener(() => createServer((request, response) => void serve(serving, request, response)));
  const proxy = new Listener(() => createServer((request, response) => void serveProxy(node, request, response)));
  await listener.start(options.port ?? 0);
  await proxy.start(options.proxyPort ?? 0);
  const leave = meetNeighbours(options.databaseUrl, node);
  return {
    url: `http://127.0.0.1:${listener.port}`,
    proxyUrl: `http://127.0.0.1:${proxy.port}`,
    version,
    faults: faultsOf(plan, listener, proxy),
    requests: serving.seen,
    reload: () => reloadNode(node),
    stop: async () => {
      leave();
      await listener.stop();
      await proxy.stop();
      await pool.end();
    },
  };
}

function poolOf(databaseUrl: string): Pool {
  const { hostname, port, pathname, username } = new URL(databaseUrl);
  const pool = new Pool({
    connectionString: databaseUrl,
    application_name: 'stand-in kong',
    max: 5,
    // Shown by `GET /`; node-postgres takes them from the address all the same.
    host: hostname,
    port: Number(port || 5432),
    database: pathname.slice(1),
    user: decodeURIComponent(username),
  });
  // A restarted server cuts idle connections; the next query opens new ones.
  pool.on('error', () => undefined);
  return pool;
}

/** A server that can go away and come back at the same port. */
class Listener {
  port = 0;
  private server: Server | null = null;
  private readonly make: () => Server;

  constructor(make: () => Server) {
    this.make = make;
  }

  async start(port = this.port): Promise<void> {
    if (this.server) return;
    const server = this.make();
    server.listen(port, '127.0.0.1');
    await once(server, 'listening');
    this.port = (server.address() as AddressInfo).port;
    this.server = server;
  }

  async stop(): Promise<void> {
    const { server } = this;
    if (!server) return;
    this.server = null;
    const closed = once(server, 'close');
    server.close();
    server.closeAllConnections();
    await closed;
  }
}

function faultsOf(plan: FaultPlan, listener: Listener, proxy: Listener): Faults {
  return {
    respond: (method, path, status, { times = 1, body = { message: 'injected' } } = {}) =>
      plan.add(method, path, { kind: 'respond', status, body }, times),
    hang: (method, path, times = 1) => plan.add(method, path, { kind: 'hang' }, times),
    drop: (method, path, times = 1) => plan.add(method, path, { kind: 'drop' }, times),
    clear: () => plan.clear(),
    stopListening: async () => {
      await listener.stop();
      await proxy.stop();
    },
    listenAgain: async () => {
      await listener.start();
      await proxy.start();
    },
  };
}
