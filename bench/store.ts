import { randomBytes } from 'node:crypto';
import { Client } from 'pg';
import { migrate } from '../src/postgres/migrate.ts';
import { startEmbeddedPostgres } from '../src/sandbox/embedded-postgres.ts';

/** A PostgreSQL server with the store in it, as an operator would have it: durable, the bot with the lesser role. */
export interface BenchStore {
  readonly superuserUrl: string;
  /** Of the role that the bot runs as. */
  readonly botUrl: string;
  /** Of an empty database of the owner, for a gateway's own tables. */
  readonly emptyDatabase: (name: string) => Promise<string>;
  stop(): Promise<void>;
}

export async function openStore(): Promise<BenchStore> {
  const server = await startEmbeddedPostgres({ settings: { shared_buffers: '128MB', max_connections: '200' } });
  try {
    const ownerUrl = await addRole(server.url, 'kong_chatops_owner');
    const botUrl = await addRole(server.url, 'kong_chatops');
    const emptyDatabase = async (name: string): Promise<string> => {
      await administer(server.url, `CREATE DATABASE ${name} OWNER kong_chatops_owner TEMPLATE template0`);
      return inDatabase(ownerUrl, name);
    };
    const store = await emptyDatabase('kong_chatops');
    await migrate({ ownerUrl: store, botUrl: inDatabase(botUrl, 'kong_chatops') });
    return {
      superuserUrl: server.url,
      botUrl: inDatabase(botUrl, 'kong_chatops'),
      emptyDatabase,
      stop: () => server.stop(),
    };
  } catch (error) {
    await server.stop();
    throw error;
  }
}

async function addRole(serverUrl: string, name: string): Promise<string> {
  const url = new URL(serverUrl);
  url.username = name;
  url.password = randomBytes(12).toString('hex');
  await administer(serverUrl, `CREATE ROLE ${name} LOGIN PASSWORD '${url.password}'`);
  return url.href;
}

async function administer(url: string, statement: string): Promise<void> {
  const client = new Client({ connectionString: url });
  await client.connect();
  await client.query(statement);
  await client.end();
}

function inDatabase(url: string, name: string): string {
  const changed = new URL(url);
  changed.pathname = `/${name}`;
  return changed.href;
}

/** `15.18` */
export async function serverVersion(url: string): Promise<string> {
  const client = new Client({ connectionString: url });
  await client.connect();
  const { rows } = await client.query<{ server_version: string }>('SHOW server_version');
  await client.end();
  return rows[0]?.server_version ?? 'unknown';
}
