import { mkdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { ManifestArtifact } from '../../../backup/set/manifest.ts';
import type { Manifest } from '../../../backup/set/manifest.ts';
import { openSet } from '../../../backup/set/open-set.ts';
import type { OpenSet } from '../../../backup/set/open-set.ts';
import type { StepContext } from '../../../engine/ports.ts';
import type { DeclarativeOutputs } from '../../../runbooks/restore.ts';
import { parseSelection } from '../../../runbooks/selection.ts';
import type { Selected } from '../../../runbooks/selection.ts';
import { Fault } from '../../../runs/fault.ts';
import { isRefusal } from '../../../runs/refusal.ts';
import { refOf } from '../../deps.ts';
import type { RestoreDeps } from '../deps.ts';
import { openProven } from '../set-reader.ts';

/** Where the wanted state of each workspace comes from. */
export interface Source {
  readonly set: OpenSet;
  /** The wanted workspaces; null: it was not there, so nothing should be in it. */
  readonly workspaces: ReadonlyMap<string, ManifestArtifact | null>;
  readonly only: readonly Selected[] | null;
  /** The way back: what was not there before goes away. */
  readonly back: boolean;
}

/** The declarative files of a set by workspace. */
export function declarativeOf({ artifacts }: Manifest): ReadonlyMap<string, ManifestArtifact> {
  return new Map(
    artifacts
      .filter(({ kind }) => kind === 'declarative')
      .map((artifact): [string, ManifestArtifact] => [String(artifact.facts['workspace'] ?? 'default'), artifact]),
  );
}

export function plannedSelection({ run }: Pick<StepContext, 'run'>): readonly Selected[] | null {
  const { only } = run.plan.parameters;
  if (!Array.isArray(only) || only.length === 0) return null;
  const selection = parseSelection(only.map(String));
  if (!isRefusal(selection)) return selection;
  throw new Fault(selection.code, selection.message, selection.hint);
}

/** The set that people want back. */
export async function wantedSource(deps: RestoreDeps, context: StepContext): Promise<Source> {
  const set = await openProven(deps, context.run);
  return { set, workspaces: declarativeOf(set.manifest), only: plannedSelection(context), back: false };
}

/** The safety backup of this run: the state before. */
export async function safetySource(deps: RestoreDeps, context: StepContext): Promise<Source> {
  const set = await openSafety(deps, context);
  const kept = declarativeOf(set.manifest);
  const seen = diffed(context);
  const workspaces = new Map(
    (seen?.workspaces ?? []).map((name): [string, ManifestArtifact | null] => {
      const file = kept.get(name) ?? null;
      // Only of a workspace that was not there may nothing be left.
      if (file === null && seen?.newWorkspaces.includes(name) !== true) throw notKept(name);
      return [name, file];
    }),
  );
  return { set, workspaces, only: plannedSelection(context), back: true };
}

/** What `diff-declarative` saw and people said go to; null before it. */
export function diffed({ run }: Pick<StepContext, 'run'>): DeclarativeOutputs | null {
  return (run.steps['diff-declarative']?.outputs as DeclarativeOutputs | undefined) ?? null;
}

/** The safety backup does not hold a workspace that is to be changed: then there would be no way back. */
export function notKept(workspace: string): Fault {
  return new Fault(
    'no-way-back',
    `The safety backup of this run holds no declarative file of workspace ${workspace}, so a sync of it could not be undone. Nothing was changed.`,
    'Let decK be on the worker and the workspace in the configuration of this gateway ("workspaces"), then restore again.',
  );
}

/** The same for a workspace of which only a part was saved. */
export function keptInPart(workspace: string, tags: readonly string[]): Fault {
  return new Fault(
    'no-way-back',
    `The safety backup of this run holds only entities tagged ${tags.join(' and ')} of workspace ${workspace}, and a sync of the set would change others too. Nothing was changed.`,
    'Take declarative.select_tags of this gateway out of the configuration, then restore again.',
  );
}

/** The safety backup from the first destination that has it whole. */
export async function openSafety(deps: RestoreDeps, { run }: Pick<StepContext, 'run'>): Promise<OpenSet> {
  const ref = refOf(run);
  const opening = (await deps.encryption?.opening()) ?? null;
  const published = (run.steps['publish-set']?.outputs as { manifestSha256?: string } | undefined)?.manifestSha256;
  let why = 'no destination is configured for it';
  for (const destination of deps.destinations) {
    const set = await openSet(destination, ref, { publicKeys: [deps.signingKey()], opening });
    if (!isRefusal(set) && set.manifestSha256 === published) return set;
    why = isRefusal(set) ? set.message : `its manifest in ${destination.name} is not the one that this run wrote`;
  }
  throw new Fault(
    'no-safety-backup',
    `The safety backup ${ref.set} of this run cannot be read: ${why}`,
    'Find out who changed its destination. The set that was restored can be restored again at any time.',
  );
}

/** Brings an artifact into the attempt's folder, decoded and proven; once for an attempt. */
export async function fetchOnce(
  set: OpenSet,
  artifact: ManifestArtifact,
  { workDir, signal }: Pick<StepContext, 'workDir' | 'signal'>,
): Promise<string> {
  const folder = join(workDir, set.ref.set);
  const path = join(folder, artifact.name.replace(/\.yaml\b.*$/, '.yaml'));
  if ((await stat(path).catch(() => null)) !== null) return path;
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const fetched = await set.fetchArtifact(artifact.name, path, { signal });
  if (isRefusal(fetched)) throw new Fault(fetched.code, fetched.message, fetched.hint);
  return path;
}
