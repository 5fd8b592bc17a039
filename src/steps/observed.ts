import type { KongRoot } from '../kong/admin/admin.ts';
import { placesOf } from '../backup/storage/destination.ts';
import type { StepContext } from '../engine/ports.ts';
import { digestOf } from '../runs/json.ts';
import { lookAtDatabase } from './preflight/check-database.ts';
import type { DatabaseSeen } from './preflight/check-database.ts';
import { chooseWorkspaces } from './preflight/check-gateway.ts';
import type { StepDeps } from './deps.ts';
import { refOf } from './deps.ts';
import { withAdmin, withDatabase } from './gateway-access.ts';
import { plannedWorkspaces, takesDatabase } from './plan-facts.ts';

export type Observed = Readonly<Record<string, string>>;

/**
 * What approvers say go to, as short facts and digests: which Kong, which database with which migrations, which
 * workspaces, and where the set goes. Entities are not in it: a gateway in use changes them all the time.
 */
export function observedOf(
  root: Pick<KongRoot, 'version' | 'edition' | 'databaseKind'>,
  workspaces: readonly string[],
  database: DatabaseSeen | null,
  places: ReturnType<typeof placesOf>,
): Observed {
  return {
    kongVersion: root.version,
    edition: root.edition,
    database: digestOf({
      kind: root.databaseKind,
      server: database?.server.major ?? null,
      migrations: database?.schemaMeta ?? null,
    }),
    workspaces: digestOf([...workspaces].sort()),
    destinations: digestOf(places),
  };
}

/** The same, looked up afresh just before the gated step. Throws the Fault of a neighbour that does not answer. */
export async function observeNow(deps: StepDeps, context: StepContext): Promise<Observed> {
  const { run } = context;
  const looking = takesDatabase(run) ? withDatabase(deps, context, lookAtDatabase) : Promise.resolve(null);
  const [[root, workspaces], database] = await Promise.all([
    withAdmin(deps, context.signal, async (admin) => {
      const root = await admin.root();
      return [root, chooseWorkspaces(plannedWorkspaces(run), await admin.workspaces(root)).workspaces] as const;
    }),
    looking,
  ]);
  return observedOf(root, workspaces, database, placesOf(deps.destinations, refOf(run)));
}
