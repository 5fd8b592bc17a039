import { randomBytes } from 'node:crypto';
import { connect } from 'node:net';
import { text } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import { Client } from 'pg';
import { inject } from 'vitest';
import type { TestCluster } from '../global-setup.ts';

/** A database of one test file alone. */
export interface TestDatabase {
  readonly name: string;
  /** Role that owns the database. */
  readonly ownerUrl: string;
  /** The lesser role that the bot runs as. */
  readonly botUrl: string;
  readonly superuserUrl: string;
  /** Removes it. Throws when connections are still open: a test that leaks a pool fails here, by name. */
  drop(): Promise<void>;
}

/**
 * Makes a database for one test file on the run's own server (PostgreSQL 15): empty, or with the store in it
 * (`migrated`). `on`: on another server, as its superuser. Call `drop` in `afterAll`.
 */
export async function freshDatabase(options: { migrated?: boolean; on?: string } = {}): Promise<TestDatabase> {
  const { on } = options;
  const cluster = on === undefined ? await testCluster() : { superuserUrl: on, ownerUrl: on, botUrl: on, template: '' };
  const owner = on === undefined ? 'OWNER kong_chatops_owner' : '';
  const name = `t_${randomBytes(6).toString('hex')}`;
  const template = options.migrated === true ? cluster.template : 'template1';
  await withClient(cluster.superuserUrl, (client) =>
    client.query(`CREATE DATABASE ${name} ${owner} TEMPLATE ${template}`),
  );
  return {
    name,
    ownerUrl: inDatabase(cluster.ownerUrl, name),
    botUrl: inDatabase(cluster.botUrl, name),
    superuserUrl: inDatabase(cluster.superuserUrl, name),
    drop: () => dropDatabase(cluster.superuserUrl, name),
  };
}

/** Runs one piece of work on a connection of its own. */
export async function withClient<T>(url: string, work: (client: Client) => Promise<T>): Promise<T> {
  const client = new Client({ connectionString: url, application_name: 'test support' });
  // A test may kill this session or its server: the query rejects, the event has nothing to add.
  client.on('error', () => undefined);
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}

/** The server of this test run; starts it when nobody asked before. */
async function testCluster(): Promise<TestCluster> {
  const answer = JSON.parse(await text(connect(inject('postgresSocket')))) as TestCluster | { error: string };
  if ('error' in answer) throw new Error(`no PostgreSQL for the tests: ${answer.error}`);
  return answer;
}

function inDatabase(url: string, name: string): string {
  const changed = new URL(url);
  changed.pathname = `/${name}`;
  return changed.href;
}

async function dropDatabase(superuserUrl: string, name: string): Promise<void> {
  await withClient(superuserUrl, async (client) => {
    const open = await openConnections(client, name);
    await client.query(`DROP DATABASE IF EXISTS ${name} WITH (FORCE)`);
    if (open.length > 0) throw new Error(`the test leaked ${open.length} database connections: ${open.join(', ')}`);
  });
}

/** A closed connection takes a moment to leave the list, so only those that stay for a second count. */
async function openConnections(client: Client, name: string): Promise<string[]> {
  for (let waited = 0; ; waited += 50) {
    const { rows } = await client.query<{ application: string }>(
      `SELECT coalesce(nullif(application_name, ''), 'unnamed') || ' as ' || usename AS application
         FROM pg_stat_activity WHERE datname = $1`,
      [name],
    );
    if (rows.length === 0 || waited >= 1000) return rows.map((row) => row.application);
    await sleep(50);
  }
}
