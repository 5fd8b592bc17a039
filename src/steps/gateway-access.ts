import { adminApi } from '../kong/admin/admin.ts';
import type { AdminApi } from '../kong/admin/admin.ts';
import type { AdminApiOptions } from '../kong/admin/admin-request.ts';
import type { GatewayConfig } from '../config/schema.ts';
import { openDatabase } from '../kong/database/database.ts';
import type { DatabaseAccess, DatabaseConfig, DatabaseSession } from '../kong/database/database.ts';
import { findPsql } from '../kong/dump/tools.ts';
import type { StepContext } from '../engine/ports.ts';
import { Fault } from '../runs/fault.ts';
import type { StepDeps } from './deps.ts';

type Around = Pick<StepContext, 'workDir' | 'applicationName' | 'signal'>;

/** Does a piece of work over the gateway's Admin API and hangs up. */
export async function withAdmin<T>(
  deps: StepDeps,
  signal: AbortSignal,
  work: (admin: AdminApi) => Promise<T>,
): Promise<T> {
  const admin = adminApi({ ...adminConnection(deps, deps.gateway.admin_api), signal });
  try {
    return await work(admin);
  } finally {
    await admin.close();
  }
}

/** How an Admin API of this gateway is reached: its own, or that of one of its nodes. Secrets are read now. */
export function adminConnection(
  { gateway, secret }: Pick<StepDeps, 'gateway' | 'secret'>,
  api: GatewayConfig['admin_api'],
): Omit<AdminApiOptions, 'signal'> {
  return {
    gateway: gateway.name,
    url: api.url,
    token: api.token === undefined ? undefined : secret(api.token),
    caFile: api.ca_file,
    headers: adminHeaders(api, secret),
    clientCertificate: clientCertificateOf(api),
    timeoutMs: api.timeout_seconds * 1000,
  };
}

export function adminHeaders(
  { headers }: GatewayConfig['admin_api'],
  secret: StepDeps['secret'],
): Readonly<Record<string, string>> {
  const entries = Object.entries(headers ?? {});
  return Object.fromEntries(entries.map(([name, value]) => [name, typeof value === 'string' ? value : secret(value)]));
}

export function clientCertificateOf({ client_certificate: client }: GatewayConfig['admin_api']) {
  return client === undefined ? undefined : { certFile: client.cert_file, keyFile: client.key_file };
}

export function adminToken(deps: StepDeps): string | undefined {
  const { token } = deps.gateway.admin_api;
  return token === undefined ? undefined : deps.secret(token);
}

/** Does a piece of work in a session on the gateway's database and ends the session. */
export async function withDatabase<T>(
  deps: StepDeps,
  context: Around,
  work: (session: DatabaseSession) => Promise<T>,
): Promise<T> {
  const psql = await findPsql(deps.runner);
  const access = databaseAccess(deps, context);
  const session = await openDatabase(deps.runner, configuredDatabase(deps), {
    ...access,
    psql,
    signal: context.signal,
  });
  try {
    return await work(session);
  } finally {
    await session.close();
  }
}

export function databaseAccess(deps: StepDeps, { workDir, applicationName }: Around): DatabaseAccess {
  const { password } = configuredDatabase(deps);
  return { password: password === undefined ? undefined : deps.secret(password), applicationName, workDir };
}

export function configuredDatabase(deps: StepDeps): DatabaseConfig {
  const { database, name } = deps.gateway;
  if (database !== undefined) return database;
  throw new Fault(
    'no-database',
    `The configuration of gateway ${name} names no database, but the run was planned with one.`,
    'Add it to the configuration, or start a new backup.',
  );
}
