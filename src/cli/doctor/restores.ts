import { secretHere } from '../../config/secret.ts';
import type { Config, GatewayConfig } from '../../config/schema.ts';
import type { DatabaseConfig } from '../../kong/database/database.ts';
import { runnerFor } from '../../run-command/runner-for.ts';
import { Fault } from '../../runs/fault.ts';
import { Checklist } from '../../steps/preflight/checklist.ts';
import { checkCreateDb, checkRename } from '../../steps/restore/check-place.ts';
import { kongVersion } from '../../steps/restore/fallback/kong-cli.ts';
import { beside } from './beside.ts';
import { fail, ok, warn, type Check, type Finding } from './check.ts';
import { isPrivate } from './storage.ts';

/**
 * What restores need beside what backups need: a proxy to prove through, a role that may put another database in the
 * place of the live one, and Kong's own program for a fresh database.
 */
export function restoreChecks(config: Config): readonly Check[] {
  return config.gateways.flatMap((gateway) => {
    const { name, nodes, database, files } = gateway;
    const about = `${name}: Kong’s program`;
    const proof = { about: `${name}: proof`, look: async () => [proofFinding(`${name}: proof`, nodes)] };
    if (database === undefined) return [proof];
    const recovery = { about: `${name}: recovery key`, look: async () => recoveryFindings(config, gateway) };
    const swap = {
      about: `${name}: database restore`,
      look: async () => await swapFindings(config, gateway, database),
    };
    // Only of these can a fresh database be made.
    if (files === undefined) return [proof, swap, recovery];
    return [proof, swap, recovery, { about, look: async () => [await programFinding(about, gateway)] }];
  });
}

function proofFinding(about: string, nodes: Config['gateways'][number]['nodes']): Finding {
  const hint = 'Name each node with its proxy_url under nodes: a restore is proven through every one of them.';
  if (nodes.length === 0) return warn(about, 'no nodes are named, so a restore proves no route', hint);
  const without = nodes.filter(({ proxy_url }) => proxy_url === undefined).map(({ name }) => name);
  return without.length === 0
    ? ok(about, `through the proxies of ${nodes.length} ${nodes.length === 1 ? 'node' : 'nodes'}`)
    : warn(about, `no proxy_url: ${without.join(', ')}`, hint);
}

/** Nothing to say where the configuration names none. */
export function recoveryFindings(
  config: Pick<Config, 'secret'>,
  {
    name,
    restore,
  }: { readonly name: string; readonly restore: Pick<GatewayConfig['restore'], 'keyring_recovery_key'> },
): readonly Finding[] {
  const about = `${name}: recovery key`;
  if (restore.keyring_recovery_key === undefined) return [];
  const pem = secretHere(config, restore.keyring_recovery_key);
  if (pem === null) {
    const hint = `Needed by workers that restore the database of ${name}, for the keys of its encrypted fields.`;
    return [warn(about, 'restore.keyring_recovery_key is not here', hint)];
  }
  if (isPrivate(pem)) return [ok(about, 'a private key in PEM; it is read again when a restore needs it')];
  const hint = 'Let it name the private half of keyring_recovery_public_key, without a passphrase.';
  return [fail(about, 'restore.keyring_recovery_key is no private key in PEM, or is protected by a passphrase', hint)];
}

/** The looks of a restore before it begins. Backups do without all of it, and so does a restore by decK. */
async function swapFindings(
  config: Config,
  gateway: GatewayConfig,
  database: DatabaseConfig,
): Promise<readonly Finding[]> {
  const about = `${gateway.name}: database restore`;
  const password = database.password === undefined ? undefined : config.secret(database.password);
  const place = { password, maintenance: gateway.restore.maintenance_database };
  try {
    return await beside(runnerFor(gateway), database, place, async (server) => {
      const list = new Checklist();
      const facts = await server.roleFacts();
      checkCreateDb(list, facts);
      const row = (await server.databases([database.name]))[database.name];
      if (row !== undefined) await checkRename(list, server, facts, { name: database.name, row });
      const failed = list.failed().map(({ fault }) => warn(about, fault.message, fault.hint));
      // The look at the database itself says that there is none.
      if (failed.length > 0 || row === undefined) return failed;
      return [ok(about, `the role ${facts.role} may put a restored database in the place of ${database.name}`)];
    });
  } catch (error) {
    if (!(error instanceof Fault)) throw error;
    return [warn(about, error.message, error.hint)];
  }
}

/** Every other way to restore does without it. */
async function programFinding(about: string, gateway: GatewayConfig): Promise<Finding> {
  const runner = runnerFor(gateway);
  const command = gateway.restore.kong_command;
  try {
    return ok(about, await kongVersion({ runner, command, signal: AbortSignal.timeout(LOOK_MS) }));
  } catch (error) {
    if (!(error instanceof Fault) || !error.code.startsWith('fresh.')) throw error;
    const what = error.code === 'fresh.no-kong' ? 'there is no program' : 'it cannot be started:';
    return warn(
      about,
      `${what} ${command.join(' ')} (${runner.where}), so no fresh database can be made when a dump cannot be used`,
      'Name Kong’s program under restore.kong_command, as it is called where the gateway’s commands run; every other restore does without it.',
    );
  }
}

const LOOK_MS = 20_000;
