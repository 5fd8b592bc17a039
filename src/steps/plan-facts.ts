import { ARTIFACT_KINDS } from '../runbooks/backup.ts';
import type { ArtifactKind, Gap, PreflightOutputs } from '../runbooks/backup.ts';
import { Fault } from '../runs/fault.ts';
import type { JsonObject } from '../runs/json.ts';
import type { Run } from '../runs/run.ts';

/** Why a kind is left out, by kind. */
export type Skipped = { readonly [kind: string]: string };

/** Preflight's outputs, and the kinds that it found the gateway may and must go without. */
export interface PreflightFacts extends PreflightOutputs {
  readonly skipped: Skipped;
  /** Workspaces of the gateway that the configuration leaves out. */
  readonly workspacesLeftOut: readonly string[];
  /** Absent in runs of older versions: then nothing. */
  readonly further?: Further;
}

/** What the gateway has beside the kinds of the plan, and the set takes along. */
export interface Further extends JsonObject {
  /** Workspaces whose RBAC roles decK dumps. */
  readonly rbac: readonly string[];
  /** Enterprise entities that no decK carries. */
  readonly entities: boolean;
  /** The keyring is exported. */
  readonly keyring: boolean;
  /** Nodes whose configuration is asked from themselves: those without a database. */
  readonly nodes: readonly string[];
  /** A control plane: the configuration hash of each of its data planes is noted. */
  readonly dataPlanes: boolean;
  /** What of it cannot be taken, and why. */
  readonly gaps: readonly Gap[];
}

export const NOTHING_FURTHER: Further = {
  rbac: [],
  entities: false,
  keyring: false,
  nodes: [],
  dataPlanes: false,
  gaps: [],
};

/** Kinds of artifact that this run's plan takes. */
export function plannedKinds(run: Run): readonly ArtifactKind[] {
  const kinds = run.plan.parameters['kinds'];
  return ARTIFACT_KINDS.filter((kind) => Array.isArray(kinds) && kinds.includes(kind));
}

/** Workspaces as the plan asks for them. */
export function plannedWorkspaces(run: Run): 'all' | readonly string[] {
  const workspaces = run.plan.parameters['workspaces'];
  return Array.isArray(workspaces) ? workspaces.map(String) : 'all';
}

/** What preflight found; every later step builds on it. */
export function preflightFacts(run: Run): PreflightFacts {
  const outputs = run.steps['preflight']?.outputs;
  if (outputs !== undefined) return outputs as PreflightFacts;
  throw new Fault(
    'no-preflight',
    `Run ${run.id} has no result of its preflight, so nothing is known of the gateway.`,
    'Start a new backup.',
  );
}

/** Whether the set gets a dump of the database: decides what a gap of the declarative file is worth. */
export function takesDatabase(run: Run): boolean {
  return plannedKinds(run).includes('database') && preflightFacts(run).skipped['database'] === undefined;
}
