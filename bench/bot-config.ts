import { generateKeyPairSync } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';

export const TEAM = 'T01LOCAL';
export const ALICE = 'U01ALICE';
export const BOB = 'U02BOB';
export const CHANNEL = 'C02OPS';
/** The small Slack takes any; the bot's shape check wants these beginnings. */
export const SIGNING_SECRET = 'made-up-for-the-benchmark';

export interface BotConfig {
  readonly folder: string;
  readonly databaseUrl: string;
  readonly redisUrl?: string | undefined;
  readonly slackApiUrl: string;
  readonly mode: 'socket' | 'http';
  /** 0 takes any free port. */
  readonly slackPort: number;
  readonly operationsPort: number;
  /** As in kong-chatops.yaml; channel and destination are added. */
  readonly gateways: readonly object[];
  readonly limits?: object;
  /** Values that the gateways refer to by `{env: NAME}`. */
  readonly secrets?: Readonly<Record<string, string>>;
}

/** Writes a kong-chatops.yaml (Alice operates, Bob approves) and answers the environment that goes with it. */
export async function writeBotConfig(given: BotConfig): Promise<Record<string, string>> {
  const path = join(given.folder, 'kong-chatops.yaml');
  const config = {
    slack: { team: TEAM, mode: given.mode, port: given.slackPort },
    people: [
      { id: ALICE, name: 'Alice' },
      { id: BOB, name: 'Bob' },
    ],
    groups: [
      { name: 'operators', roles: ['operator', 'viewer'], members: [ALICE] },
      { name: 'approvers', roles: ['approver', 'viewer'], members: [BOB] },
    ],
    destinations: [{ name: 'main', kind: 'local', path: join(given.folder, 'sets') }],
    gateways: given.gateways.map((gateway) => ({ channel: CHANNEL, destinations: ['main'], ...gateway })),
    signing: { private_key: { env: 'SIGNING_KEY' } },
    operations: { port: given.operationsPort },
    limits: given.limits ?? {},
  };
  // JSON is YAML.
  await writeFile(path, JSON.stringify(config));
  const key = generateKeyPairSync('ed25519').privateKey.export({ type: 'pkcs8', format: 'pem' });
  return {
    PATH: process.env['PATH'] ?? '',
    HOME: given.folder,
    TMPDIR: given.folder,
    KONG_CHATOPS_CONFIG: path,
    DATABASE_URL: given.databaseUrl,
    SIGNING_KEY: key.toString(),
    SLACK_BOT_TOKEN: 'xoxb-made-up-for-the-benchmark',
    SLACK_APP_TOKEN: 'xapp-made-up-for-the-benchmark',
    SLACK_SIGNING_SECRET: SIGNING_SECRET,
    SLACK_API_URL: given.slackApiUrl,
    LOG_LEVEL: 'warn',
    ...given.secrets,
    ...(given.redisUrl === undefined ? {} : { REDIS_URL: given.redisUrl }),
  };
}
