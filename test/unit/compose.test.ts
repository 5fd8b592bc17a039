import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { buildProgram } from '../../src/cli/program.ts';
import { readConfig, type SecretUse } from '../../src/config/read.ts';
import { environmentSchema } from '../../src/config/schema.ts';
import { readEnvironment } from '../../src/config/environment.ts';

interface Service {
  readonly image: string;
  readonly user: string;
  readonly command?: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
  readonly secrets?: readonly string[];
  readonly build?: { readonly dockerfile_inline: string };
  readonly healthcheck?: { readonly test: readonly string[] };
  readonly read_only?: boolean;
  readonly cap_drop?: readonly string[];
  readonly security_opt?: readonly string[];
  readonly networks: readonly string[];
  readonly ports?: unknown;
  readonly privileged?: unknown;
}
interface ComposeFile {
  readonly services: Readonly<Record<string, Service>>;
  readonly secrets: Readonly<Record<string, { readonly file: string }>>;
  readonly networks: Readonly<Record<string, { readonly internal?: boolean }>>;
  readonly configs: Readonly<Record<string, { readonly file?: string; readonly content?: string }>>;
}

const read = (path: string) => readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8');
const compose = parse(read('docker-compose.yml'), { merge: true }) as ComposeFile;
const services = Object.entries(compose.services);
const ours = services.filter(([, service]) => service.build !== undefined);

/** What each secret would hold. */
const VALUES: Readonly<Record<string, string>> = {
  database_url: 'postgres://kong_chatops:pw@postgres:5432/kong_chatops',
  database_owner_url: 'postgres://kong_chatops_owner:pw@postgres:5432/kong_chatops',
  drill_database_url: 'postgres://kong_chatops_drills:pw@postgres:5432/postgres',
  redis_url: 'redis://:pw@redis:6379',
  slack_bot_token: 'xoxb-1',
  slack_app_token: 'xapp-1',
};

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'kong-chatops-compose-'));
  for (const name of Object.keys(compose.secrets)) writeFileSync(join(folder, name), VALUES[name] ?? 'a secret');
});
afterAll(() => rmSync(folder, { recursive: true }));

/** The environment of a service, with its secrets where the test has put them. */
function environmentOf({ environment = {} }: Service): Record<string, string> {
  const moved = (value: string) => value.replace('/run/secrets/', `${folder}/`);
  return Object.fromEntries(Object.entries(environment).map(([name, value]) => [name, moved(value)]));
}

describe('docker-compose.yml', () => {
  it('runs the database, the queue, and each part of the bot', () => {
    expect(services.map(([name]) => name)).toEqual(['postgres', 'redis', 'migrate', 'bot', 'worker']);
    expect(ours.map(([name]) => name)).toEqual(['migrate', 'bot', 'worker']);
  });

  it.each(ours)('gives %s an environment that its schema accepts', (_, service) => {
    const environment = readEnvironment(environmentOf(service));
    expect(environment.ok ? [] : environment.faults).toEqual([]);
  });

  it.each(ours)('gives %s no variable that nobody reads', (_, service) => {
    const known = new Set(Object.keys(environmentSchema.shape).flatMap((name) => [name, `${name}_FILE`]));
    const example = read('docs/kong-chatops.example.yaml');
    const unread = Object.keys(service.environment ?? {}).filter(
      (name) => name !== 'TMPDIR' && !known.has(name) && !example.includes(`env: ${name.replace(/_FILE$/, '')} `),
    );
    expect(unread).toEqual([]);
  });

  it('starts the bot and the worker with the documented example', () => {
    const example = join(folder, 'kong-chatops.yaml');
    writeFileSync(example, read('docs/kong-chatops.example.yaml').replaceAll('/run/secrets/', `${folder}/`));
    const faults = (name: string, secrets: SecretUse[]) => {
      const env = { ...environmentOf(compose.services[name] as Service), KONG_CHATOPS_CONFIG: example };
      const result = readConfig({ env, secrets });
      return result.ok ? [] : result.faults;
    };
    expect(faults('bot', ['heartbeats', 'destinations', 'signing'])).toEqual([]);
    expect(faults('worker', ['gateways', 'destinations', 'signing'])).toEqual([]);
  });

  it('gives the worker alone a database to drill on, as a role that may make databases and not reach the trail', () => {
    const example = join(folder, 'kong-chatops.yaml');
    writeFileSync(example, read('docs/kong-chatops.example.yaml').replaceAll('/run/secrets/', `${folder}/`));
    const worker = environmentOf(compose.services['worker'] as Service);
    const result = readConfig({ env: { ...worker, KONG_CHATOPS_CONFIG: example }, secrets: [] });
    const reference = result.ok ? result.config.drills.database_url : undefined;
    expect(reference).toEqual({ file: `${folder}/drill_database_url` });
    const holders = services.filter(([, { secrets = [] }]) => secrets.includes('drill_database_url'));
    expect(holders.map(([name]) => name)).toEqual(['postgres', 'worker']);
    const sql = compose.configs['postgres_roles']?.content ?? '';
    expect(sql).toContain("CREATE ROLE kong_chatops_drills LOGIN CREATEDB PASSWORD :'drill_password';");
    expect(sql).toContain('REVOKE ALL ON DATABASE kong_chatops FROM PUBLIC;');
    expect(read('docs/operations.md')).toContain('> secrets/drill_database_url\n');
  });

  it('gives each service only secrets that exist, and each file that it names', () => {
    for (const [, { environment = {}, secrets = [] }] of services) {
      const named = Object.values(environment).flatMap((value) => /^\/run\/secrets\/(.+)$/.exec(value)?.[1] ?? []);
      expect(secrets).toEqual(expect.arrayContaining(named));
      expect(Object.keys(compose.secrets)).toEqual(expect.arrayContaining([...secrets]));
    }
    const used = new Set(services.flatMap(([, { secrets = [] }]) => secrets));
    expect(Object.keys(compose.secrets).filter((name) => !used.has(name))).toEqual([]);
  });

  it("writes no secret as a variable, and gives Kong's to the worker alone", () => {
    for (const [name, { environment = {}, secrets = [] }] of services) {
      expect(Object.keys(environment).filter((key) => /PASSWORD$|TOKEN$|SECRET$|URL$/.test(key))).toEqual([]);
      if (name !== 'worker') expect(secrets.filter((secret) => secret.startsWith('kong_'))).toEqual([]);
    }
  });

  it.each(ours)('gives %s a command that exists', (_, { command = [] }) => {
    let chosen = false;
    const program = buildProgram(() => {
      chosen = true;
    });
    program.commands.forEach((each) => each.exitOverride());
    program.exitOverride().parse([...command], { from: 'user' });
    expect(chosen).toBe(true);
  });

  it('pins every image to a version', () => {
    const inline = ours.map(([, { build }]) => build?.dockerfile_inline ?? '');
    const from = inline.flatMap((text) => [...text.matchAll(/^FROM (\S+)/gm)].map(([, image]) => image ?? ''));
    const images = [...from, ...services.map(([, { image }]) => image)];
    expect(images.length).toBeGreaterThan(5);
    expect(images.filter((image) => !/^[a-z/-]+:v?\d+\.\d+(\.\d+)?(-[a-z-]+)?$/.test(image))).toEqual([]);
  });

  it('runs the Node that the tests run, and carries the version of the package', () => {
    const { devDependencies, version } = JSON.parse(read('package.json')) as {
      devDependencies: Record<string, string>;
      version: string;
    };
    for (const [, { image, build }] of ours) {
      expect(build?.dockerfile_inline).toContain(`FROM node:${devDependencies['node']}-bookworm-slim`);
      expect(image).toBe(`kong-chatops:${version}`);
    }
  });

  it('keeps a dollar of the Dockerfile away from compose', () => {
    for (const [, { build }] of ours) expect(build?.dockerfile_inline).not.toMatch(/(?<!\$)\$(?!\$)[{\w]/);
  });

  it.each(services)('gives %s the least privileges', (_, service) => {
    expect(service).toMatchObject({ read_only: true, cap_drop: ['ALL'], security_opt: ['no-new-privileges:true'] });
    expect(service.user).toMatch(/^(node|postgres|redis)$/);
    expect(service.ports).toBeUndefined();
    expect(service.privileged).toBeUndefined();
  });

  it('asks the bot and the worker whether they are ready', () => {
    for (const name of ['bot', 'worker']) {
      expect(compose.services[name]?.healthcheck?.test.join(' ')).toContain("fetch('http://127.0.0.1:8080/readyz')");
    }
  });

  it('keeps database and queue off every other network', () => {
    expect(compose.networks['store']?.internal).toBe(true);
    for (const name of ['postgres', 'redis', 'migrate']) expect(compose.services[name]?.networks).toEqual(['store']);
  });

  it('makes an owner and a lesser role whose passwords are in no argument', () => {
    const sql = compose.configs['postgres_roles']?.content ?? '';
    expect(sql).toContain("CREATE ROLE kong_chatops LOGIN PASSWORD :'bot_password';");
    expect(sql).toContain('CREATE DATABASE kong_chatops OWNER kong_chatops_owner;');
    expect(sql).not.toContain('$');
  });
});
