import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client } from 'pg';
import type { TestProject } from 'vitest/node';
import {
  startEmbeddedPostgres,
  THROW_AWAY_SETTINGS,
  type EmbeddedPostgres,
} from '../../src/sandbox/embedded-postgres.ts';

declare module 'vitest' {
  export interface ProvidedContext {
    /** A socket that answers with a {@link TestCluster} as JSON; the server starts at the first question. */
    postgresSocket: string;
  }
}

/** The one PostgreSQL server of a test run and its three roles. Passwords are random per run. */
export interface TestCluster {
  readonly superuserUrl: string;
  readonly ownerUrl: string;
  readonly botUrl: string;
}

/**
 * One PostgreSQL server per test run, the same binaries everywhere. It starts when the first test file asks, so that
 * a run of unit tests does not pay for it.
 */
export async function setup(project: TestProject): Promise<() => Promise<void>> {
  const folder = await mkdtemp(join(tmpdir(), 'kong-chatops-test-'));
  const path = join(folder, 'postgres.sock');
  let server: EmbeddedPostgres | null = null;
  let cluster: Promise<TestCluster> | null = null;
  const start = async (): Promise<TestCluster> => {
    server = await startEmbeddedPostgres({ settings: THROW_AWAY_SETTINGS });
    return createRoles(server.url);
  };
  const broker = createServer((socket) => {
    cluster ??= start();
    void answer(socket, cluster);
  });
  broker.listen(path);
  await once(broker, 'listening');
  project.provide('postgresSocket', path);
  return async () => {
    broker.close();
    await cluster?.catch(() => undefined);
    await server?.stop();
    await rm(folder, { recursive: true, force: true });
  };
}

async function answer(socket: Socket, cluster: Promise<TestCluster>): Promise<void> {
  socket.on('error', () => undefined);
  try {
    socket.end(JSON.stringify(await cluster));
  } catch (error) {
    socket.end(
      JSON.stringify({ error: error instanceof Error ? `${error.message} ${String(error.cause)}` : String(error) }),
    );
  }
}

async function createRoles(superuserUrl: string): Promise<TestCluster> {
  const client = new Client({ connectionString: superuserUrl });
  await client.connect();
  const withRole = async (name: string): Promise<string> => {
    const password = randomBytes(12).toString('base64url');
    await client.query(`CREATE ROLE ${name} LOGIN PASSWORD ${client.escapeLiteral(password)}`);
    const url = new URL(superuserUrl);
    url.username = name;
    url.password = password;
    return url.href;
  };
  const cluster = {
    superuserUrl,
    ownerUrl: await withRole('kong_chatops_owner'),
    botUrl: await withRole('kong_chatops'),
  };
  await client.end();
  return cluster;
}
