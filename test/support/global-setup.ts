import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client } from 'pg';
import type { TestProject } from 'vitest/node';
import { migrate } from '../../src/postgres/migrate.ts';
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
  /** A database that `migrate` prepared: cloning it takes 40 ms where migrating takes 300. */
  readonly template: string;
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
    // A vacuum inside the template would make cloning it fail.
    server = await startEmbeddedPostgres({ settings: { ...THROW_AWAY_SETTINGS, autovacuum: 'off' } });
    return prepare(server.url);
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

async function prepare(superuserUrl: string): Promise<TestCluster> {
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
  const ownerUrl = await withRole('kong_chatops_owner');
  const botUrl = await withRole('kong_chatops');
  const template = 'migrated_template';
  await client.query(`CREATE DATABASE ${template} OWNER kong_chatops_owner`);
  await client.end();
  await migrate({ ownerUrl: inDatabase(ownerUrl, template), botUrl: inDatabase(botUrl, template) });
  return { superuserUrl, ownerUrl, botUrl, template };
}

function inDatabase(url: string, name: string): string {
  const changed = new URL(url);
  changed.pathname = `/${name}`;
  return changed.href;
}
