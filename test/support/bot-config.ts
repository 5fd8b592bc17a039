import { generateKeyPairSync } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { formatFaults } from '../../src/config/fault.ts';
import { readConfig } from '../../src/config/read.ts';
import type { Config } from '../../src/config/schema.ts';
import { writeKongFiles } from '../../src/sandbox/kong/prefix.ts';
import { ALICE, BOB, CAROL, GUS, OPS, TEAM, TOKENS } from '../../src/sandbox/slack/cast.ts';

/** A gateway of a bot under test, over a stand-in Kong. */
export interface GatewaySetting {
  readonly name: string;
  readonly adminUrl: string;
  /** Of the role that dumps. Without it only the declarative configuration is taken. */
  readonly databaseUrl?: string;
  /** A go of so many approvers; none without it. */
  readonly approvers?: number;
  readonly token?: string;
  /** Folder of sets, instead of the world's own. */
  readonly destination?: string;
  readonly schedules?: object;
}

export interface BotSetting {
  readonly gateways: readonly GatewaySetting[];
  readonly redisUrl?: string;
  readonly limits?: Readonly<Record<string, number>>;
  readonly team?: string;
  readonly operationsPort?: number;
  readonly env?: Readonly<Record<string, string>>;
}

export interface WrittenConfig {
  readonly path: string;
  readonly env: Readonly<Record<string, string>>;
  readonly config: Config;
}

interface Around {
  readonly folder: string;
  readonly destination: string;
  readonly botUrl: string;
  readonly slackApiUrl: string;
}

/** Quick enough for a test; everything else as in production. */
const LIMITS = {
  sweep_seconds: 0.2,
  heartbeat_seconds: 0.5,
  retry_seconds: 0.1,
  edit_seconds: 0.05,
  shutdown_seconds: 12,
};
const signingKey = generateKeyPairSync('ed25519').privateKey.export({ type: 'pkcs8', format: 'pem' }) as string;
let written = 0;

/** Writes kong-chatops.yaml for a bot under test and reads it as `start` does. */
export async function writeBotConfig(around: Around, setting: BotSetting): Promise<WrittenConfig> {
  const path = join(around.folder, `kong-chatops-${(written += 1)}.yaml`);
  const gateways = await Promise.all(setting.gateways.map((gateway) => gatewayConfig(around, gateway)));
  const own = setting.gateways.flatMap(({ name, destination }) =>
    destination === undefined ? [] : [{ name: `of-${name}`, kind: 'local', path: destination }],
  );
  await writeFile(
    path,
    JSON.stringify({
      slack: { team: setting.team ?? TEAM, mode: 'socket' },
      people: [
        { id: ALICE, name: 'Alice', system_user: 'alice' },
        { id: BOB, name: 'Bob', system_user: 'bob' },
        { id: CAROL, name: 'Carol' },
        { id: GUS, name: 'Gus' },
        { id: 'U06EVE', name: 'Eve' },
      ],
      groups: [
        // A guest and a stranger stand in here by mistake: what they are is what refuses them.
        { name: 'operators', roles: ['operator'], members: [ALICE, GUS, 'U06EVE'] },
        { name: 'approvers', roles: ['approver'], members: [ALICE, BOB, CAROL] },
      ],
      destinations: [{ name: 'main', kind: 'local', path: around.destination }, ...own],
      gateways,
      signing: { private_key: { env: 'SIGNING_KEY' } },
      operations: { port: setting.operationsPort ?? 0 },
      limits: { ...LIMITS, ...setting.limits },
    }),
  );
  const env = environment(around, setting, path);
  const read = readConfig({ path, env });
  if (!read.ok) throw new Error(`the test's configuration is not valid:\n${formatFaults(read.path, read.faults)}`);
  return { path, env, config: read.config };
}

async function gatewayConfig(around: Around, gateway: GatewaySetting): Promise<object> {
  const { name, adminUrl, databaseUrl, approvers, token, destination, schedules } = gateway;
  return {
    name,
    environment: approvers === undefined ? 'staging' : 'production',
    admin_api: {
      url: adminUrl,
      timeout_seconds: 5,
      ...(token === undefined ? {} : { token: { env: tokenName(name) } }),
    },
    ...(databaseUrl === undefined ? {} : await databaseAndFiles(around.folder, name, databaseUrl)),
    channel: OPS,
    approvals: approvers === undefined ? {} : { backup: { groups: [{ group: 'approvers', minimum: approvers }] } },
    destinations: [destination === undefined ? 'main' : `of-${name}`],
    ...(schedules === undefined ? {} : { schedules }),
  };
}

async function databaseAndFiles(folder: string, gateway: string, databaseUrl: string): Promise<object> {
  const { password, ...where } = databaseOf(databaseUrl);
  const files = await writeKongFiles(join(folder, gateway), { database: { ...where, password } });
  return {
    database: { ...where, password: { env: passwordName(gateway) } },
    files: { kong_conf: files.conf, prefix: files.prefix },
  };
}

function environment(around: Around, setting: BotSetting, path: string): Record<string, string> {
  const secrets = setting.gateways.flatMap(({ name, databaseUrl, token }) => [
    ...(databaseUrl === undefined ? [] : [[passwordName(name), databaseOf(databaseUrl).password]]),
    ...(token === undefined ? [] : [[tokenName(name), token]]),
  ]);
  return {
    KONG_CHATOPS_CONFIG: path,
    DATABASE_URL: around.botUrl,
    ...(setting.redisUrl === undefined ? {} : { REDIS_URL: setting.redisUrl }),
    SIGNING_KEY: signingKey,
    SLACK_BOT_TOKEN: TOKENS.bot,
    SLACK_APP_TOKEN: TOKENS.app,
    SLACK_SIGNING_SECRET: TOKENS.signingSecret,
    SLACK_API_URL: around.slackApiUrl,
    LOG_LEVEL: 'warn',
    ...(Object.fromEntries(secrets) as Record<string, string>),
    ...setting.env,
  };
}

const passwordName = (gateway: string): string => `PASSWORD_${gateway.toUpperCase().replaceAll('-', '_')}`;
const tokenName = (gateway: string): string => `TOKEN_${gateway.toUpperCase().replaceAll('-', '_')}`;

function databaseOf(url: string) {
  const { hostname, port, pathname, username, password } = new URL(url);
  return { host: hostname, port: Number(port), name: pathname.slice(1), user: username, password };
}
