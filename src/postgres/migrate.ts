import { DEFAULT_SCHEMA, runMigrations } from 'bullmq';
import { Client } from 'pg';
import { inStore, StoreFault } from './fault.ts';
import { latestVersion, migrations, type Migration } from './migrations.ts';

export interface MigrateOptions {
  /** Role that owns the tables: DATABASE_OWNER_URL. */
  readonly ownerUrl: string;
  /** The lesser role that the bot runs as: DATABASE_URL. The same role as the owner works, with triggers alone. */
  readonly botUrl: string;
}
export interface MigrateResult {
  readonly before: number;
  readonly after: number;
  /** Names of what was applied by this call; empty when another process was first or nothing was due. */
  readonly applied: readonly string[];
  readonly owner: string;
  readonly bot: string;
}

/**
 * Brings the database up to this code: our tables, then BullMQ's in a schema of their own, then the bot's least rights.
 * Safe to run from several processes at once, and again. Throws a {@link StoreFault} with the exact statement when the
 * bot's role does not exist, and when the database is newer than the code.
 */
export async function migrate(options: MigrateOptions): Promise<MigrateResult> {
  const client = new Client({ connectionString: options.ownerUrl, application_name: 'kong-chatops migrate' });
  // The queries reject; the event itself has nothing to add.
  client.on('error', () => undefined);
  return inStore(async () => {
    await client.connect();
    try {
      return await migrateOn(client, roleOf(options.botUrl));
    } finally {
      await client.end();
    }
  });
}

async function migrateOn(client: Client, bot: string): Promise<MigrateResult> {
  // One migrator at a time; the others wait here, then find nothing to do.
  await client.query('SELECT pg_advisory_lock(1262700609, 2)');
  const owner = await lookBefore(client, bot);
  await createLedger(client);
  const before = await currentVersion(client);
  if (before > latestVersion()) throw newerDatabase(before);
  const applied: string[] = [];
  for (const migration of migrations().filter((one) => one.version > before)) {
    await apply(client, migration);
    applied.push(migration.name);
  }
  await runMigrations(client, DEFAULT_SCHEMA);
  if (bot !== owner) await grantLeastRights(client, bot);
  return { before, after: latestVersion(), applied, owner, bot };
}

/** What would make it fail half-way is asked first: the two roles and the right to make schemas. */
async function lookBefore(client: Client, bot: string): Promise<string> {
  const { rows } = await client.query<{ owner: string; bot_exists: boolean; may_create: boolean; database: string }>(
    `SELECT current_user AS owner, current_database() AS database,
            EXISTS (SELECT FROM pg_roles WHERE rolname = $1) AS bot_exists,
            has_database_privilege(current_database(), 'CREATE')
              OR (to_regnamespace('kong_chatops') IS NOT NULL AND to_regnamespace('bullmq') IS NOT NULL) AS may_create`,
    [bot],
  );
  const seen = rows[0];
  if (seen === undefined) throw new TypeError('the server answers one row');
  const quoted = client.escapeIdentifier(seen.database);
  if (!seen.bot_exists) {
    throw new StoreFault(
      'store.no-bot-role',
      `The role ${bot} that DATABASE_URL names does not exist in PostgreSQL.`,
      `As an administrator of the server run: CREATE ROLE ${client.escapeIdentifier(bot)} LOGIN PASSWORD '<the password in DATABASE_URL>'; ` +
        'then run `kong-chatops migrate` again.',
    );
  }
  if (!seen.may_create && seen.owner === bot) {
    throw new StoreFault(
      'store.owner-may-not-create',
      `The only role given is ${bot}, the bot's own, and it may not make schemas in the database ${seen.database}.`,
      'Set DATABASE_OWNER_URL to the role that owns the database, then run `kong-chatops migrate` again. ' +
        'Do not grant the bot’s role that right: then it could change the audit trail.',
    );
  }
  if (!seen.may_create) {
    throw new StoreFault(
      'store.owner-may-not-create',
      `The role ${seen.owner} may not make schemas in the database ${seen.database}.`,
      `As an administrator of the server run: GRANT CREATE ON DATABASE ${quoted} TO ${client.escapeIdentifier(seen.owner)}; ` +
        'then run `kong-chatops migrate` again.',
    );
  }
  return seen.owner;
}

async function createLedger(client: Client): Promise<void> {
  await client.query(`
    CREATE SCHEMA IF NOT EXISTS kong_chatops;
    CREATE TABLE IF NOT EXISTS kong_chatops.schema_version (
      version integer PRIMARY KEY, name text NOT NULL, applied_at timestamptz NOT NULL DEFAULT now())`);
}

async function currentVersion(client: Client): Promise<number> {
  const { rows } = await client.query<{ version: number }>(
    'SELECT coalesce(max(version), 0) AS version FROM kong_chatops.schema_version',
  );
  return rows[0]?.version ?? 0;
}

/** The number first: should the lock ever fail, the second of two runners stops at the unique number. */
async function apply(client: Client, migration: Migration): Promise<void> {
  await client.query('BEGIN');
  try {
    await client.query('INSERT INTO kong_chatops.schema_version (version, name) VALUES ($1, $2)', [
      migration.version,
      migration.name,
    ]);
    await client.query(migration.sql);
    await client.query('COMMIT');
  } catch (error) {
    await client.query('ROLLBACK');
    throw error;
  }
}

/** Everything the bot needs and nothing more: it reads, appends by one function, overwrites progress, serves queues. */
async function grantLeastRights(client: Client, bot: string): Promise<void> {
  const role = client.escapeIdentifier(bot);
  await client.query(`
    BEGIN;
    REVOKE ALL ON ALL TABLES IN SCHEMA kong_chatops FROM ${role};
    REVOKE ALL ON SCHEMA kong_chatops FROM ${role};
    GRANT USAGE ON SCHEMA kong_chatops, ${DEFAULT_SCHEMA} TO ${role};
    GRANT SELECT ON ALL TABLES IN SCHEMA kong_chatops TO ${role};
    GRANT INSERT, UPDATE, DELETE ON kong_chatops.step_progress TO ${role};
    GRANT EXECUTE ON FUNCTION kong_chatops.append_events(text, integer, text[], json, text) TO ${role};
    GRANT EXECUTE ON FUNCTION kong_chatops.append_batch(json) TO ${role};
    GRANT EXECUTE ON FUNCTION kong_chatops.next_run_number(text) TO ${role};
    GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA ${DEFAULT_SCHEMA} TO ${role};
    GRANT USAGE ON ALL SEQUENCES IN SCHEMA ${DEFAULT_SCHEMA} TO ${role};
    GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA ${DEFAULT_SCHEMA} TO ${role};
    COMMIT`);
}

/** Role name of a connection string, by the rules of `pg` itself (PGUSER, system user). Connects to nothing. */
function roleOf(url: string): string {
  const { user } = new Client({ connectionString: url });
  if (user === undefined) throw new TypeError('pg always knows a user name');
  return user;
}

/** The database was migrated by a newer version of the bot. */
export function newerDatabase(version: number): StoreFault {
  return new StoreFault(
    'store.newer',
    `The database is at version ${version}, this kong-chatops knows versions up to ${latestVersion()}.`,
    'Start the newer kong-chatops that migrated it. There is no way back down: restore the database if you must.',
  );
}
