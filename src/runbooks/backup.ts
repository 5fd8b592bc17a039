import type { JsonObject } from '../runs/json.ts';
import type { GatePolicy, Plan, PlannedStep } from '../runs/plan.ts';
import { readsOnly } from './planned-steps.ts';

/** The kinds that a backup is planned with: each has a step of its own, and a gateway may be allowed to go without it. */
export const ARTIFACT_KINDS = ['database', 'declarative', 'files'] as const;
export type ArtifactKind = (typeof ARTIFACT_KINDS)[number];

/**
 * Kinds that come along with those of the plan wherever the gateway has something of them: roles of the database server,
 * RBAC roles by decK, Enterprise entities that no decK carries, keyring material, configuration of nodes without a database.
 */
export const FURTHER_KINDS = ['globals', 'rbac', 'entities', 'keyring', 'dbless'] as const;
/** What an artifact of a set can be. */
export const SET_KINDS = [...ARTIFACT_KINDS, ...FURTHER_KINDS] as const;
export type SetKind = (typeof SET_KINDS)[number];

// Types and not interfaces: only those count as plain JSON for TypeScript.
/** One file of a set. `bytes` and `sha256` are of the file as it is stored. */
export type Artifact = {
  readonly kind: SetKind;
  /** File name inside the set: `database.tar.zst`, `declarative-default.yaml`, `files.tar`. */
  readonly name: string;
  readonly bytes: number;
  readonly sha256: string;
  readonly tool: string;
  readonly toolVersion: string;
  readonly seconds: number;
  /** Short facts for people: `{ tables: 31, rows: 5120 }`, `{ workspace: 'default', entities: 41 }`, `{ files: 12 }`. */
  readonly facts: Readonly<Record<string, string | number>>;
  /** What was done to its bytes before they were stored, in this order; absent: nothing. Undone from the last to the first. */
  readonly encoding?: readonly ('zstd' | 'age')[];
  /** Of what it is once that is undone; absent: as stored. */
  readonly plain?: { readonly bytes: number; readonly sha256: string };
};

/** Something that exists on the gateway and is not in the set (behaviour 5.3). */
export type Gap = {
  /** Stable: `declarative`, `keys`, `key-sets`, `prefix-secrets`, `oauth2-tokens`, `encryption` … */
  readonly kind: string;
  /** How many; null when it cannot be counted. */
  readonly count: number | null;
  /** "3 keys are not in the declarative file". */
  readonly what: string;
  /** "decK 1.29.2 knows no keys; they are in the database dump". */
  readonly why: string;
  /** The set holds it all the same, here alone: a restore that cannot use this artifact loses it. */
  readonly onlyIn?: ArtifactKind;
};

/** What exists on the gateway and is nowhere in the set. That a set is not encrypted is told by itself: no data lacks. */
export function nowhere<G extends Pick<Gap, 'kind' | 'onlyIn'>>(gaps: readonly G[]): readonly G[] {
  return gaps.filter(({ kind, onlyIn }) => kind !== 'encryption' && onlyIn === undefined);
}

/** Outputs of `preflight`. `observed` is what a gate shows and what is compared again just before the gated step. */
export interface PreflightOutputs extends JsonObject {
  readonly kongVersion: string;
  readonly edition: string;
  readonly databaseKind: string;
  readonly workspaces: readonly string[];
  /** Every check in order, for the thread: all ok, or the step had failed. */
  readonly checks: readonly { readonly name: string; readonly detail: string }[];
  readonly tools: Readonly<Record<string, string>>;
  readonly databaseBytes: number;
  readonly tables: number;
  readonly observed: Readonly<Record<string, string>>;
}

/** Outputs of `dump-database`, `dump-declarative` and `save-files`. */
export type ArtifactOutputs = {
  readonly artifacts: readonly Artifact[];
  readonly gaps: readonly Gap[];
};

/** Outputs of `publish-set`: from here on the set exists. State: finished. */
export type PublishOutputs = {
  readonly set: string;
  readonly bytes: number;
  readonly manifestSha256: string;
  readonly gaps: readonly Gap[];
  /** Where it lies, as people can find it: name of the destination and path. */
  readonly places: readonly { readonly destination: string; readonly path: string }[];
};

/** Outputs of `verify-set`: every byte was read back from every destination and its hash compared. State: verified. */
export type VerifyOutputs = {
  readonly set: string;
  readonly verifiedAt: string;
  readonly bytesRead: number;
  /** True when every artifact was also decrypted and decompressed to its end; absent: hashes of stored bytes alone. */
  readonly wholeChain?: boolean;
  readonly places: readonly { readonly destination: string; readonly path: string }[];
};

export interface BackupPlanInput {
  readonly gateway: string;
  readonly environment: string;
  readonly kinds: readonly ArtifactKind[];
  readonly workspaces: 'all' | readonly string[];
  readonly destinations: readonly string[];
  readonly policy: GatePolicy | null;
  readonly attempts: number;
  readonly deadlineSeconds: number;
}

const UNPUBLISHED = 'what was written is not a backup until it is published; discard-set removes it';

/** The run-book of a backup: every row of it a step (behaviour 5.1 to 5.5, 5.10). */
export function backupPlan(input: BackupPlanInput): Plan {
  const common = { queue: 'backup', attempts: input.attempts, deadlineSeconds: input.deadlineSeconds } as const;
  const takes: Readonly<Record<ArtifactKind, PlannedStep>> = {
    database: { ...common, id: 'dump-database', title: 'Dump the database', recovery: 'check', undo: UNPUBLISHED },
    declarative: {
      ...common,
      id: 'dump-declarative',
      title: 'Dump the declarative configuration',
      recovery: 'check',
      undo: UNPUBLISHED,
    },
    files: {
      ...common,
      id: 'save-files',
      title: 'Save kong.conf and prefix files',
      recovery: 'check',
      undo: UNPUBLISHED,
    },
  };
  const work = input.kinds.map((kind) => takes[kind]);
  const [first, ...rest] = work;
  const gated = first === undefined ? [] : [input.policy === null ? first : { ...first, gate: input.policy }, ...rest];
  return {
    runbook: 'backup',
    exclusive: `backup:${input.gateway}`,
    gateway: input.gateway,
    environment: input.environment,
    parameters: { kinds: input.kinds, workspaces: input.workspaces, destinations: input.destinations },
    steps: [
      readsOnly(common, 'preflight', 'Check gateway, tools and rights'),
      ...gated,
      {
        ...common,
        id: 'publish-set',
        title: 'Write the manifest and publish',
        recovery: 'check',
        undo: 'delete the set by hand',
      },
      readsOnly(common, 'verify-set', 'Read back every byte'),
      {
        ...common,
        id: 'discard-set',
        title: 'Remove what was not published',
        recovery: 'check',
        undo: 'cannot be undone: only unpublished parts are removed',
        cleanup: true,
      },
    ],
  };
}
