import { randomBytes } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { DatabaseConfig } from '../../../src/kong/database/database.ts';
import { findPsql } from '../../../src/kong/dump/tools.ts';
import { localRunner } from '../../../src/run-command/local.ts';
import { fixturePath } from '../need.ts';
import { freshDatabase, withClient } from '../store/postgres.ts';
import type { TestDatabase } from '../store/postgres.ts';

/** A database filled from a recording of a real Kong, and the role that a gateway's configuration names. */
export interface KongDatabase {
  readonly config: DatabaseConfig;
  readonly password: string;
  readonly url: string;
  readonly workDir: string;
  /** A role that may log in and nothing else; grant it what the test is about. */
  weakRole(): Promise<{ readonly config: DatabaseConfig; readonly password: string; readonly name: string }>;
  drop(): Promise<void>;
}

/** `version` names the fixtures (`3.9.1`, `2.8.5`); null leaves the database empty. */
export async function kongDatabase(version: '3.9.1' | '2.8.5' | null): Promise<KongDatabase> {
  const database = await freshDatabase();
  const workDir = mkdtempSync(join(tmpdir(), 'kong-database-'));
  const roles: string[] = [];
  if (version !== null) await load(database, fixturePath(`kong-${version}`, 'database.sql'));
  return {
    config: configOf(database.superuserUrl),
    password: new URL(database.superuserUrl).password,
    url: database.superuserUrl,
    workDir,
    async weakRole() {
      const name = `weak_${randomBytes(4).toString('hex')}`;
      const password = randomBytes(9).toString('hex');
      await withClient(database.superuserUrl, (client) =>
        client.query(`CREATE ROLE ${name} LOGIN PASSWORD '${password}'`),
      );
      roles.push(name);
      return { config: { ...configOf(database.superuserUrl), user: name }, password, name };
    },
    async drop() {
      rmSync(workDir, { recursive: true, force: true });
      await withClient(database.superuserUrl, async (client) => {
        for (const role of roles) await client.query(`DROP OWNED BY ${role}; DROP ROLE ${role}`);
      });
      await database.drop();
    },
  };
}

function configOf(url: string): DatabaseConfig {
  const { hostname, port, pathname, username } = new URL(url);
  return { host: hostname, port: Number(port), name: pathname.slice(1), user: username, ssl: 'prefer' };
}

async function load(database: TestDatabase, file: string): Promise<void> {
  const run = localRunner();
  const psql = await findPsql(run);
  // The one line that needs a role of the recording's own server.
  const input = readFileSync(file, 'utf8').replace('GRANT ALL ON SCHEMA public TO kong;', '');
  const config = configOf(database.superuserUrl);
  const { password } = new URL(database.superuserUrl);
  const loaded = await run.run({
    program: psql.program,
    args: ['-X', '-q', '-v', 'ON_ERROR_STOP=1'],
    input,
    // A throw-away password of a throw-away server: here it may stand in an environment.
    env: {
      PGHOST: config.host,
      PGPORT: String(config.port),
      PGDATABASE: config.name,
      PGUSER: config.user,
      PGPASSWORD: password,
    },
  });
  if (loaded.exitCode !== 0) throw new Error(`loading ${file}: ${loaded.stderr}`);
}
