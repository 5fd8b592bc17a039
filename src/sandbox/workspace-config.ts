import { generateKeyPairSync } from 'node:crypto';
import { userInfo } from 'node:os';
import { fileURLToPath } from 'node:url';
import { stringify } from 'yaml';
import { ALICE, BOB, CAROL, GUS, OPS, TEAM, TOKENS } from './slack/cast.ts';
import type { SandboxDatabases } from './workspace-databases.ts';
import type { SandboxGateway } from './workspace-gateways.ts';

/** What `kong reload` is to a stand-in. */
const RELOAD = fileURLToPath(new URL('kong/reload.ts', import.meta.url));

export interface ConfigParts {
  readonly databases: Pick<SandboxDatabases, 'host' | 'port' | 'kong' | 'botUrl' | 'ownerUrl'>;
  readonly gateways: readonly SandboxGateway[];
  readonly destination: string;
  /** Null without local Slack. */
  readonly slackApiUrl: string | null;
}

/** The sandbox's kong-chatops.yaml, as somebody would write it for two gateways of their own. */
export function configText({ databases, gateways, destination }: ConfigParts): string {
  return stringify({
    slack: { team: TEAM, mode: 'socket' },
    people: [
      // Whoever runs the sandbox is Alice on the command line.
      { id: ALICE, name: 'Alice', system_user: userInfo().username },
      { id: BOB, name: 'Bob' },
      { id: CAROL, name: 'Carol' },
      { id: GUS, name: 'Gus' },
    ],
    groups: [
      // A guest stands in here by mistake: being a guest is what refuses him.
      { name: 'operators', roles: ['operator', 'viewer'], members: [ALICE, GUS] },
      { name: 'approvers', roles: ['approver', 'viewer'], members: [ALICE, BOB, CAROL] },
    ],
    destinations: [{ name: 'local', kind: 'local', path: destination }],
    gateways: gateways.map((gateway) => ({
      name: gateway.name,
      environment: gateway.environment,
      admin_api: { url: gateway.adminUrl },
      database: {
        host: databases.host,
        port: databases.port,
        name: gateway.database,
        user: databases.kong.user,
        password: { env: 'KONG_DB_PASSWORD' },
        ssl: 'disable',
      },
      files: { kong_conf: gateway.kongConf, prefix: gateway.prefix },
      nodes: [
        {
          name: `${gateway.name}-1`,
          proxy_url: gateway.kong.proxyUrl,
          reload: { command: [process.execPath, RELOAD, gateway.adminUrl] },
        },
      ],
      channel: OPS,
      // decK may be missing on this machine: then the declarative part is a gap instead of a refusal.
      allow_gaps: ['declarative'],
      approvals:
        gateway.environment === 'production' ? { backup: { groups: [{ group: 'approvers', minimum: 1 }] } } : {},
      destinations: ['local'],
    })),
    signing: { private_key: { env: 'KONG_CHATOPS_SIGNING_KEY' } },
    operations: { port: 0 },
    // Faster than the default, so that one can watch; not faster, because Slack bears about 50 edits a minute in all.
    limits: { edit_seconds: 0.6, retry_seconds: 1 },
  });
}

/** The environment that goes with it. */
export function environment(parts: ConfigParts, configPath: string): Record<string, string> {
  const { privateKey } = generateKeyPairSync('ed25519');
  return {
    KONG_CHATOPS_CONFIG: configPath,
    DATABASE_URL: parts.databases.botUrl,
    DATABASE_OWNER_URL: parts.databases.ownerUrl,
    KONG_DB_PASSWORD: parts.databases.kong.password,
    KONG_CHATOPS_SIGNING_KEY: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
    ...(parts.slackApiUrl === null ? {} : slackEnvironment(parts.slackApiUrl)),
    LOG_LEVEL: 'warn',
  };
}

function slackEnvironment(apiUrl: string): Record<string, string> {
  return {
    SLACK_BOT_TOKEN: TOKENS.bot,
    SLACK_APP_TOKEN: TOKENS.app,
    SLACK_SIGNING_SECRET: TOKENS.signingSecret,
    SLACK_API_URL: apiUrl,
  };
}
