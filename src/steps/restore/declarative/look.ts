import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { StepContext } from '../../../engine/ports.ts';
import type { DeckEntry, DeckFile } from '../../../kong/deck/deck-changes.ts';
import { Fault } from '../../../runs/fault.ts';
import { eachAtOnce } from '../../each-at-once.ts';
import { withAdmin } from '../../gateway-access.ts';
import { some } from '../../words.ts';
import type { RestoreDeps } from '../deps.ts';
import { nameOf } from './changes.ts';
import type { WorkspaceDiff } from './changes.ts';
import { deckOf } from './deck-of.ts';
import { idOf } from './document.ts';
import type { Body } from './document.ts';
import type { DocumentAnswer } from './documents.ts';
import { lookAtDocuments, selectTagsOf } from './documents.ts';
import type { Source } from './source.ts';
import { fetchOnce } from './source.ts';

/** A workspace as it is and as it should be. */
export interface WorkspaceLook {
  readonly workspace: string;
  /** What decK is given. */
  readonly request: DeckFile & { readonly parallelism: number };
  /** False: the workspace is not there yet; a sync makes it. */
  readonly exists: boolean;
  readonly answer: DocumentAnswer;
}

/**
 * Dumps the present state of every workspace and compares it with the wanted one, entity by entity and without decK's
 * own opinion: its exit codes and its diff are not what a restore is believed by (behaviour 6.4).
 */
export async function lookAround(
  deps: RestoreDeps,
  context: StepContext,
  source: Source,
  { sides = false }: { readonly sides?: boolean } = {},
): Promise<readonly WorkspaceLook[]> {
  const there = await workspacesThere(deps, context, source);
  const names = [...source.workspaces.keys()].sort();
  const first = names.includes('default') ? 'default' : (names[0] ?? '');
  const total = names.length;
  let done = 0;
  context.progress({ done, total, unit: 'workspaces', note: 'comparing' });
  const looks = await eachAtOnce(names, deps.gateway.declarative.workspaces_at_once, async (workspace) => {
    const exists = there === null || there.includes(workspace);
    const look = await lookAtWorkspace(deps, context, source, { workspace, exists, first, sides });
    context.progress({ done: (done += 1), total, unit: 'workspaces', note: `compared ${workspace}` });
    return look;
  });
  refuseSelection(looks);
  return looks;
}

/** Null on Kong OSS, which has only the default one. */
async function workspacesThere(
  deps: RestoreDeps,
  { signal }: StepContext,
  { set }: Source,
): Promise<readonly string[] | null> {
  if (set.manifest.kong.edition !== 'enterprise') return null;
  return await withAdmin(deps, signal, async (admin) => await admin.workspaces(await admin.root()));
}

interface One {
  readonly workspace: string;
  readonly exists: boolean;
  /** The workspace whose file brings the CA certificates, which are the same in all of them. */
  readonly first: string;
  readonly sides: boolean;
}

async function lookAtWorkspace(
  deps: RestoreDeps,
  context: StepContext,
  source: Source,
  { workspace, exists, first, sides }: One,
): Promise<WorkspaceLook> {
  const { signal, workDir } = context;
  const { kong } = source.set.manifest;
  const enterprise = kong.edition === 'enterprise';
  const artifact = source.workspaces.get(workspace) ?? null;
  const wanted = artifact === null ? null : await fetchOnce(source.set, artifact, context);
  const place = {
    workspace: enterprise ? workspace : null,
    skipCaCertificates: enterprise && workspace !== first,
    signal,
  };
  const selectTags = wanted === null ? [] : await selectTagsOf(wanted);
  const own = `${encodeURIComponent(workspace)}-${crypto.randomUUID()}`;
  const present = join(workDir, `present-${own}.yaml`);
  if (exists) {
    const deck = await deckOf(deps, context, kong.edition);
    await deck.dump({ workspace: place.workspace, outFile: present, withId: true, selectTags, signal });
  } else {
    const version = Number.parseInt(kong.version, 10) < 3 ? '1.1' : '3.0';
    await writeFile(present, `_format_version: "${version}"\n_workspace: ${JSON.stringify(workspace)}\n`, {
      mode: 0o600,
    });
  }
  const out = join(workDir, `wanted-${own}.yaml`);
  const { only, back } = source;
  const job = { source: wanted, present, out, workspace: place.workspace, only, back, sides };
  const answer = await lookAtDocuments({ ...job, skipCaCertificates: place.skipCaCertificates }, signal);
  return {
    workspace,
    exists,
    answer,
    request: { ...place, file: out, parallelism: deps.gateway.restore.sync_parallelism },
  };
}

/** What was selected must be in one of the workspaces at least. */
function refuseSelection(looks: readonly WorkspaceLook[]): void {
  const [one] = looks;
  const nowhere = (one?.answer.absent ?? []).filter((name) =>
    looks.every(({ answer }) => answer.absent.includes(name)),
  );
  const problems = [
    ...nowhere.map((name) => `there is no ${name} in the set`),
    ...looks.flatMap(({ answer }) => answer.problems),
  ];
  if (problems.length === 0) return;
  throw new Fault(
    'selection-impossible',
    `What was chosen cannot be restored alone: ${some(problems)}. Nothing was changed.`,
    'Name other entities, name what they belong to as well, or restore the whole set.',
  );
}

/** How many things are not as wanted, passwords aside. */
export function unlike(looks: readonly WorkspaceLook[]): number {
  return looks.reduce((sum, { answer }) => sum + answer.differences.length, 0);
}

/** What decK would do now, workspace by workspace. */
export async function differencesNow(
  deps: RestoreDeps,
  context: StepContext,
  source: Source,
  looks: readonly WorkspaceLook[],
): Promise<readonly WorkspaceDiff[]> {
  const deck = await deckOf(deps, context, source.set.manifest.kong.edition);
  const total = looks.length;
  let done = 0;
  return await eachAtOnce(
    looks,
    deps.gateway.declarative.workspaces_at_once,
    async ({ workspace, request, answer }) => {
      const entries = await deck.changes.differences(request);
      if (source.only !== null) refuseDeletions(entries, source, answer);
      context.progress({ done: (done += 1), total, unit: 'workspaces', note: `what would change in ${workspace}` });
      return { workspace, entries, hashes: answer.hashes, hashesToCome: answer.hashesToCome };
    },
  );
}

/**
 * Chosen entities are made and changed, nothing else goes (decision 23); on the way back what the restore made of them goes.
 * Anything else that decK would delete was not in the dump of a moment ago.
 */
function refuseDeletions(entries: readonly DeckEntry[], { back }: Source, { leaving }: DocumentAnswer): void {
  const expected = ({ before }: DeckEntry): boolean => {
    const id = idOf((before ?? {}) as Body);
    // A membership has no id of its own.
    return back && (id === null || leaving.includes(id));
  };
  const gone = entries
    .filter((entry) => entry.action === 'delete' && !expected(entry))
    .map((entry) => `${entry.kind} ${nameOf(entry)}`);
  if (gone.length === 0) return;
  throw new Fault(
    'selection-deletes',
    `To restore what was chosen alone, ${some(gone)} would have to be deleted. Nothing was changed.`,
    'Somebody changed the gateway just now, or an entity was made again under another id: look at it, then ask again.',
    { retryable: true },
  );
}
