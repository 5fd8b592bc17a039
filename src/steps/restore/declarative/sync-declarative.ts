import type { Step, StepContext } from '../../../engine/ports.ts';
import type { DeckChanges } from '../../../kong/deck/deck-changes.ts';
import { faultOfDeck } from '../../../kong/deck/deck-faults.ts';
import type { SyncOutputs } from '../../../runbooks/restore.ts';
import { Fault } from '../../../runs/fault.ts';
import { keepProof, readProof } from '../../attempt-proof.ts';
import { counted, some } from '../../words.ts';
import type { RestoreDeps } from '../deps.ts';
import { endPredecessors } from '../server-access.ts';
import { unplannedChanges } from './changes.ts';
import type { Unplanned, WorkspaceDiff } from './changes.ts';
import { deckOf } from './deck-of.ts';
import { observeDeclarative } from './diff-declarative.ts';
import type { Planned } from './diff-declarative.ts';
import { canPutHashes, putBack, wrongHashes } from './hashes.ts';
import { differencesNow, lookAround, unlike } from './look.ts';
import type { WorkspaceLook } from './look.ts';
import { safetySource, wantedSource } from './source.ts';
import type { Source } from './source.ts';

/** Brings the gateway to what the set says, workspace by workspace. Doing it twice does no more than once. */
export function syncDeclarative(deps: RestoreDeps): Step {
  const plan = plannedOnce(deps, wantedSource);
  return {
    observe: async (context) => observeDeclarative(deps, context, await plan(context)),
    ...syncTo(deps, plan),
  };
}

/** The same to the state before, as the safety backup holds it. Harmless when nothing was changed. */
export function syncBack(deps: RestoreDeps): Step {
  return syncTo(deps, plannedOnce(deps, safetySource));
}

type Plan = (context: StepContext) => Promise<Planned>;

/** One look for an attempt: what is compared with the go is what is synced. A step is made anew for every attempt. */
function plannedOnce(deps: RestoreDeps, open: (deps: RestoreDeps, context: StepContext) => Promise<Source>): Plan {
  let planned: Promise<Planned> | null = null;
  const look = async (context: StepContext): Promise<Planned> => {
    const source = await open(deps, context);
    const looks = await lookAround(deps, context, source);
    return { source, looks, diffs: await differencesNow(deps, context, source, looks) };
  };
  return async (context) => await (planned ??= look(context));
}

function syncTo(deps: RestoreDeps, plan: Plan): Step {
  return {
    takeOver: async (context) => {
      // decK dies with its worker; a session that put hashes back may outlive it.
      if (deps.gateway.database !== undefined) await endPredecessors(deps, context);
    },
    check: async (context) => (await readProof(context)) ?? (await alreadySo(deps, context, await plan(context))),
    apply: async (context) => {
      await keepProof(context, await sync(deps, context, await plan(context)));
    },
  };
}

/** Only where decK, too, would do nothing more: what people agreed to is its list. */
async function alreadySo(
  deps: RestoreDeps,
  context: StepContext,
  { looks, diffs }: Planned,
): Promise<SyncOutputs | null> {
  if (unlike(looks) > 0 || diffs.some(({ entries }) => entries.length > 0)) return null;
  if (wrongHashes(looks).length > 0 && (await canPutHashes(deps, context))) return null;
  return { workspaces: looks.map(({ workspace }) => workspace), changed: 0, hashesPutBack: 0, deletedMore: [] };
}

async function sync(deps: RestoreDeps, context: StepContext, { source, looks, diffs }: Planned): Promise<SyncOutputs> {
  const deck = await deckOf(deps, context, source.set.manifest.kong.edition);
  const total = looks.length;
  let changed = 0;
  const unplanned: Unplanned[] = [];
  for (const [done, look] of looks.entries()) {
    context.progress({ done, total, unit: 'workspaces', note: `changing ${look.workspace}` });
    const planned = diffs.find(({ workspace }) => workspace === look.workspace);
    if (planned === undefined || planned.entries.length === 0) continue;
    unplanned.push(await syncWorkspace(deck.changes, deps, context, { looks, look, planned }));
    changed += planned.entries.length;
  }
  const hashes = (await canPutHashes(deps, context)) ? wrongHashes(looks) : [];
  const hashesPutBack = await putBack(deps, context, hashes);
  context.progress({ done: total, total, unit: 'workspaces' });
  const workspaces = looks.map(({ workspace }) => workspace);
  const [deletedMore, changedMore] = [unplanned.flatMap((all) => all.deleted), unplanned.flatMap((all) => all.updated)];
  return { workspaces, changed, hashesPutBack, deletedMore, ...(changedMore.length === 0 ? {} : { changedMore }) };
}

interface Syncing {
  readonly looks: readonly WorkspaceLook[];
  readonly look: WorkspaceLook;
  readonly planned: WorkspaceDiff;
}

/** Answers what decK did beyond the plan. */
async function syncWorkspace(
  deck: DeckChanges,
  deps: RestoreDeps,
  { signal }: StepContext,
  syncing: Syncing,
): Promise<Unplanned> {
  let fault: Fault;
  try {
    const synced = await deck.sync(syncing.look.request);
    const [error] = synced.errors;
    if (error === undefined) return unplannedChanges(synced, syncing.planned);
    fault = asFault(deps, synced.errors, error);
  } catch (error) {
    signal.throwIfAborted();
    if (!(error instanceof Fault)) throw error;
    fault = error;
  }
  throw halfDone(fault, syncing, await left(deck, syncing));
}

/** Only the fault of the neighbour decides whether trying again may help. */
function asFault(deps: RestoreDeps, errors: readonly string[], first: string): Fault {
  const finished = {
    exitCode: 1,
    signal: null,
    stdout: '',
    stderr: `Error: ${first}`,
    stdoutBytes: 0,
    stderrBytes: 0,
    seconds: 0,
    aborted: false,
    timedOut: false,
    notFound: false,
  };
  const { code, hint, retryable } = faultOfDeck({ gateway: deps.gateway.name, doing: 'sync', finished });
  return new Fault(code, some(errors, 2), hint, { retryable });
}

/** How many changes are still to be made; null when nobody can say. */
async function left(deck: DeckChanges, { look }: Syncing): Promise<number | null> {
  try {
    return (await deck.differences(look.request)).length;
  } catch (error) {
    if (error instanceof Fault) return null;
    throw error;
  }
}

function halfDone(fault: Fault, { looks, look, planned }: Syncing, left: number | null): Fault {
  const total = planned.entries.length;
  const place = looks.length === 1 ? '' : ` of workspace ${look.workspace}`;
  const made =
    left === null
      ? `which of ${counted(total, 'change')}${place} were made cannot be said now`
      : `${Math.max(0, total - left)} of ${counted(total, 'change')}${place} were made, ${left} were not`;
  const at = looks.indexOf(look);
  const names = (of: readonly WorkspaceLook[]): string => some(of.map(({ workspace }) => workspace));
  const before = at === 0 ? '' : ` Done before it: ${names(looks.slice(0, at))}.`;
  const after = at === looks.length - 1 ? '' : ` Not begun: ${names(looks.slice(at + 1))}.`;
  return new Fault(
    'declarative.half-done',
    `The gateway is half restored: ${made}: ${fault.message.replace(/\.$/, '')}.${before}${after}`,
    'Roll this run back: that brings back the state before from its safety backup. Or remove the cause, close this run and restore again: what was made already is skipped.',
    { cause: fault, retryable: fault.retryable },
  );
}
