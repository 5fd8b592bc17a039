import { openContent } from '../../kong/database/database-content.ts';
import type { DatabaseContent } from '../../kong/database/database-content.ts';
import { openServer } from '../../kong/database/database-admin.ts';
import type { DatabaseServer } from '../../kong/database/database-admin.ts';
import { openDatabase } from '../../kong/database/database.ts';
import type { DatabaseConfig, DatabaseSession } from '../../kong/database/database.ts';
import { findPsql } from '../../kong/dump/tools.ts';
import type { StepContext } from '../../engine/ports.ts';
import type { StepDeps } from '../deps.ts';
import { configuredDatabase, databaseAccess } from '../gateway-access.ts';

type Around = Pick<StepContext, 'workDir' | 'applicationName' | 'signal'>;

/** Does a piece of work beside the gateway's database, on the same server. */
export async function withServer<T>(
  deps: StepDeps,
  context: Around,
  work: (server: DatabaseServer) => Promise<T>,
): Promise<T> {
  const access = { ...databaseAccess(deps, context), psql: await findPsql(deps.runner), signal: context.signal };
  const maintenance = deps.gateway.restore.maintenance_database;
  const server = await openServer(deps.runner, configuredDatabase(deps), { ...access, maintenance });
  try {
    return await work(server);
  } finally {
    await server.close();
  }
}

/** Does a piece of work in another database of the same server. */
export async function withSession<T>(
  deps: StepDeps,
  context: Around,
  name: string,
  work: (session: DatabaseSession) => Promise<T>,
): Promise<T> {
  const access = { ...databaseAccess(deps, context), psql: await findPsql(deps.runner), signal: context.signal };
  const session = await openDatabase(deps.runner, named(deps, name), access);
  try {
    return await work(session);
  } finally {
    await session.close();
  }
}

/** Looks into databases of the same server side by side; a name that is null is not there, and neither is its content. */
export async function withContents<T>(
  deps: StepDeps,
  context: Around,
  names: readonly [string | null, string],
  work: (first: DatabaseContent | null, second: DatabaseContent) => Promise<T>,
): Promise<T> {
  const access = { ...databaseAccess(deps, context), psql: await findPsql(deps.runner), signal: context.signal };
  const [one, two] = names;
  const first = one === null ? null : await openContent(deps.runner, named(deps, one), access);
  try {
    const second = await openContent(deps.runner, named(deps, two), access);
    try {
      return await work(first, second);
    } finally {
      await second.close();
    }
  } finally {
    await first?.close();
  }
}

/** Ends what a dead predecessor of this step left running: also while the gateway's own database takes no connections. */
export async function endPredecessors(deps: StepDeps, context: StepContext): Promise<void> {
  const prefix = `kong-chatops ${context.run.id}/${context.step}/`;
  await withServer(deps, context, (server) => server.endSessions(prefix));
}

function named(deps: StepDeps, name: string): DatabaseConfig {
  return { ...configuredDatabase(deps), name };
}
