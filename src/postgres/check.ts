import { assertSchemaCompatibility, DEFAULT_SCHEMA, SchemaMigrationRequiredError } from 'bullmq';
import { Client } from 'pg';
import { inStore, notMigrated, StoreFault } from './fault.ts';
import { newerDatabase } from './migrate.ts';
import { latestVersion } from './migrations.ts';

/** What `start`, `doctor` and `/readyz` say about the store. */
export interface StoreCheck {
  readonly version: number;
  readonly serverVersion: string;
  readonly role: string;
  /**
   * `role and triggers`: the bot's role cannot change the trail. `triggers alone`: it could, by switching the triggers
   * off first. `weak` names why.
   */
  readonly protection: 'role and triggers' | 'triggers alone';
  readonly weak: readonly string[];
}

/**
 * Looks at the store with the bot's own connection string and changes nothing. Throws a {@link StoreFault} when the
 * database is not migrated, newer than this code, unreachable, or behind a pooler in transaction mode.
 */
export async function checkStore(botUrl: string): Promise<StoreCheck> {
  const client = new Client({
    connectionString: botUrl,
    application_name: 'kong-chatops check',
    connectionTimeoutMillis: 10_000,
    query_timeout: 10_000,
  });
  client.on('error', () => undefined);
  return inStore(async () => {
    await client.connect();
    try {
      if (await isBehindTransactionPooler(client, botUrl)) throw transactionPooler();
      await assertVersions(client);
      return await readProtection(client);
    } finally {
      await client.end();
    }
  });
}

async function assertVersions(client: Client): Promise<void> {
  const { rows } = await client.query<{ version: number }>(
    'SELECT coalesce(max(version), 0) AS version FROM kong_chatops.schema_version',
  );
  const version = rows[0]?.version ?? 0;
  if (version > latestVersion()) throw newerDatabase(version);
  if (version < latestVersion()) throw notMigrated();
  try {
    await assertSchemaCompatibility(client, DEFAULT_SCHEMA);
  } catch (error) {
    throw error instanceof SchemaMigrationRequiredError ? notMigrated(error) : error;
  }
}

async function readProtection(client: Client): Promise<StoreCheck> {
  const { rows } = await client.query<{
    role: string;
    server_version: string;
    superuser: boolean;
    owner: boolean;
    may_write: boolean;
    guarded: boolean;
  }>(
    `SELECT current_user AS role, current_setting('server_version') AS server_version,
            (SELECT rolsuper FROM pg_roles WHERE rolname = current_user) AS superuser,
            pg_has_role(current_user, c.relowner, 'USAGE') AS owner,
            has_table_privilege(c.oid, 'INSERT, UPDATE, DELETE, TRUNCATE, TRIGGER') AS may_write,
            EXISTS (SELECT FROM pg_trigger t
                     WHERE t.tgrelid = c.oid AND t.tgname = 'append_only' AND t.tgenabled = 'A') AS guarded
       FROM pg_class c WHERE c.oid = 'kong_chatops.audit_events'::regclass`,
  );
  const seen = rows[0];
  if (seen === undefined) throw notMigrated();
  if (!seen.guarded) throw triggersOff();
  const weak = [
    seen.superuser ? `the role ${seen.role} is a superuser` : null,
    seen.owner && !seen.superuser ? `the role ${seen.role} owns the tables` : null,
    seen.may_write && !seen.owner && !seen.superuser ? `the role ${seen.role} may write to the trail` : null,
  ].filter((reason) => reason !== null);
  return {
    version: latestVersion(),
    serverVersion: seen.server_version,
    role: seen.role,
    protection: weak.length === 0 ? 'role and triggers' : 'triggers alone',
    weak,
  };
}

/**
 * True when two clients of ours share server sessions between transactions: then session locks and LISTEN are lost.
 * While a second client holds a transaction open, the first must still meet the session that it met before.
 */
async function isBehindTransactionPooler(first: Client, url: string): Promise<boolean> {
  const second = new Client({ connectionString: url, application_name: 'kong-chatops check', query_timeout: 10_000 });
  second.on('error', () => undefined);
  const before = await backendPid(first);
  await second.connect();
  try {
    await second.query('BEGIN');
    const other = await backendPid(second);
    const after = await backendPid(first);
    await second.query('ROLLBACK');
    return other === before || after !== before;
  } finally {
    await second.end();
  }
}

async function backendPid(client: Client): Promise<number> {
  const { rows } = await client.query<{ pid: number }>('SELECT pg_backend_pid() AS pid');
  return rows[0]?.pid ?? 0;
}

function transactionPooler(): StoreFault {
  return new StoreFault(
    'store.transaction-pooler',
    'DATABASE_URL leads to a pooler in transaction mode: locks on running steps and notifications do not survive there.',
    'Point DATABASE_URL at PostgreSQL itself, or at a pooler in session mode.',
  );
}

function triggersOff(): StoreFault {
  return new StoreFault(
    'store.unprotected',
    'The trigger that keeps the audit trail append-only is missing or switched off.',
    'Find out who did it, run `kong-chatops audit verify`, then as the owner: ' +
      'ALTER TABLE kong_chatops.audit_events ENABLE ALWAYS TRIGGER append_only;',
  );
}
