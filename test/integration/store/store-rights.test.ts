import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { checkStore } from '../../../src/postgres/check.ts';
import { migrate } from '../../../src/postgres/migrate.ts';
import { startTransactionPooler } from '../../support/store/transaction-pooler.ts';
import { freshDatabase, withClient, type TestDatabase } from '../../support/store/postgres.ts';

const trail = 'kong_chatops.audit_events';
let database: TestDatabase;
beforeAll(async () => {
  database = await freshDatabase({ migrated: true });
});
afterAll(() => database.drop());

describe('the bot role', () => {
  it.each([
    [
      'insert',
      `INSERT INTO ${trail} SELECT seq + 1000, run_id, version + 1000, body, prev_hash, hash FROM ${trail} LIMIT 1`,
    ],
    ['update', `UPDATE ${trail} SET body = '{}'`],
    ['delete', `DELETE FROM ${trail}`],
    ['truncate', `TRUNCATE ${trail}`],
    ['alter', `ALTER TABLE ${trail} ADD COLUMN more int`],
    ['drop', `DROP TABLE ${trail}`],
    ['switch the trigger off', `ALTER TABLE ${trail} DISABLE TRIGGER append_only`],
    [
      'replace the function',
      `CREATE OR REPLACE FUNCTION kong_chatops.refuse_change() RETURNS trigger LANGUAGE sql AS ''`,
    ],
    ['write the index', `UPDATE kong_chatops.runs SET state = 'succeeded'`],
    ['forget a delivery', `DELETE FROM kong_chatops.deliveries`],
    ['make tables', `CREATE TABLE kong_chatops.mine (id int)`],
    ['pose as a replica', `SET session_replication_role = replica`],
    ['become the owner', `SET ROLE kong_chatops_owner`],
  ])('may not %s', async (_what, sql) => {
    await expect(withClient(database.botUrl, (client) => client.query(sql))).rejects.toMatchObject({ code: '42501' });
  });

  it.each([
    'INSERT INTO kong_chatops.audit_events DEFAULT VALUES',
    `UPDATE ${trail} SET body = '{}'`,
    `DELETE FROM ${trail}`,
    `TRUNCATE ${trail}`,
  ])('is no exception: the owner too is refused by the trigger: %s', async (sql) => {
    const refused = withClient(database.ownerUrl, (client) => client.query(sql));
    await expect(refused).rejects.toMatchObject({
      code: '42501',
      message: `the audit trail is append-only: ${sql.split(' ')[0]} refused`,
      hint: 'Rows are appended by kong_chatops.append_events and never change.',
    });
  });
});

describe('the check of the store', () => {
  it('says that role and triggers protect the trail (decision 6)', async () => {
    expect(await checkStore(database.botUrl)).toMatchObject({
      role: 'kong_chatops',
      protection: 'role and triggers',
      weak: [],
    });
  });

  it('says that triggers alone protect it when the bot runs as the owner, or as a superuser', async () => {
    expect(await checkStore(database.ownerUrl)).toMatchObject({
      protection: 'triggers alone',
      weak: ['the role kong_chatops_owner owns the tables'],
    });
    expect(await checkStore(database.superuserUrl)).toMatchObject({
      protection: 'triggers alone',
      weak: ['the role postgres is a superuser'],
    });
  });

  it('refuses a pooler in transaction mode, where locks and notifications are lost (decision 8)', async () => {
    const pooler = await startTransactionPooler(database.botUrl);
    await expect(checkStore(pooler.url)).rejects.toMatchObject({
      code: 'store.transaction-pooler',
      message:
        'DATABASE_URL leads to a pooler in transaction mode: locks on running steps and notifications do not survive there.',
      hint: 'Point DATABASE_URL at PostgreSQL itself, or at a pooler in session mode.',
    });
    await pooler.stop();
  });

  it('refuses a store whose trigger is off', async () => {
    const other = await freshDatabase({ migrated: true });
    await withClient(other.ownerUrl, (client) => client.query(`ALTER TABLE ${trail} DISABLE TRIGGER append_only`));
    await expect(checkStore(other.botUrl)).rejects.toMatchObject({
      code: 'store.unprotected',
      message: 'The trigger that keeps the audit trail append-only is missing or switched off.',
      hint: 'Find out who did it, run `kong-chatops audit verify`, then as the owner: ALTER TABLE kong_chatops.audit_events ENABLE ALWAYS TRIGGER append_only;',
    });
    await other.drop();
  });

  it('refuses an unprepared and a newer database (decision 7)', async () => {
    const other = await freshDatabase();
    const hint = 'Run `kong-chatops migrate` with DATABASE_OWNER_URL set, then start again.';
    await expect(checkStore(other.botUrl)).rejects.toMatchObject({
      code: 'store.not-migrated',
      message: 'The database of kong-chatops has not been prepared for this version.',
      hint,
    });
    await migrate(other);
    const ledger = (sql: string) => withClient(other.ownerUrl, (client) => client.query(sql));
    await ledger(
      'DELETE FROM kong_chatops.schema_version WHERE version = (SELECT max(version) FROM kong_chatops.schema_version)',
    );
    await expect(checkStore(other.botUrl)).rejects.toMatchObject({ code: 'store.not-migrated', hint });
    await ledger(`INSERT INTO kong_chatops.schema_version (version, name) VALUES (9999, 'future')`);
    await expect(checkStore(other.botUrl)).rejects.toMatchObject({ code: 'store.newer' });
    await other.drop();
  });

  it('says that the login was refused, without the password', async () => {
    const url = new URL(database.botUrl);
    url.password = 'wrong-secret';
    const error: unknown = await checkStore(url.href).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({
      code: 'store.login-refused',
      message: 'The database refused the login of kong-chatops, or has no database of that name.',
      hint: 'Check role, password and database name in DATABASE_URL (and DATABASE_OWNER_URL).',
    });
    expect(JSON.stringify(error)).not.toContain('wrong-secret');
  });
});
