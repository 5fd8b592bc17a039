import { join } from 'node:path';
import type { Client } from 'pg';
import { writeKongFiles } from './kong/prefix.ts';
import { PRODUCTION, STAGING, type SeedSize } from './kong/seed/gateway.ts';
import { seedKong } from './kong/seed/seed.ts';
import { createKongSchema, startStandInKong, type StandInKong } from './kong/stand-in.ts';
import type { Closers } from './workspace-closers.ts';
import type { SandboxDatabases } from './workspace-databases.ts';

export interface SandboxGateway {
  readonly name: 'staging' | 'production';
  readonly environment: 'staging' | 'production';
  readonly adminUrl: string;
  readonly database: string;
  readonly kongConf: string;
  readonly prefix: string;
  readonly kong: StandInKong;
}

interface Content {
  readonly size: SeedSize;
  /** Rows of the rate limiting plugin's counters: what makes a real Kong database large, and in no declarative file. */
  readonly counters: number;
}
const CONTENT: Readonly<Record<SandboxGateway['name'], Content>> = {
  staging: { size: STAGING, counters: 500 },
  production: { size: PRODUCTION, counters: 400_000 },
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
  const { size, counters } = CONTENT[name];
  const url = databases.urlOf(database);
  await databases.create(database);
  await createKongSchema(url);
  await seedKong(url, size);
  await databases.inDatabase(database, (client) => countRequests(client, counters));
  const { host, port, kong: role } = databases;
  const files = await writeKongFiles(join(folder, name), { database: { host, port, name: database, ...role } });
  const kong = await startStandInKong({ databaseUrl: url, prefix: files.prefix });
  open.add(`Kong ${name}`, () => kong.stop());
  return { name, environment: name, adminUrl: kong.url, database, kongConf: files.conf, prefix: files.prefix, kong };
}

/** As the rate limiting plugin does with `policy: cluster`. */
async function countRequests(client: Client, counters: number): Promise<void> {
  await client.query(
    `INSERT INTO ratelimiting_metrics (identifier, period, period_date, service_id, route_id, value)
     SELECT md5(n::text), 'minute', now() - n * interval '1 minute',
            '00000000-0000-0000-0000-000000000000', '00000000-0000-0000-0000-000000000000', n
       FROM generate_series(1, $1::int) AS n`,
    [counters],
  );
  // Row counts of a table that was just filled are estimates until then.
  await client.query('ANALYZE');
}
