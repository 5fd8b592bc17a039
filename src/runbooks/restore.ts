import type { JsonObject } from '../runs/json.ts';
import type { GatePolicy, Plan, PlannedStep } from '../runs/plan.ts';
import { dblessSteps, filesSteps } from './restore-aside.ts';
import { gated, readsOnly } from './planned-steps.ts';
import { declarativeSteps } from './restore-declarative.ts';
import type { Common } from './planned-steps.ts';

/** How a gateway is restored. The bot proposes, people decide (behaviour 6.1). */
export type Strategy =
  /** The dump into a scratch database, then a swap by renaming. */
  | 'database'
  /** The declarative files by decK, workspace by workspace. */
  | 'declarative'
  /** kong.conf and prefix files beside the present ones. */
  | 'files'
  /** The configuration of nodes without a database, by POST /config. */
  | 'dbless'
  /** A fresh database made by Kong, with the declarative file loaded into it: where the dump cannot be used. */
  | 'fresh-database';

/**
 * The copy of the present state that precedes every restore (behaviour 6.3). `backup`: a set of its own, published and
 * verified. `kept-database`: the present state cannot be backed up, so the renamed old database is the copy, and the gate
 * asks one approver more (decision 3).
 */
export type Safety = 'backup' | 'kept-database';

/** Outputs of `check-set`: nothing was touched, everything about the set is proven. */
export interface CheckSetOutputs extends JsonObject {
  readonly set: string;
  readonly destination: string;
  readonly manifestSha256: string;
  readonly bytesRead: number;
  readonly kongVersion: string;
  readonly takenAt: string;
}

/** Outputs of `restore-scratch`. */
export interface ScratchOutputs extends JsonObject {
  readonly scratch: string;
  readonly tables: number;
  readonly rows: number;
}

/** What would change, by type of entity: never a body, never a secret. */
export type Change = {
  readonly kind: string;
  readonly created: number;
  readonly updated: number;
  readonly deleted: number;
  /** Names of a few, for people. */
  readonly names: readonly string[];
};

/** Outputs of `preview-change` and `diff-declarative`: what approvers approve; `observed` is looked at again at the gate. */
export interface PreviewOutputs extends JsonObject {
  readonly changes: readonly Change[];
  /** SHA-256 of the whole diff. */
  readonly digest: string;
  readonly observed: Readonly<Record<string, string>>;
  /** Set when the change is of a kind that needs more people (behaviour 2.12). */
  readonly approversMore: number;
  /** Minutes during which the proxy is expected to answer from old state or not at all. */
  readonly degradedMinutes: number;
}

/** Outputs of `diff-declarative`: its `digest` and `prints` are keyed, because a diff holds passwords. */
export interface DeclarativeOutputs extends PreviewOutputs {
  /** Workspaces that the sync touches. */
  readonly workspaces: readonly string[];
  /** Those of them that are not there yet. */
  readonly newWorkspaces: readonly string[];
  /** One for each change, also for those that the sync itself brings about: what is left of it after a death is among them. */
  readonly prints: readonly string[];
  /** Logins whose passwords decK cannot carry and nothing else here can: people must set them anew. */
  readonly passwordsByHand: readonly string[];
}

/** Outputs of `sync-declarative` and `sync-back`. */
export interface SyncOutputs extends JsonObject {
  readonly workspaces: readonly string[];
  /** Changes that decK made; 0 where all was as wanted already. */
  readonly changed: number;
  /** Stored password hashes that were put back in the database. */
  readonly hashesPutBack: number;
  /** What somebody added in the very moment of the sync, and decK deleted. */
  readonly deletedMore: readonly string[];
  /** What somebody changed since the plan, and decK put back; absent where there is none. */
  readonly changedMore?: readonly string[];
}

/** Outputs of `read-back` and `read-back-undo`: what was read again and is as wanted. */
export interface ReadBackOutputs extends JsonObject {
  readonly workspaces: readonly string[];
  /** Logins whose passwords people must set anew. */
  readonly passwordsByHand: readonly string[];
}

/** Outputs of `swap-database` and `swap-back`. */
export interface SwapOutputs extends JsonObject {
  /** The name that Kong uses. */
  readonly live: string;
  /** What was live before, under its new name. */
  readonly kept: string;
  readonly swappedAt: string;
}

/** Outputs of `prove-restore`: every node by name, what was proven on it, and who must be restarted by hand. */
export interface ProveOutputs extends JsonObject {
  readonly nodes: readonly ProvenNode[];
  readonly restartByHand: readonly string[];
}
interface ProvenNode extends JsonObject {
  readonly node: string;
  readonly purged: boolean;
  readonly proven: readonly string[];
  /** Why nothing was asked: `no-proxy`, the configuration does not name its proxy; `no-request`, no answer would tell. */
  readonly unasked?: 'no-proxy' | 'no-request';
}

export interface RestorePlanInput {
  readonly gateway: string;
  readonly environment: string;
  readonly strategy: Strategy;
  readonly set: string;
  readonly destination: string;
  readonly safety: Safety;
  /** `service:catalog`, …: these alone, declaratively; left out: everything. */
  readonly only?: readonly string[];
  /** The steps that take the safety backup: those of the gateway's own backup plan, without gates. */
  readonly safetySteps: readonly PlannedStep[];
  readonly safetyParameters: JsonObject;
  readonly policy: GatePolicy | null;
  /** The configuration says how the keys of encrypted fields come back. Absent: it does not. */
  readonly keyring?: boolean;
  readonly holdSeconds: number;
  readonly attempts: number;
  readonly deadlineSeconds: number;
}

/** The run-book of a restore: prove the set, keep the present, prepare aside, ask, swap, prove; the way back stays open. */
export function restorePlan(input: RestorePlanInput): Plan {
  const common = { queue: 'restore', attempts: input.attempts, deadlineSeconds: input.deadlineSeconds } as const;
  const check: PlannedStep = readsOnly(common, 'check-set', 'Prove the set byte by byte');
  const safety = input.safety === 'backup' ? input.safetySteps.filter(({ cleanup }) => cleanup !== true) : [];
  const cleanups = input.safety === 'backup' ? input.safetySteps.filter(({ cleanup }) => cleanup === true) : [];
  const ways = STEPS[input.strategy](common, input.policy).filter(
    ({ id }) => id !== 'recover-keyring' || input.keyring === true,
  );
  return {
    runbook: 'restore',
    gateway: input.gateway,
    environment: input.environment,
    exclusive: `change:${input.gateway}`,
    holdSeconds: input.holdSeconds,
    parameters: {
      ...input.safetyParameters,
      strategy: input.strategy,
      set: input.set,
      destination: input.destination,
      safety: input.safety,
      ...(input.only === undefined ? {} : { only: input.only }),
    },
    steps: [check, ...safety, ...ways, ...cleanups],
  };
}

const STEPS: Readonly<Record<Strategy, (common: Common, policy: GatePolicy | null) => readonly PlannedStep[]>> = {
  database: databaseSteps,
  declarative: declarativeSteps,
  files: filesSteps,
  dbless: dblessSteps,
  'fresh-database': freshDatabaseSteps,
};

/** As from the dump, but for what fills the scratch database. */
function freshDatabaseSteps(common: Common, policy: GatePolicy | null): readonly PlannedStep[] {
  const title = 'Build a fresh database from the declarative file';
  return databaseSteps(common, policy).map((step) =>
    step.id === 'restore-scratch' ? { ...step, id: 'rebuild-scratch', title } : step,
  );
}

function databaseSteps(common: Common, policy: GatePolicy | null): readonly PlannedStep[] {
  const swap: PlannedStep = {
    ...common,
    id: 'swap-database',
    title: 'Swap the databases by renaming',
    recovery: 'check',
    undo: 'swap-back renames them back',
    live: true,
  };
  return [
    {
      ...common,
      id: 'restore-scratch',
      title: 'Restore into a scratch database',
      recovery: 'check',
      undo: 'drop-scratch removes the scratch database',
    },
    { ...readsOnly(common, 'preview-change', 'Compare with what is live'), shownAtGate: true },
    gated(swap, policy),
    {
      ...common,
      id: 'reload-nodes',
      title: 'Reload and purge every node',
      recovery: 'repeat',
      undo: 'reload-back',
      live: true,
    },
    {
      ...common,
      id: 'recover-keyring',
      title: 'Bring back the keys of encrypted fields',
      recovery: 'repeat',
      undo: 'keys that the nodes hold beside others do no harm',
    },
    readsOnly(common, 'prove-restore', 'Prove a route and a credential on every node'),
    ...databaseWayBack(common),
  ];
}

/** The undo, the end of the hold, and what is removed when the live database was never touched. */
function databaseWayBack(common: Common): readonly PlannedStep[] {
  return [
    {
      ...common,
      id: 'swap-back',
      title: 'Swap the databases back',
      recovery: 'check',
      undo: 'restore again',
      phase: 'undo',
    },
    {
      ...common,
      id: 'reload-back',
      title: 'Reload and purge every node',
      recovery: 'repeat',
      undo: 'harmless',
      phase: 'undo',
    },
    { ...readsOnly(common, 'prove-back', 'Prove a route and a credential on every node'), phase: 'undo' },
    {
      ...common,
      id: 'drop-restored',
      title: 'Remove the restored copy',
      recovery: 'check',
      undo: 'cannot be undone: the set that it came from is kept',
      phase: 'undo',
    },
    {
      ...common,
      id: 'drop-kept',
      title: 'Drop the kept database',
      recovery: 'check',
      undo: 'cannot be undone',
      phase: 'close',
    },
    {
      ...common,
      id: 'drop-scratch',
      title: 'Remove the scratch database',
      recovery: 'check',
      undo: 'cannot be undone: only the scratch copy is removed',
      cleanup: true,
    },
  ];
}
