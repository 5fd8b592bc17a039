import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createKongSchema, startStandInKong, type StandInKong } from './kong/stand-in.ts';
import type { Closers } from './workspace-closers.ts';
import type { SandboxDatabases } from './workspace-databases.ts';
import { seedGateway, type SeedSize } from './workspace-seed.ts';

export interface SandboxGateway {
  readonly name: 'staging' | 'production';
  readonly environment: 'staging' | 'production';
  readonly adminUrl: string;
  readonly database: string;
  readonly kongConf: string;
  readonly prefix: string;
  readonly kong: StandInKong;
}

const SIZES: Readonly<Record<SandboxGateway['name'], SeedSize>> = {
  staging: { services: 3, consumers: 5, metrics: 200 },
  // The counters of the rate limiting plugin are what makes a real Kong database large.
  production: { services: 12, consumers: 120, metrics: 250_000 },
};

/** Two Kongs of our own making with different content, each with its database, kong.conf and prefix. */
export function startGateways(
  folder: string,
  databases: SandboxDatabases,
  open: Closers,
): Promise<readonly SandboxGateway[]> {
  return Promise.all((['staging', 'production'] as const).map((name) => startGateway(name, folder, databases, open)));
}

async function startGateway(
  name: SandboxGateway['name'],
  folder: string,
  databases: SandboxDatabases,
  open: Closers,
): Promise<SandboxGateway> {
  const database = `kong_${name}`;
  const prefix = join(folder, name, 'prefix');
  await databases.create(database);
  await createKongSchema(databases.urlOf(database));
  const kong = await startStandInKong({ databaseUrl: databases.urlOf(database), prefix });
  open.add(`Kong ${name}`, () => kong.stop());
  await seedGateway(kong.url, name, SIZES[name], (work) => databases.inDatabase(database, work));
  const kongConf = join(folder, name, 'kong.conf');
  await writeFiles(kongConf, prefix, databases, database);
  return { name, environment: name, adminUrl: kong.url, database, kongConf, prefix, kong };
}

/** What a running Kong 3.9 keeps in its prefix, by the listing of a real one; sizes are not imitated. */
async function writeFiles(
  kongConf: string,
  prefix: string,
  databases: SandboxDatabases,
  database: string,
): Promise<void> {
  await mkdir(join(prefix, 'ssl'), { recursive: true });
  await mkdir(join(prefix, 'logs'));
  const { user, password } = databases.kong;
  const connection = [
    `pg_host = ${databases.host}`,
    `pg_port = ${databases.port}`,
    `pg_database = ${database}`,
    `pg_user = ${user}`,
    `pg_password = ${password}`,
  ];
  const conf = ['# Kong of the sandbox', 'database = postgres', ...connection, `prefix = ${prefix}`, ''].join('\n');
  await Promise.all([
    writeFile(kongConf, conf, { mode: 0o640 }),
    writeFile(join(prefix, '.kong_env'), conf, { mode: 0o640 }),
    writeFile(join(prefix, 'nginx.conf'), 'include nginx-kong.conf;\n'),
    writeFile(join(prefix, 'nginx-kong.conf'), 'server { listen 8000; server_name kong; }\n'),
    writeFile(join(prefix, 'ssl', 'kong-default.crt'), 'the sandbox has no certificate\n'),
    writeFile(join(prefix, 'ssl', 'kong-default.key'), 'the sandbox has no key\n', { mode: 0o600 }),
    writeFile(join(prefix, 'logs', 'error.log'), ''),
  ]);
}
