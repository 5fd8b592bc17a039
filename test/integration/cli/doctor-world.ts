import { generateKeyPairSync } from 'node:crypto';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { stringify } from 'yaml';
import type { Finding } from '../../../src/cli/doctor/check.ts';
import { realPorts } from '../../../src/cli/wiring.ts';
import { ran, testTerminal } from '../../support/cli.ts';
import { emptyStandIn } from '../../support/kong/stand-in-kong.ts';
import { freshDatabase, type TestDatabase } from '../../support/store/postgres.ts';

/** Answers as Slack does, with the headers that matter here. What it leaves out: every other method. */
function slackServer(): Server {
  return createServer((request, response) => {
    const bot = request.headers.authorization === 'Bearer xoxb-good';
    const app = request.headers.authorization === 'Bearer xapp-good';
    const isGood = request.url === '/api/auth.test' ? bot : app;
    response.setHeader('content-type', 'application/json');
    if (bot) response.setHeader('x-oauth-scopes', 'commands,chat:write');
    response.end(
      JSON.stringify(isGood ? { ok: true, team_id: 'T01LOCAL', user: 'kong' } : { ok: false, error: 'invalid_auth' }),
    );
  });
}

/** What of one installation differs from a healthy one. */
export interface Setting {
  readonly admin?: object;
  readonly database?: object;
  readonly files?: object;
  readonly gateway?: object;
  readonly destinations?: readonly object[];
  readonly path?: string;
  readonly encryption?: object;
  readonly drills?: object;
  readonly env?: Readonly<Record<string, string>>;
}

/** Findings by what they are about, and everything that was printed. */
export interface Examined {
  readonly code: number;
  readonly out: string;
  readonly about: (name: string) => readonly Finding[];
}

export interface DoctorWorld {
  readonly folder: string;
  readonly store: TestDatabase;
  /** Kong's database, as its owner. */
  readonly kongUrl: URL;
  /** Runs the doctor on one gateway. */
  readonly doctor: (setting?: Setting) => Promise<Examined>;
  end(): Promise<void>;
}

/** One gateway, its neighbours, and a place for sets, all of them well. */
export async function openDoctorWorld(): Promise<DoctorWorld> {
  const folder = mkdtempSync(join(tmpdir(), 'kong-chatops-doctor-test-'));
  const slack = slackServer().listen(0, '127.0.0.1');
  const [store, kong] = await Promise.all([
    freshDatabase({ migrated: true }),
    emptyStandIn('3.9.1', { token: 'admin-token' }),
  ]);
  if (!slack.listening) await once(slack, 'listening');
  const slackUrl = `http://127.0.0.1:${(slack.address() as AddressInfo).port}/api/`;
  mkdirSync(join(folder, 'prefix'));
  mkdirSync(join(folder, 'sets'));
  writeFileSync(join(folder, 'prefix', 'nginx.conf'), 'worker_processes 1;\n');
  writeFileSync(join(folder, 'kong.conf'), 'database = postgres\n');
  const key = generateKeyPairSync('ed25519').privateKey.export({ type: 'pkcs8', format: 'pem' });
  writeFileSync(join(folder, 'key.pem'), key, { mode: 0o600 });
  const address = new URL(kong.database.ownerUrl);
  return {
    folder,
    store,
    kongUrl: address,
    doctor: async (setting = {}) => {
      const config = join(folder, 'kong-chatops.yaml');
      writeFileSync(config, stringify(configOf(setting, folder, { admin: kong.kong.url, address })));
      const env = {
        KONG_CHATOPS_CONFIG: config,
        DATABASE_URL: store.botUrl,
        KONG_TOKEN: 'admin-token',
        KONG_PASSWORD: decodeURIComponent(address.password) || 'unused',
        SLACK_API_URL: slackUrl,
        SLACK_BOT_TOKEN: 'xoxb-good',
        SLACK_APP_TOKEN: 'xapp-good',
        ...setting.env,
      };
      const { code, out, err } = await ran(['doctor', '--json'], testTerminal({ env }), realPorts);
      const findings = JSON.parse(out) as Finding[];
      return { code, out: out + err, about: (name) => findings.filter(({ about }) => about === name) };
    },
    end: async () => {
      slack.close();
      await Promise.all([store.drop(), kong.end()]);
      rmSync(folder, { recursive: true });
    },
  };
}

function configOf(setting: Setting, folder: string, kong: { readonly admin: string; readonly address: URL }): object {
  const { address } = kong;
  return {
    slack: { team: 'T01LOCAL' },
    people: [{ id: 'U01ALICE', name: 'Alice' }],
    groups: [{ name: 'operators', roles: ['operator'], members: ['U01ALICE'] }],
    destinations: [
      { name: 'vault', kind: 'local', path: setting.path ?? join(folder, 'sets') },
      ...(setting.destinations ?? []),
    ],
    gateways: [
      {
        name: 'production',
        environment: 'production',
        admin_api: { url: kong.admin, token: { env: 'KONG_TOKEN' }, ...setting.admin },
        database: {
          host: address.hostname,
          port: Number(address.port),
          name: address.pathname.slice(1),
          user: address.username,
          password: { env: 'KONG_PASSWORD' },
          ssl: 'disable',
          ...setting.database,
        },
        files: { kong_conf: join(folder, 'kong.conf'), prefix: join(folder, 'prefix'), ...setting.files },
        channel: 'C01ABC',
        destinations: ['vault'],
        ...setting.gateway,
      },
    ],
    signing: { private_key: { file: join(folder, 'key.pem') } },
    ...(setting.encryption === undefined ? {} : { encryption: setting.encryption }),
    ...(setting.drills === undefined ? {} : { drills: setting.drills }),
  };
}
