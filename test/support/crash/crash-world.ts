import { generateKeyPairSync } from 'node:crypto';
import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { generateX25519Identity, identityToRecipient } from 'age-encryption';
import type { Pool } from 'pg';
import { createEventStore } from '../../../src/audit/store.ts';
import type { EventStore } from '../../../src/engine/ports.ts';
import { createPool } from '../../../src/postgres/pool.ts';
import { writeKongFiles, type KongFiles } from '../../../src/sandbox/kong/prefix.ts';
import { STAGING } from '../../../src/sandbox/kong/seed/gateway.ts';
import { seedKong } from '../../../src/sandbox/kong/seed/seed.ts';
import { createKongSchema, startStandInKong, type StandInKong } from '../../../src/sandbox/kong/stand-in.ts';
import { startTinySlack, type TinySlack } from '../slack/tiny-slack.ts';
import { freshDatabase, withClient, type TestDatabase } from '../store/postgres.ts';

const RELOAD = fileURLToPath(new URL('../../../src/sandbox/kong/reload.ts', import.meta.url));
// A hundred processes load the same modules: only the first has to strip their types.
const COMPILED = join(tmpdir(), 'kong-chatops-crash-compiled');
const signing = generateKeyPairSync('ed25519').privateKey.export({ type: 'pkcs8', format: 'pem' }) as string;

/** One gateway, one store, one Slack, one destination: a stage for one telling of the story. */
export interface CrashWorld {
  readonly node: StandInKong;
  readonly slack: TinySlack;
  readonly store: Pick<EventStore, 'load' | 'findRuns'>;
  readonly destination: string;
  /** Everything of the bot's own lies below it. */
  readonly folder: string;
  /** The bot's own database, as its owner. */
  readonly storeUrl: string;
  /** The environment of a bot that serves this gateway. */
  readonly env: NodeJS.ProcessEnv;
  /** Where a bot writes down that it is about to die. */
  readonly deaths: string;
  /** The change that the restore takes away: a route that is in no backup. */
  addRoute(): Promise<void>;
  /** Which database has the gateway's name: the one of the beginning, or another. Throws when none has. */
  live(): Promise<'old' | 'new'>;
  /** Every database that belongs to this gateway. */
  databases(): Promise<readonly string[]>;
  /** Everything below the temporary folder of the bots but what is meant to stay. */
  leftBehind(): Promise<readonly string[]>;
  end(): Promise<void>;
}

export interface CrashWorldOptions {
  /** Null: queues on PostgreSQL. */
  readonly redisUrl?: string | null;
  /** Of the role that owns the gateway's database. */
  readonly password?: string;
  /** Asked for by the Admin API. */
  readonly token?: string;
  /** Beside the local folder. */
  readonly destinations?: readonly { readonly name: string }[];
  readonly env?: Readonly<Record<string, string>>;
}

interface Place {
  readonly host: string;
  readonly port: number;
  readonly name: string;
  readonly user: string;
}

export async function openCrashWorld(options: CrashWorldOptions = {}): Promise<CrashWorld> {
  const { password = 'made-up', token } = options;
  const [database, kong, slack] = await Promise.all([
    freshDatabase({ migrated: true }),
    freshDatabase(),
    startTinySlack(),
  ]);
  const { url, place } = await ownedByItsRole(kong, password);
  await createKongSchema(url, '3.9.1');
  await seedKong(url, STAGING, '3.9.1');
  const node = await startStandInKong({ databaseUrl: url, ...(token === undefined ? {} : { token }) });
  const folder = await mkdtemp(join(tmpdir(), 'kong-chatops-crash-'));
  const files = await writeKongFiles(folder, { database: { ...place, password } });
  const destination = join(folder, 'backups');
  const scratch = join(folder, 'tmp');
  await Promise.all([mkdir(destination), mkdir(scratch)]);
  const parts: Parts = { node, slack, place, files, destination, folder, options };
  const env = { ...(await environment(parts, url, database.botUrl)), TMPDIR: scratch, ...options.env };
  const quiet = { applicationName: 'crash harness', max: 1, onError: () => undefined };
  const pool = createPool({ url: database.botUrl, ...quiet });
  const server = createPool({ url: new URL('/postgres', kong.superuserUrl).href, ...quiet });
  const first = (await databasesOf(server, place.name))[place.name];
  return {
    node,
    slack,
    destination,
    env,
    store: createEventStore(pool),
    deaths: join(folder, 'deaths'),
    folder,
    storeUrl: database.ownerUrl,
    addRoute: async () => {
      const headers = {
        'content-type': 'application/json',
        ...(token === undefined ? {} : { 'kong-admin-token': token }),
      };
      const body = JSON.stringify({ name: 'before', paths: ['/before'] });
      const { status } = await fetch(`${node.url}/services/catalog/routes`, { method: 'POST', headers, body });
      if (status !== 201) throw new Error(`Kong answered ${status}`);
    },
    live: async () => {
      const now = (await databasesOf(server, place.name))[place.name];
      if (now === undefined) throw new Error(`no database is called ${place.name}`);
      return now === first ? 'old' : 'new';
    },
    databases: async () =>
      Object.keys(await databasesOf(server, place.name)).map((name) => name.replace(place.name, 'LIVE')),
    leftBehind: async () => (await readdir(scratch)).filter((name) => !name.startsWith('node-compile-cache')),
    end: async () => {
      await node.stop();
      await slack.stop();
      await pool.end();
      await database.drop();
      for (const name of Object.keys(await databasesOf(server, `${place.name}_`)))
        await server.query(`DROP DATABASE "${name}" WITH (FORCE)`);
      await kong.drop();
      await server.query(`DROP ROLE ${place.user}`);
      await server.end();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** The gateway's role owns its database and may create others, as a restore and a drill need. */
async function ownedByItsRole(
  kong: TestDatabase,
  password: string,
): Promise<{ readonly url: string; readonly place: Place }> {
  const user = `kong_${kong.name}`;
  await withClient(kong.superuserUrl, async (client) => {
    await client.query(`CREATE ROLE ${user} LOGIN CREATEDB PASSWORD ${client.escapeLiteral(password)}`);
    await client.query(`ALTER DATABASE ${kong.name} OWNER TO ${user}`);
  });
  const url = new URL(kong.superuserUrl);
  Object.assign(url, { username: user, password });
  return { url: url.href, place: { host: url.hostname, port: Number(url.port), name: kong.name, user } };
}

/** Databases whose name begins so, and their numbers, which a renaming does not change. */
async function databasesOf(server: Pool, prefix: string): Promise<Readonly<Record<string, string>>> {
  const { rows } = await server.query<{ oid: string; datname: string }>(
    'SELECT oid::text, datname FROM pg_database WHERE starts_with(datname, $1) ORDER BY 2',
    [prefix],
  );
  return Object.fromEntries(rows.map(({ oid, datname }) => [datname, oid]));
}

interface Parts {
  readonly node: StandInKong;
  readonly slack: TinySlack;
  readonly place: Place;
  readonly files: KongFiles;
  readonly destination: string;
  readonly folder: string;
  readonly options: CrashWorldOptions;
}

async function environment(parts: Parts, kongUrl: string, storeUrl: string): Promise<NodeJS.ProcessEnv> {
  const { redisUrl = null, password = 'made-up', token } = parts.options;
  const identity = await generateX25519Identity();
  const file = join(parts.folder, 'kong-chatops.json');
  await writeFile(file, JSON.stringify(configOf(parts, await identityToRecipient(identity))));
  return {
    PATH: process.env['PATH'],
    HOME: parts.folder,
    KONG_CHATOPS_CONFIG: file,
    DATABASE_URL: storeUrl,
    KONG_PG_PASSWORD: password,
    ...(token === undefined ? {} : { KONG_ADMIN_TOKEN: token }),
    DRILL_URL: new URL('/postgres', kongUrl).href,
    AGE_IDENTITY: identity,
    SIGNING_KEY: signing,
    SLACK_BOT_TOKEN: 'xoxb-made-up-for-tests',
    SLACK_SIGNING_SECRET: 'made-up-for-tests',
    SLACK_API_URL: parts.slack.apiUrl,
    LOG_LEVEL: 'warn',
    NODE_COMPILE_CACHE: COMPILED,
    ...(redisUrl === null ? {} : { REDIS_URL: redisUrl }),
  };
}

function configOf({ node, place, files, destination, options }: Parts, recipient: string): object {
  const { token, destinations = [] } = options;
  const admin = { url: node.url, ...(token === undefined ? {} : { token: { env: 'KONG_ADMIN_TOKEN' } }) };
  const reload = { command: [process.execPath, RELOAD, node.url] };
  return {
    slack: { team: 'T01LOCAL', mode: 'http', port: 0 },
    people: [
      { id: 'U01ALICE', name: 'Alice', system_user: userInfo().username },
      { id: 'U02BOB', name: 'Bob' },
      { id: 'U03CAROL', name: 'Carol' },
    ],
    groups: [
      { name: 'operators', roles: ['operator'], members: ['U01ALICE'] },
      { name: 'approvers', roles: ['approver'], members: ['U02BOB', 'U03CAROL'] },
    ],
    destinations: [{ name: 'main', kind: 'local', path: destination }, ...destinations],
    encryption: { recipients: [recipient], identity: { env: 'AGE_IDENTITY' } },
    drills: { database_url: { env: 'DRILL_URL' } },
    gateways: [
      {
        name: 'production',
        environment: 'production',
        admin_api: admin,
        database: { ...place, password: { env: 'KONG_PG_PASSWORD' }, ssl: 'disable' },
        files: { kong_conf: files.conf, prefix: files.prefix },
        channel: 'C02OPS',
        approvals: { backup: { groups: [{ group: 'approvers', minimum: 1 }] } },
        destinations: ['main', ...destinations.map(({ name }) => name)],
        nodes: [{ name: 'kong-1', admin_api: admin, proxy_url: node.proxyUrl, reload }],
        restore: { proof_seconds: 3, connections_seconds: 5 },
      },
    ],
    signing: { private_key: { env: 'SIGNING_KEY' } },
    limits: {
      sweep_seconds: 0.1,
      heartbeat_seconds: 0.5,
      retry_seconds: 0,
      edit_seconds: 0.05,
      shutdown_seconds: 12,
      step_attempts: 10,
    },
  };
}
