import type { Actor } from '../../runs/person.ts';
import type { RunIndex } from '../../runs/log.ts';
import type { WatchState } from '../../schedules/fold.ts';
import type { KeptSet } from '../../schedules/retention.ts';
import type { ListedSet } from '../ports.ts';
import type { WatchDeps } from './deps.ts';
import type { Expired, ExpiryPlan, WatchedGateway } from './ports.ts';
import { Fault } from '../../runs/fault.ts';
import { placeKey } from '../../schedules/fold.ts';
import { retain } from '../../schedules/retention.ts';
import { setsOf } from '../commands/list-sets.ts';

/** What retention would do at each destination of a gateway now. Throws a Fault when no destination answers. */
export async function planExpiry(
  deps: WatchDeps,
  gateway: WatchedGateway,
  state: WatchState,
): Promise<readonly ExpiryPlan[]> {
  const [sets, uses] = await Promise.all([setsOf(deps, gateway.name), usesOf(deps, gateway.name)]);
  return gateway.destinations.map(({ name, keep }) => {
    const here = sets.filter(({ places }) => places.some(({ destination }) => destination === name));
    const kept = here.map((set) => keptSet(set, uses, state));
    const verdicts =
      keep === null
        ? kept.map(({ set }) => ({ set, keep: true, why: ['no retention is configured for this destination'] }))
        : retain(kept, keep, gateway.zone, deps.clock());
    return { destination: name, keep, sets: verdicts };
  });
}

/**
 * Removes what retention lets go, set by set, each removal recorded before and after. One that a bot died in the middle
 * of is ended first: its manifest is gone, so no list shows it. Never throws for one place that refuses.
 */
export async function expireSets(
  deps: WatchDeps,
  gateway: WatchedGateway,
  request: { readonly after: string; readonly by: Actor },
): Promise<readonly Expired[]> {
  const state = await deps.watchLog.state();
  const plans = await planExpiry(deps, gateway, state);
  const going = plans.flatMap(({ destination, sets }) =>
    // The oldest first: whatever stops this leaves the newer ones.
    sets.flatMap(({ set, keep }) => (keep ? [] : [{ set, destination }])).toReversed(),
  );
  const listed = new Set(plans.flatMap(({ destination, sets }) => sets.map(({ set }) => placeKey(set, destination))));
  const begun = state.expiring.filter((one) => one.gateway === gateway.name);
  const unended = new Map(
    begun.map(({ set, destination }) => [placeKey(set, destination), { set, destination }] as const),
  );
  const cutOff = [...unended].flatMap(([key, place]) => (listed.has(key) ? [] : [place]));
  const done: Expired[] = [];
  for (const { set, destination } of [...cutOff, ...going]) {
    const expired = await expireOne(deps, { set, destination, gateway: gateway.name }, request);
    if (expired !== null) done.push(expired);
  }
  return done;
}

async function expireOne(
  deps: WatchDeps,
  place: { readonly set: string; readonly destination: string; readonly gateway: string },
  { after, by }: { readonly after: string; readonly by: Actor },
): Promise<Expired | null> {
  const { set, destination } = place;
  const key = `expire/${set}/${destination}/${after}`;
  // Two bots may look at the same time: whoever records the intent removes it.
  if (!(await deps.watchLog.record({ type: 'backup.expiring', data: { ...place, after } }, by, key))) return null;
  // Since the plan was made people may have held it or asked for it; those who come from here on see the row above.
  const why = await neededBy(deps, place);
  if (why.length > 0) {
    await deps.watchLog.record({ type: 'backup.spared', data: { ...place, after, why } }, by);
    return { set, destination, problem: spared(set, why) };
  }
  try {
    await deps.ports.remove(place);
  } catch (error) {
    if (!(error instanceof Fault)) throw error;
    const problem = error.facts();
    const { code, message } = problem;
    await deps.watchLog.record({ type: 'backup.not-expired', data: { ...place, after, code, message } }, by);
    return { set, destination, problem };
  }
  await deps.watchLog.record({ type: 'backup.expired', data: place }, by);
  return { set, destination };
}

/** Why the set has to stay as of this moment: who holds it, and what uses it. */
async function neededBy(
  deps: WatchDeps,
  { set, gateway }: { readonly set: string; readonly gateway: string },
): Promise<readonly string[]> {
  const [{ holds }, uses] = await Promise.all([deps.watchLog.state(), usesOf(deps, gateway)]);
  const held = holds.get(set);
  const runs = uses.filter(([used]) => used === set).map(([, run]) => `${run} uses it`);
  return [...(held === undefined ? [] : [`held: ${held.reason}`]), ...new Set(runs)];
}

function spared(set: string, why: readonly string[]): NonNullable<Expired['problem']> {
  return {
    code: 'set-needed',
    message: `${set} stays, because meanwhile somebody needs it: ${why.join('; ')}.`,
    hint: 'It goes when nobody holds or uses it any more.',
  };
}

/** Sets that runs need that have not ended, a restore that holds among them: `[set, run]`. */
async function usesOf(deps: WatchDeps, gateway: string): Promise<readonly (readonly [string, string])[]> {
  const active = await deps.store.findRuns({ gateway, active: true, limit: 1000 });
  const locked = await deps.store.findRuns({ gateway, locked: true, limit: 1000 });
  return (await Promise.all([...active, ...locked].map((index) => usedBy(deps, index)))).flat();
}

async function usedBy(deps: WatchDeps, index: RunIndex): Promise<readonly (readonly [string, string])[]> {
  const own = index.setId === null ? [] : [[index.setId, index.id] as const];
  const run = await deps.folds.of(index);
  const asked = run?.plan.parameters['set'];
  return typeof asked === 'string' ? [...own, [asked, index.id]] : own;
}

function keptSet(set: ListedSet, uses: readonly (readonly [string, string])[], state: WatchState): KeptSet {
  return {
    set: set.set,
    createdAt: set.createdAt,
    verified: set.verifiedAt !== null || set.restoredAt !== null,
    damaged: set.state === 'damaged',
    safety: set.safety,
    held: state.holds.get(set.set)?.reason ?? null,
    usedBy: uses.filter(([used]) => used === set.set).map(([, run]) => run),
  };
}
