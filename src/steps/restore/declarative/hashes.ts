import type { StepContext } from '../../../engine/ports.ts';
import { putHashesBack } from '../../../kong/database/credential-hashes.ts';
import { findPsql } from '../../../kong/dump/tools.ts';
import { configuredDatabase, databaseAccess, withAdmin } from '../../gateway-access.ts';
import type { RestoreDeps } from '../deps.ts';
import type { HashDifference } from './compare.ts';
import type { WorkspaceLook } from './look.ts';

/**
 * Whether stored password hashes can be put back past Kong: the bot reaches the database, and Kong does not encrypt what
 * is in it. Else people set those passwords anew (facts I3).
 */
export async function canPutHashes(deps: RestoreDeps, { signal }: Pick<StepContext, 'signal'>): Promise<boolean> {
  if (deps.gateway.database === undefined) return false;
  return await withAdmin(deps, signal, async (admin) => (await admin.root()).keyring === null);
}

/** Hashes that are wrong now, and those that a sync will have made wrong. */
export function wrongHashes(looks: readonly WorkspaceLook[]): readonly HashDifference[] {
  return looks.flatMap(({ answer }) => [...answer.hashes, ...answer.hashesToCome]);
}

/** Logins, for people. */
export function loginsOf(hashes: readonly HashDifference[]): readonly string[] {
  return [...new Set(hashes.map(({ name }) => name))].sort();
}

export async function putBack(
  deps: RestoreDeps,
  context: StepContext,
  hashes: readonly HashDifference[],
): Promise<number> {
  if (hashes.length === 0) return 0;
  const access = { ...databaseAccess(deps, context), psql: await findPsql(deps.runner), signal: context.signal };
  return await putHashesBack(deps.runner, configuredDatabase(deps), access, hashes);
}
