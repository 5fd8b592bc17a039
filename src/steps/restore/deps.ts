import type { Destination } from '../../backup/storage/destination.ts';
import type { SetRef } from '../../backup/set/set-id.ts';
import type { NodeConfig } from '../../config/schema/schema-restore.ts';
import type { CheckSetOutputs } from '../../runbooks/restore.ts';
import { Fault } from '../../runs/fault.ts';
import { digestOf } from '../../runs/json.ts';
import type { Run } from '../../runs/run.ts';
import type { SwapNames } from '../../kong/database/database-admin.ts';
import type { DatabaseConfig } from '../../kong/database/database.ts';
import type { StepDeps, StepSurroundings } from '../deps.ts';
import { depsFor, openDestination } from '../deps.ts';

/** What the steps of a restore or a drill get beside those of a backup: where the set that they restore lies. */
export interface RestoreDeps extends StepDeps {
  readonly set: SetRef;
  /** The chosen destination first, then every other one of the gateway. */
  readonly sources: readonly Destination[];
  /** PostgreSQL on which drills restore; null where none is configured. */
  readonly drillUrl: () => string | null;
}

/** Binds the steps to the set that the run restores. */
export function restoreDepsFor(run: Run, surroundings: StepSurroundings): RestoreDeps {
  const deps = depsFor(run, surroundings);
  const { set, destination } = run.plan.parameters as { set?: string; destination?: string };
  const others = deps.gateway.destinations.filter((name) => name !== destination);
  const { config } = surroundings;
  return {
    ...deps,
    set: { gateway: run.plan.gateway, set: set ?? '' },
    sources: [destination ?? '', ...others].map((name) => openDestination(config, name)),
    drillUrl: () =>
      config.drills.database_url === undefined
        ? (config.environment.DATABASE_OWNER_URL ?? null)
        : config.secret(config.drills.database_url),
  };
}

/**
 * The names of the three databases of a restore. They carry the run's id and a digest of its first event, so that no two
 * runs, not even of two bots on one server, ever share one: what has such a name is this run's own.
 */
export function namesOf(run: Run, database: Pick<DatabaseConfig, 'name'>): SwapNames {
  const own = digestOf({ run: run.id, at: run.requestedAt, plan: run.planDigest }).slice(0, 6);
  const id = run.id.toLowerCase().replace('-', '');
  const named = (end: string): string => `${cut(database.name, 63 - end.length)}${end}`;
  return { live: database.name, scratch: named(`_${id}_${own}_new`), kept: named(`_${id}_${own}_old`) };
}

/** PostgreSQL counts bytes, and cuts names without a word. */
function cut(name: string, bytes: number): string {
  let short = name;
  while (Buffer.byteLength(short) > bytes) short = short.slice(0, -1);
  return short;
}

/** The nodes of a gateway; one that names none is one node. */
export function nodesOf({ gateway }: Pick<StepDeps, 'gateway'>): readonly NodeConfig[] {
  return gateway.nodes.length > 0 ? gateway.nodes : [{ name: gateway.name, reload: 'none' }];
}

/** What `check-set` proved; every later step builds on it. */
export function checkedSet(run: Run): CheckSetOutputs {
  const checked = run.steps['check-set'];
  if (checked?.status === 'succeeded' && checked.outputs !== undefined) return checked.outputs as CheckSetOutputs;
  throw new Fault(
    'no-check-set',
    `Run ${run.id} has no result of its check of the set, so nothing is known of it.`,
    'Start a new restore.',
  );
}
