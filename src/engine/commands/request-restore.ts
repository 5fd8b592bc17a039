import type { Caller } from '../../runs/person.ts';
import type { Refusal } from '../../runs/refusal.ts';
import type { Run } from '../../runs/run.ts';
import type { Answer, Delivery, DrillRequest, ListedSet, Operations, RestoreRequest, SetChoice } from '../ports.ts';
import type { EngineGateway, OperationsDeps, RestoreChoice, RestorePlans } from './operations-deps.ts';
import type { Strategy } from '../../runbooks/restore.ts';
import type { JsonObject } from '../../runs/json.ts';
import { parseSelection } from '../../runbooks/selection.ts';
import { isRefusal, refuse } from '../../runs/refusal.ts';
import { decide } from '../../runs/rules/decide.ts';
import { commit } from '../commit.ts';
import { goingNow, placesLeft } from '../watch/going.ts';
import type { WatchLog } from '../watch/watch-log.ts';
import type { WatchState } from '../../schedules/fold.ts';
import { unlessOther } from './asked-already.ts';
import { busy, inTheWay } from './busy.ts';
import { owedReview } from './owed-review.ts';
import { setsOf } from './list-sets.ts';
import { shortened, unknownGateway } from './operations-deps.ts';
import { mayNot } from './rights.ts';
import type { Emergency } from '../../runs/rules/request.ts';
import { carryOn, startRun, type NewRun } from './start-run.ts';

/** What people's commands need, and what the log says of the sets that retention removes. */
export interface RestoreDeps extends OperationsDeps {
  readonly watchLog: Pick<WatchLog, 'state'>;
}

/** Asking for a restore or a drill: which set is meant, whether it can be, and the run with its whole plan. */
export function createRestoreRequests(
  deps: RestoreDeps,
): Pick<Operations, 'requestRestore' | 'requestDrill' | 'requestCompare'> & RetryRequests {
  return {
    requestRestore: (request, by) => requestRestore(deps, request, by),
    requestDrill: (request, by) => requestDrill(deps, request, by),
    requestCompare: (request, by) => requestCompare(deps, request, by),
    retryRestore: (old, by, delivery) => {
      const { set, strategy, safety, only } = old.plan.parameters as RestoreChoice & JsonObject;
      const asked = {
        gateway: old.plan.gateway,
        set,
        strategy,
        safety,
        delivery,
        ...(only === undefined ? {} : { only }),
      };
      return requestRestore(deps, asked, by, old.id);
    },
    retryDrill: (old, by, delivery) => {
      const { set } = old.plan.parameters as Pick<RestoreChoice, 'set'> & JsonObject;
      return requestDrill(deps, { gateway: old.plan.gateway, set, delivery }, by, old.id);
    },
    retryCompare: (old, by, delivery) => {
      const { set } = old.plan.parameters as Pick<RestoreChoice, 'set'> & JsonObject;
      return requestCompare(deps, { gateway: old.plan.gateway, set, delivery }, by, old.id);
    },
  };
}

interface RetryRequests {
  retryRestore(old: Run, by: Caller, delivery: Delivery): Promise<Answer>;
  retryDrill(old: Run, by: Caller, delivery: Delivery): Promise<Answer>;
  retryCompare(old: Run, by: Caller, delivery: Delivery): Promise<Answer>;
}

async function requestRestore(
  deps: RestoreDeps,
  request: RestoreRequest,
  by: Caller,
  retryOf?: string,
): Promise<Answer> {
  const { strategy, safety = 'backup', only, reason, delivery, emergency } = request;
  const found = await target(deps, request, 'request a restore', by);
  if (isRefusal(found)) return { ok: false, refusal: found };
  const { gateway, plans, set, destination } = found;
  const cannot = plans.strategies.includes(strategy) ? declarativeAlone(request) : notThisWay(gateway, strategy);
  if (cannot !== null) return { ok: false, refusal: cannot };
  const blocked = emergency === undefined ? await owedReview(deps, gateway.name) : unproven(set, emergency);
  if (blocked !== null) return blocked;
  const other = await inTheWay(deps, gateway.name, 'restore');
  if (other !== null) return { ok: false, refusal: busy(other), run: other };
  const chosen = only === undefined || only.length === 0 ? {} : { only };
  const plan = plans.plan({ set: set.set, destination, strategy, safety, ...chosen });
  const more = safety === 'kept-database' ? { approversMore: 1 } : {};
  const loud = emergency === undefined ? {} : { emergency };
  const asked = { kind: 'restore', gateway, plan, delivery, ...more, ...loud, ...optional(reason, retryOf) } as const;
  return await unlessOther(deps, await startOn(deps, found, asked, by), asked, by);
}

/** Break glass skips people, never the proof of the set: that is waived by a second, louder word alone (behaviour 3.2). */
function unproven({ set, state }: ListedSet, { unverified }: Emergency): Extract<Answer, { ok: false }> | null {
  if (state !== 'finished' || unverified === true) return null;
  const refusal = refuse(
    'set-unverified',
    `${set} was never read back and compared, so nobody knows whether it is whole`,
    'Choose a verified set; if there is none, confirm that you want this one unverified',
  );
  return { ok: false, refusal };
}

async function requestCompare(deps: RestoreDeps, request: DrillRequest, by: Caller, retryOf?: string): Promise<Answer> {
  const found = await target(deps, request, 'compare a set', by);
  if (isRefusal(found)) return { ok: false, refusal: found };
  const { gateway, plans, set, destination } = found;
  const other = await inTheWay(deps, gateway.name, 'compare');
  if (other !== null) return { ok: false, refusal: busy(other), run: other };
  const plan = plans.comparePlan({ set: set.set, destination });
  const { reason, delivery } = request;
  const asked = { kind: 'compare', gateway, plan, delivery, ...optional(reason, retryOf) } as const;
  return await startOn(deps, found, asked, by);
}

async function requestDrill(deps: RestoreDeps, request: DrillRequest, by: Caller, retryOf?: string): Promise<Answer> {
  const found = await target(deps, request, 'request a drill', by);
  if (isRefusal(found)) return { ok: false, refusal: found };
  const { gateway, plans, set, destination } = found;
  if (plans.noDrill !== null) return { ok: false, refusal: plans.noDrill };
  const owed = await owedReview(deps, gateway.name);
  if (owed !== null) return owed;
  const plan = plans.drillPlan({ set: set.set, destination });
  const { reason, delivery } = request;
  const asked = { kind: 'drill', gateway, plan, delivery, ...optional(reason, retryOf) } as const;
  return await startOn(deps, found, asked, by);
}

function optional(reason: string | undefined, retryOf: string | undefined): { reason?: string; retryOf?: string } {
  return { ...(reason === undefined ? {} : { reason }), ...(retryOf === undefined ? {} : { retryOf }) };
}

interface Target {
  readonly gateway: EngineGateway;
  readonly plans: RestorePlans;
  readonly set: ListedSet;
  readonly destination: string;
  /** What was known of removals when the set was chosen. */
  readonly before: WatchState;
}

/** Which gateway, and which set of it. Somebody who may not ask learns nothing of the sets. */
async function target(
  deps: RestoreDeps,
  request: { readonly gateway: string; readonly set: SetChoice },
  act: string,
  by: Caller,
): Promise<Target | Refusal> {
  const gateway = deps.gateways.find(({ name }) => name === request.gateway);
  if (gateway === undefined) return unknownGateway(deps, request.gateway);
  const right = await mayNot(deps, { act, roles: ['operator'] }, by);
  if (right !== null) return right;
  if (gateway.restore === undefined) return cannotBeRestored(gateway);
  const before = await deps.watchLog.state();
  const sets = await setsOf(deps, gateway.name);
  const set = choose(sets, request.set, gateway.name);
  if (isRefusal(set)) return set;
  const [place] = placesLeft(before, set, deps.clock());
  if (place === undefined) return goingNow(set.set);
  return { gateway, plans: gateway.restore, set, destination: place.destination, before };
}

/** Starts the run, and ends it again when its set was being removed before the log had the run: nothing of it was done. */
async function startOn(
  deps: RestoreDeps,
  { set, destination, before }: Target,
  asked: NewRun,
  by: Caller,
): Promise<Answer> {
  const answer = await startRun(deps, asked, by);
  if (!answer.ok || answer.run.outcome !== undefined) return answer;
  const left = placesLeft(await deps.watchLog.state(), set, deps.clock(), before);
  if (left.some((place) => place.destination === destination)) return answer;
  const refusal = goingNow(set.set);
  const standing = await deps.people.standing(by.person);
  const author = { actor: { kind: 'person', ...by } as const, clock: deps.clock };
  const ended = await commit(deps.store, answer.run.id, author, (run, now) =>
    decide(run, { type: 'cancel', reason: refusal.message, by, standing }, now),
  );
  if (ended?.changed === true) await carryOn(deps, ended.run);
  deps.onRefusal?.(refusal.code);
  return { ok: false, refusal, run: ended?.run ?? answer.run };
}

/** The set that is meant. `latest` never means a safety backup: that one holds what the restore was to get rid of. */
function choose(sets: readonly ListedSet[], wanted: SetChoice, gateway: string): ListedSet | Refusal {
  const ordinary = sets.filter(({ safety, state }) => !safety && state !== 'damaged');
  const found =
    wanted === 'latest'
      ? ordinary[0]
      : wanted === 'latest-verified'
        ? ordinary.find(({ state }) => state !== 'finished')
        : sets.find(({ set }) => set === wanted);
  if (found === undefined) return noSuchSet(wanted, gateway, sets);
  if (found.state !== 'damaged') return found;
  return refuse(
    'set-damaged',
    `No copy of the manifest of ${found.set} can be read, so nothing of it can be trusted`,
    'Choose another set; keep the damaged one for whoever looks into it',
  );
}

function noSuchSet(wanted: SetChoice, gateway: string, sets: readonly ListedSet[]): Refusal {
  const message =
    wanted === 'latest' || wanted === 'latest-verified'
      ? `${gateway} has no ${wanted === 'latest' ? '' : 'verified '}set in its destinations`
      : `${gateway} has no set "${shortened(wanted)}" in its destinations`;
  const known = sets.slice(0, 3).map(({ set }) => set);
  const hint = known.length === 0 ? 'Make a backup first' : `The newest are ${known.join(', ')}`;
  return refuse('unknown-set', message, hint);
}

function cannotBeRestored(gateway: EngineGateway): Refusal {
  return refuse(
    'no-restore',
    `The configuration gives the bot no way to restore ${gateway.name}: it names neither its database nor its files`,
    'Add database or files to this gateway in the configuration',
  );
}

/** What only a declarative restore can do, and what it cannot. */
function declarativeAlone({ strategy, safety, only = [] }: RestoreRequest): Refusal | null {
  if (strategy === 'declarative' && safety === 'kept-database') {
    return refuse(
      'no-kept-database',
      'A declarative restore changes the live database in place, so it keeps none: without a safety backup there is no way back',
      'Restore the database, which can keep the present one, or bring the gateway to where it can be backed up',
    );
  }
  if (only.length === 0) return null;
  if (strategy !== 'declarative') {
    return refuse(
      'no-selection',
      `Entities cannot be restored alone by the strategy "${strategy}"`,
      'Ask for the strategy "declarative"',
    );
  }
  const selection = parseSelection(only);
  return isRefusal(selection) ? selection : null;
}

function notThisWay(gateway: EngineGateway, strategy: Strategy): Refusal {
  const ways = gateway.restore?.strategies ?? [];
  return refuse(
    'no-strategy',
    `${gateway.name} cannot be restored by the strategy "${strategy}"`,
    `Possible here: ${ways.join(', ')}`,
  );
}
