import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Config, GatewayConfig } from '../../config/schema.ts';
import { adminApi } from '../../kong/admin/admin.ts';
import { openDatabase, type DatabaseConfig } from '../../kong/database/database.ts';
import { identifierAsTyped } from '../../kong/database/database-admin-sql.ts';
import { findPostgresTools, findPsql } from '../../kong/dump/tools.ts';
import type { RunCommand } from '../../run-command/command.ts';
import { runnerFor } from '../../run-command/runner-for.ts';
import { Fault } from '../../runs/fault.ts';
import { adminConnection } from '../../steps/gateway-access.ts';
import { fail, ok, warn, type Check, type Finding } from './check.ts';
import { installCommand, type Platform } from './machine.ts';

/** Each gateway as a worker on this machine meets it: Admin API, token, database, the tools of its version, files. */
export function gatewayChecks(config: Config, platform: Platform): readonly Check[] {
  return config.gateways.flatMap((gateway) => {
    const { database, files } = gateway;
    const run = runnerFor(gateway);
    const checks: Check[] = [
      { about: `${gateway.name}: Admin API`, look: async () => await adminFindings(config, gateway) },
    ];
    if (database !== undefined) {
      const look = async () => await databaseFindings(config, gateway.name, database, run, platform);
      checks.push({ about: `${gateway.name}: database`, look });
    }
    if (files !== undefined) {
      checks.push({
        about: `${gateway.name}: files`,
        look: async () => [await filesFinding(gateway.name, files, run)],
      });
    }
    return checks;
  });
}

async function adminFindings(config: Config, gateway: GatewayConfig): Promise<readonly Finding[]> {
  const about = `${gateway.name}: Admin API`;
  const api = adminApi(adminConnection({ gateway, secret: config.secret }, gateway.admin_api));
  try {
    const root = await api.root();
    const status = await api.status();
    const findings = [ok(about, `Kong ${root.version} (${root.edition}), database ${root.databaseKind}`)];
    if (status.databaseReachable === false) {
      findings.push(
        fail(about, 'Kong says that its own database is unreachable', 'Repair that first: lists cannot be read.'),
      );
    }
    const lists = await api.readableLists(root.version);
    const refused = lists.filter(({ answer }) => answer === 'forbidden').map(({ list }) => list);
    if (refused.length > 0) {
      const hint = 'Give the token a role that may read everything: decK takes a refused list for an empty one.';
      findings.push(fail(about, `the token may not read ${refused.join(', ')}`, hint));
    } else findings.push(ok(about, 'every list that decK reads can be read'));
    return findings;
  } finally {
    await api.close();
  }
}

async function databaseFindings(
  config: Config,
  gateway: string,
  database: DatabaseConfig,
  run: RunCommand,
  platform: Platform,
): Promise<readonly Finding[]> {
  const about = `${gateway}: database`;
  const workDir = await mkdtemp(join(tmpdir(), `kong-chatops-doctor-${process.pid}-`));
  try {
    const password = database.password === undefined ? undefined : config.secret(database.password);
    const access = { password, applicationName: 'kong-chatops doctor', workDir };
    const session = await openDatabase(run, database, { ...access, psql: await findPsql(run) });
    try {
      const version = await session.serverVersion();
      const unreadable = await session.canReadEverything();
      return [
        ok(about, `PostgreSQL ${version.text}`),
        unreadable.length === 0
          ? ok(about, `${database.user} may read every table`)
          : fail(about, `${database.user} may not read ${unreadable.join(', ')}`, readGrant(database, unreadable)),
        await toolsFinding(gateway, version.major, run, platform),
      ];
    } finally {
      await session.close();
    }
  } finally {
    await rm(workDir, { recursive: true, force: true });
  }
}

function readGrant({ name, user }: DatabaseConfig, tables: readonly string[]): string {
  return `In the database ${name}, as its owner:  GRANT SELECT ON ${tables.join(', ')} TO ${identifierAsTyped(user)};`;
}

/** The client tools for a server of that major. `whose` begins the line: a gateway's name, `drills`. */
export async function toolsFinding(
  whose: string,
  major: number,
  run: RunCommand,
  platform: Platform,
): Promise<Finding> {
  const about = `${whose}: pg_dump`;
  try {
    const { pgDump } = await findPostgresTools(run, major);
    return ok(about, `${pgDump.version} at ${pgDump.program}, pg_restore beside it`);
  } catch (error) {
    if (!(error instanceof Fault) || error.code !== 'postgres-tools.missing') throw error;
    return fail(about, error.message, installCommand('postgres-tools', platform, major));
  }
}

async function filesFinding(
  gateway: string,
  files: NonNullable<GatewayConfig['files']>,
  run: RunCommand,
): Promise<Finding> {
  const about = `${gateway}: files`;
  const conf = await run.readFile(files.kong_conf);
  const entries = await run.listFiles(files.prefix, { deep: true });
  const count = entries.filter(({ kind }) => kind === 'file').length;
  if (count === 0) {
    return warn(
      about,
      `${files.prefix} is empty`,
      'Is it the prefix that Kong runs with? Ask it: its Admin API names it under configuration.prefix.',
    );
  }
  return ok(about, `kong.conf (${conf.length} bytes) and ${count} files in ${files.prefix}`);
}
