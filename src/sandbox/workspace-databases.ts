import { randomBytes } from 'node:crypto';
import { Client } from 'pg';
import { migrate } from '../postgres/migrate.ts';
import { startEmbeddedPostgres, THROW_AWAY_SETTINGS } from './embedded-postgres.ts';
import type { Closers } from './workspace-closers.ts';

/** The sandbox's one PostgreSQL: the bot's database and a database of each Kong. */
export interface SandboxDatabases {
  readonly host: string;
  readonly port: number;
  /** Owns the bot's tables. */
  readonly ownerUrl: string;
  /** The lesser role that the bot runs as. */
  readonly botUrl: string;
  /** The role that owns and dumps the Kongs' databases. */
  readonly kong: { readonly user: string; readonly password: string };
  urlOf(database: string): string;
  /** Makes an empty database that the Kongs' role owns. */
  create(database: string): Promise<void>;
  /** Runs one piece of work as the Kongs' role. */
  inDatabase<T>(database: string, work: (client: Client) => Promise<T>): Promise<T>;
}

const OWNER = 'kong_chatops_owner';
const BOT = 'kong_chatops';
const KONG = 'kong';

/** Starts PostgreSQL, makes the roles and the bot's database, and migrates it. Throws a Fault when it cannot start. */
export async function startDatabases(open: Closers): Promise<SandboxDatabases> {
  const postgres = await startEmbeddedPostgres({ settings: THROW_AWAY_SETTINGS });
  open.add('PostgreSQL', () => postgres.stop());
  const passwords = { [OWNER]: password(), [BOT]: password(), [KONG]: password() };
  const url = (role: keyof typeof passwords, database: string): string =>
    `postgresql://${role}:${passwords[role]}@127.0.0.1:${postgres.port}/${database}`;
  await withClient(postgres.url, async (admin) => {
    for (const [role, secret] of Object.entries(passwords)) {
      // A restore makes and renames databases; a drill restores into one beside the bot's own.
      const makes = role === BOT ? '' : 'CREATEDB';
      await admin.query(`CREATE ROLE ${role} LOGIN ${makes} PASSWORD '${secret}'`);
    }
    await admin.query(`CREATE DATABASE ${BOT} OWNER ${OWNER}`);
  });
  const databases: SandboxDatabases = {
    host: '127.0.0.1',
    port: postgres.port,
    ownerUrl: url(OWNER, BOT),
    botUrl: url(BOT, BOT),
    kong: { user: KONG, password: passwords[KONG] },
    urlOf: (database) => url(KONG, database),
    create: (database) =>
      withClient(postgres.url, async (admin) => {
        await admin.query(`CREATE DATABASE ${database} OWNER ${KONG}`);
      }),
    inDatabase: (database, work) => withClient(url(KONG, database), work),
  };
  await migrate({ ownerUrl: databases.ownerUrl, botUrl: databases.botUrl });
  return databases;
}

/** Hexadecimal, so that it needs no quoting anywhere. */
function password(): string {
  return randomBytes(16).toString('hex');
}

async function withClient<T>(url: string, work: (client: Client) => Promise<T>): Promise<T> {
  const client = new Client({ connectionString: url, application_name: 'sandbox' });
  // A server that ends while this is open says so to the query; the event itself has nothing to add.
  client.on('error', () => undefined);
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}
