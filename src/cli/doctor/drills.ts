import type { Config } from '../../config/schema.ts';
import type { RoleFacts } from '../../kong/database/database-admin.ts';
import { identifierAsTyped } from '../../kong/database/database-admin-sql.ts';
import { databaseOfUrl } from '../../kong/database/database-url.ts';
import type { RunCommand } from '../../run-command/command.ts';
import { beside } from './beside.ts';
import { fail, ok, warn, type Check, type Finding } from './check.ts';
import { toolsFinding } from './gateways.ts';
import type { Platform } from './machine.ts';

/** Where drills restore: whether it answers, its role may make databases, and this machine has its client tools. */
export function drillCheck(config: Config, run: RunCommand, platform: Platform): Check {
  return { about: 'drills', look: async () => await drillFindings(config, run, platform) };
}

async function drillFindings(config: Config, run: RunCommand, platform: Platform): Promise<readonly Finding[]> {
  const named = config.drills.database_url;
  const url = named === undefined ? config.environment.DATABASE_OWNER_URL : config.secret(named);
  if (url === undefined) {
    return [
      warn(
        'drills',
        'there is no PostgreSQL on which a set could be restored to prove it',
        'Name one under drills.database_url: a role with CREATEDB on a server at least as new as the gateway’s.',
      ),
    ];
  }
  const { role, createDb, version } = await rolesOf(url, run);
  const place = named === undefined ? 'the server of DATABASE_OWNER_URL' : 'drills.database_url';
  const tools = await toolsFinding('drills', version.major, run, platform);
  if (createDb) return [ok('drills', `restore on ${place}: PostgreSQL ${version.text}, role ${role}`), tools];
  const detail = `the role ${role} of ${place} may not make a database to restore into`;
  const hint = `Let a superuser run: ALTER ROLE ${identifierAsTyped(role)} CREATEDB; or name a role for drills alone under drills.database_url.`;
  // Who named no place for drills may not want any.
  return [named === undefined ? warn('drills', detail, hint) : fail('drills', detail, hint), tools];
}

async function rolesOf(url: string, run: RunCommand): Promise<RoleFacts> {
  const { database, password } = databaseOfUrl(url);
  return await beside(run, database, { password, maintenance: database.name }, (server) => server.roleFacts());
}
