import type { NewEvent } from '../../runs/event.ts';
import type { Plan } from '../../runs/plan.ts';
import type { Refusal } from '../../runs/refusal.ts';
import type { WatchState } from '../../schedules/fold.ts';
import type { Owed } from '../../schedules/due.ts';
import type { Schedule } from '../../schedules/schedule.ts';
import type { EngineGateway } from '../commands/operations-deps.ts';
import type { WatchDeps } from './deps.ts';
import { Fault } from '../../runs/fault.ts';
import { digestOf } from '../../runs/json.ts';
import { isRefusal, refuse } from '../../runs/refusal.ts';
import { owedBy } from '../../schedules/due.ts';
import { answerKey, scheduleRequester } from '../../schedules/schedule.ts';
import { busy, inTheWay } from '../commands/busy.ts';
import { setsOf } from '../commands/list-sets.ts';
import { appendFirst } from '../commands/start-run.ts';
import { historyOf } from './look.ts';

/** How long a destination may be away before a drill that needs it is refused. */
const PATIENCE_MS = 3_600_000;

/**
 * Gives a schedule's owed time its one answer: a run, or a refusal that stands in the audit and becomes an alarm. The
 * answer's key is the lock: of two bots, or of a bot before and after its death, one gives it. A restore in progress
 * is waited for, because it ends; a run of the same kind is not, because it does the work already.
 */
export async function answerOwed(deps: WatchDeps, schedule: Schedule, state: WatchState): Promise<void> {
  const now = deps.clock();
  const owed = owedBy(schedule, await historyOf(deps, schedule, state, now), now);
  if (owed === null) return;
  const gateway = deps.gateways.find(({ name }) => name === schedule.gateway);
  if (gateway === undefined) return;
  const restore = schedule.kind === 'backup' ? await inTheWay(deps, gateway.name, 'backup') : null;
  if (restore !== null) return await wait(deps, schedule, owed, busy(restore).message);
  const plan = await planOf(deps, gateway, schedule);
  if (plan instanceof Fault) {
    if (now.getTime() - owed.due.getTime() < PATIENCE_MS) return await wait(deps, schedule, owed, plan.message);
    return await recordRefused(deps, schedule, owed, plan.facts());
  }
  if (isRefusal(plan)) return await recordRefused(deps, schedule, owed, plan);
  await begin(deps, gateway, schedule, owed, plan);
}

async function begin(
  deps: WatchDeps,
  gateway: EngineGateway,
  schedule: Schedule,
  owed: Owed,
  plan: Plan,
): Promise<void> {
  const event = requested(deps, gateway, schedule, owed, plan);
  const delivery = { key: answerKey(schedule.id, owed.due.toISOString()) };
  const answer = await appendFirst(deps, schedule.kind, event, delivery);
  if (!answer.ok) await recordRefused(deps, schedule, owed, answer.refusal);
}

function requested(deps: WatchDeps, gateway: EngineGateway, schedule: Schedule, owed: Owed, plan: Plan): NewEvent {
  const due = owed.due.toISOString();
  return {
    type: 'run.requested',
    at: deps.clock().toISOString(),
    actor: deps.self,
    data: {
      kind: schedule.kind,
      plan,
      planDigest: digestOf(plan),
      requestedBy: scheduleRequester(schedule.id),
      channel: gateway.channel,
      reason: reasonOf(owed),
      schedule: { id: schedule.id, due, missed: owed.missed },
      // Approved by its configuration (decision 1): this digest is who said go.
      configDigest: deps.configDigest,
      eligible: [],
    },
  };
}

function reasonOf({ due, missed }: Owed): string {
  const before = missed === 0 ? '' : `; ${missed > 99 ? 'a hundred or more' : missed} before it passed unanswered`;
  return `scheduled, due ${due.toISOString()}${before}`;
}

/** Never gated; a drill takes the newest verified set. A Fault: a destination did not answer. */
async function planOf(deps: WatchDeps, gateway: EngineGateway, { kind }: Schedule): Promise<Plan | Refusal | Fault> {
  if (kind === 'backup') return ungated(gateway.backupPlan);
  const { restore } = gateway;
  if (restore === undefined) {
    return refuse(
      'no-restore',
      `The configuration gives the bot no way to restore ${gateway.name}`,
      'Add database to it',
    );
  }
  if (restore.noDrill !== null) return restore.noDrill;
  try {
    const sets = await setsOf(deps, gateway.name);
    const set = sets.find(({ safety, state }) => !safety && (state === 'verified' || state === 'restored'));
    const [place] = set?.places ?? [];
    if (set === undefined || place === undefined) {
      return refuse(
        'unknown-set',
        `${gateway.name} has no verified set that a drill could restore`,
        'Make a backup first',
      );
    }
    return ungated(restore.drillPlan({ set: set.set, destination: place.destination }));
  } catch (error) {
    if (error instanceof Fault) return error;
    throw error;
  }
}

function ungated(plan: Plan): Plan {
  return { ...plan, steps: plan.steps.map(({ gate: _gate, ...step }) => step) };
}

async function wait(deps: WatchDeps, { id }: Schedule, owed: Owed, message: string): Promise<void> {
  const due = owed.due.toISOString();
  const data = { schedule: id, due, message };
  await deps.watchLog.record({ type: 'schedule.waiting', data }, deps.self, `${answerKey(id, due)}/waiting`);
}

async function recordRefused(
  deps: WatchDeps,
  { id }: Schedule,
  owed: Owed,
  { code, message, hint }: { readonly code: string; readonly message: string; readonly hint: string },
): Promise<void> {
  const due = owed.due.toISOString();
  const data = { schedule: id, due, code, message, hint, configDigest: deps.configDigest };
  const mine = await deps.watchLog.record({ type: 'schedule.refused', data }, deps.self, answerKey(id, due));
  if (mine) deps.onRefusal?.(code);
}
