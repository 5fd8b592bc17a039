import type { ManifestArtifact } from '../../../backup/set/manifest.ts';
import type { OpenSet } from '../../../backup/set/open-set.ts';
import type { Step, StepContext } from '../../../engine/ports.ts';
import type { DeclarativeOutputs } from '../../../runbooks/restore.ts';
import type { Observed } from '../../../runs/event.ts';
import { Fault } from '../../../runs/fault.ts';
import { keepProof, readProof } from '../../attempt-proof.ts';
import type { RestoreDeps } from '../deps.ts';
import { checkedSet } from '../deps.ts';
import { approversMore, changesOf, digestOfPrints, printsOf, printsToCome, shortPrint } from './changes.ts';
import type { WorkspaceDiff } from './changes.ts';
import { deckOf } from './deck-of.ts';
import { selectTagsOf } from './documents.ts';
import { canPutHashes, loginsOf, wrongHashes } from './hashes.ts';
import { differencesNow, lookAround } from './look.ts';
import type { WorkspaceLook } from './look.ts';
import { declarativeOf, diffed, fetchOnce, keptInPart, notKept, openSafety, wantedSource } from './source.ts';
import type { Source } from './source.ts';

/** Validates the files without Kong and by Kong, and says what a sync would change. Changes nothing itself. */
export function diffDeclarative(deps: RestoreDeps): Step {
  return {
    check: readProof,
    apply: async (context) => {
      await keepProof(context, await preview(deps, context));
    },
  };
}

async function preview(deps: RestoreDeps, context: StepContext): Promise<DeclarativeOutputs> {
  const source = await wantedSource(deps, context);
  const { version, edition } = source.set.manifest.kong;
  const deck = await deckOf(deps, context, edition);
  await deck.ping(context.signal);
  const looks = await lookAround(deps, context, source);
  // A comparison changes nothing, so it needs no way back.
  if (context.run.kind === 'restore') await refuseWithoutWayBack(deps, context, source, looks);
  for (const { request, exists } of looks) {
    await deck.changes.validateFile(request);
    // Kong has nothing to say of a workspace that is still to be made.
    if (exists) await deck.changes.validateOnline(request);
  }
  const seen = await judged(deps, context, looks, await differencesNow(deps, context, source, looks));
  refuseUnmeetable(context, approversMore(seen.diffs));
  return {
    changes: changesOf(seen.diffs),
    digest: seen.digest,
    observed: { set: checkedSet(context.run).manifestSha256, declarative: seen.digest },
    approversMore: approversMore(seen.diffs),
    degradedMinutes: mixedMinutes(seen.diffs),
    workspaces: looks.map(({ workspace }) => workspace),
    newWorkspaces: looks.filter(({ exists }) => !exists).map(({ workspace }) => workspace),
    prints: [...seen.prints, ...printsToCome(seen.diffs, deps.signingKey())].map(shortPrint),
    passwordsByHand: seen.byHand,
    kongVersion: version,
  };
}

/** What a sync would start from: the present state as it was dumped and compared a moment ago. */
export interface Planned {
  readonly source: Source;
  readonly looks: readonly WorkspaceLook[];
  readonly diffs: readonly WorkspaceDiff[];
}

interface Seen {
  readonly diffs: readonly WorkspaceDiff[];
  readonly prints: readonly string[];
  readonly digest: string;
  readonly byHand: readonly string[];
}

/** The part of the changes that the bot can bring about here, and what stands for it. */
async function judged(
  deps: RestoreDeps,
  context: StepContext,
  looks: readonly WorkspaceLook[],
  all: readonly WorkspaceDiff[],
): Promise<Seen> {
  const puts = await canPutHashes(deps, context);
  const diffs = puts ? all : all.map((diff) => ({ ...diff, hashes: [], hashesToCome: [] }));
  const key = deps.signingKey();
  const prints = printsOf(diffs, key);
  const byHand = puts ? [] : loginsOf(wrongHashes(looks));
  return { diffs, prints, digest: digestOfPrints(prints, key), byHand };
}

/**
 * What a gate on the sync stands for, computed again just before it (behaviour 2.7). After a death in the middle of the
 * sync a part of it is done: then what is left must be among what people agreed to, and they are not asked again.
 */
export async function observeDeclarative(
  deps: RestoreDeps,
  context: StepContext,
  { looks, diffs }: Planned,
): Promise<Observed> {
  const { prints, digest } = await judged(deps, context, looks, diffs);
  const agreed = diffed(context);
  const known = new Set(agreed?.prints);
  const isRest = context.attempt > 1 && prints.every((print) => known.has(shortPrint(print)));
  if (agreed !== null && isRest) return agreed.observed;
  return { set: checkedSet(context.run).manifestSha256, declarative: digest };
}

/** A gate that nobody could open is refused before people wait for it (behaviour 2.3). */
function refuseUnmeetable({ run }: StepContext, more: number): void {
  const { gate } = run.plan.steps.find(({ id }) => id === 'sync-declarative') ?? {};
  if (gate === undefined) return;
  const needed = gate.requirements.reduce((sum, { minimum }) => sum + minimum, more);
  const there = run.eligible.length;
  if (needed <= there) return;
  throw new Fault(
    'too-few-approvers',
    `The sync deletes, or touches consumers, credentials, certificates or plugins that authenticate, so ${needed} people must say go; ${there === 0 ? 'nobody' : `only ${there}`} can beside whoever asked. Nothing was changed.`,
    'Let somebody ask who is no approver, add people to the group, or restore chosen entities alone (--only).',
  );
}

/** Everything that a sync may touch must be in the safety backup: each workspace, and no fewer entities of it. */
async function refuseWithoutWayBack(
  deps: RestoreDeps,
  context: StepContext,
  source: Source,
  looks: readonly WorkspaceLook[],
): Promise<void> {
  const safety = await openSafety(deps, context);
  const kept = declarativeOf(safety.manifest);
  for (const { workspace } of looks.filter(({ exists }) => exists)) {
    const [file, wanted] = [kept.get(workspace), source.workspaces.get(workspace)];
    if (file === undefined) throw notKept(workspace);
    if (wanted === undefined || wanted === null) continue;
    const narrower = await tagsOf(context, safety, file);
    const tags = await tagsOf(context, source.set, wanted);
    if (!narrower.every((tag) => tags.includes(tag))) throw keptInPart(workspace, narrower);
  }
}

async function tagsOf(context: StepContext, set: OpenSet, file: ManifestArtifact): Promise<readonly string[]> {
  return await selectTagsOf(await fetchOnce(set, file, context));
}

/** decK took about 20 ms a change where it was measured; until it is through, the gateway is neither old nor new. */
function mixedMinutes(diffs: readonly WorkspaceDiff[]): number {
  const changes = diffs.reduce((sum, { entries }) => sum + entries.length, 0);
  return Math.ceil((changes * 0.02) / 60);
}
