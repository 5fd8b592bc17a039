import type { NewEvent } from '../../runs/event.ts';
import type { AppendResult } from '../../runs/log.ts';
import type { Caller, Standing } from '../../runs/person.ts';
import type { Plan, RunKind } from '../../runs/plan.ts';
import type { Refusal } from '../../runs/refusal.ts';
import type { Run } from '../../runs/run.ts';
import type { Answer, Delivery } from '../ports.ts';
import type { EngineGateway, OperationsDeps } from './operations-deps.ts';
import { evolve, fold } from '../../runs/evolve.ts';
import { RUN_LETTER } from '../../runs/plan.ts';
import { isRefusal } from '../../runs/refusal.ts';
import { decideRequest, gateGroups } from '../../runs/rules/request.ts';
import type { Emergency } from '../../runs/rules/request.ts';
import { indexOf } from '../../runs/run-index.ts';
import { commit } from '../commit.ts';
import { busy, inTheWay } from './busy.ts';

/** A run that somebody asks for. */
export interface NewRun {
  readonly kind: RunKind;
  readonly gateway: EngineGateway;
  readonly plan: Plan;
  readonly delivery: Delivery;
  readonly reason?: string;
  readonly retryOf?: string;
  readonly emergency?: Emergency;
  /** People that the plan's first gate may come to need beyond its policy: refused now if they do not exist. */
  readonly approversMore?: number;
}

/** Looks people up, decides, appends the first event, wakes. The same delivery twice makes one run. */
export async function startRun(deps: OperationsDeps, asked: NewRun, by: Caller): Promise<Answer> {
  const { kind, gateway, plan, delivery, approversMore = 0 } = asked;
  const groups = gateGroups(plan);
  const [standing, eligible] = await Promise.all([
    deps.people.standing(by.person),
    groups.length === 0 ? [] : deps.people.eligible(groups),
  ]);
  const event = decideStart(deps, asked, { by, standing, eligible }, withMore(plan, approversMore));
  if (isRefusal(event)) {
    await recordRefusal(deps, event, `request ${kind} of ${gateway.name}`, by);
    return { ok: false, refusal: event };
  }
  const answer = await appendFirst(deps, kind, event, delivery);
  if (!answer.ok) return answer;
  // Both may have looked before either was there. Appends come one after the other, so at least the later one sees it now.
  // The run's own gateway: what comes twice may name another one by now.
  const rival = await inTheWay(deps, answer.run.plan.gateway, kind);
  return rival === null ? answer : await yieldTo(deps, answer.run, rival, by);
}

/** Calls the run off that began at the same moment as another one: two that must not meet both wait rather than both run. */
async function yieldTo(deps: OperationsDeps, run: Run, rival: Run, by: Caller): Promise<Answer> {
  const reason = `${rival.id} began at the same moment`;
  const author = { actor: { kind: 'person', ...by } as const, clock: deps.clock };
  const committed = await commit(deps.store, run.id, author, ({ outcome, cancel }) => ({
    events:
      outcome !== undefined || cancel !== undefined
        ? []
        : [{ type: 'run.cancel-requested', data: { person: run.requestedBy, reason } }],
  }));
  await carryOn(deps, committed?.run ?? run);
  const refusal = busy(rival);
  deps.onRefusal?.(refusal.code);
  return { ok: false, refusal, run: rival };
}

interface Asker {
  readonly by: Caller;
  readonly standing: Standing;
  readonly eligible: readonly Standing[];
}

function decideStart(deps: OperationsDeps, asked: NewRun, asker: Asker, largest: Plan): NewEvent | Refusal {
  const { kind, gateway, plan, reason, retryOf, emergency } = asked;
  const request = {
    kind,
    ...asker,
    channel: gateway.channel,
    configDigest: deps.configDigest,
    ...(reason === undefined ? {} : { reason }),
    ...(retryOf === undefined ? {} : { retryOf }),
    ...(emergency === undefined ? {} : { emergency }),
  };
  const most = decideRequest({ ...request, plan: largest }, deps.clock());
  return isRefusal(most) ? most : decideRequest({ ...request, plan }, deps.clock());
}

/** The plan with the largest policy that its evidence can ask for. */
function withMore(plan: Plan, more: number): Plan {
  const steps = plan.steps.map((step) => {
    const [first, ...rest] = step.gate?.requirements ?? [];
    if (step.gate === undefined || first === undefined) return step;
    return { ...step, gate: { ...step.gate, requirements: [{ ...first, minimum: first.minimum + more }, ...rest] } };
  });
  return more === 0 ? plan : { ...plan, steps };
}

/** Appends the first event of a run and wakes whoever goes on; answers the run that was there when the delivery was not new. */
export async function appendFirst(
  deps: OperationsDeps,
  kind: RunKind,
  event: NewEvent,
  delivery: Delivery,
): Promise<Answer> {
  const { run, result } = await underNextNumber(deps, RUN_LETTER[kind], event, delivery);
  if (result.appended) {
    await carryOn(deps, run);
    return { ok: true, run };
  }
  const other = fold(await deps.store.load(result.runId));
  if (other === null) throw new Error(`run ${result.runId} is named by the index and missing in the log`);
  if (result.because === 'duplicate') return { ok: true, run: other, again: true };
  const refusal = busy(other);
  deps.onRefusal?.(refusal.code);
  return { ok: false, refusal, run: other };
}

type Numbered = Exclude<AppendResult, { readonly because: 'conflict' }>;

/** A number is taken by being on record, so two that were told the same one meet here: the later one asks again. */
async function underNextNumber(
  deps: OperationsDeps,
  letter: string,
  event: NewEvent,
  delivery: Delivery,
): Promise<{ readonly run: Run; readonly result: Numbered }> {
  for (let before = ''; ;) {
    const runId = await deps.store.nextRunId(letter);
    // Whoever was first has taken it for good; asked again, the store cannot name it again.
    if (runId === before) throw new Error(`run number ${runId} was used twice`);
    const run = evolve(null, { ...event, runId, version: 1 });
    if (run === null) throw new Error('a run starts with run.requested');
    const index = indexOf(run, event.at);
    const result = await deps.store.append({
      runId,
      expectedVersion: 0,
      events: [event],
      index,
      deliveryKey: delivery.key,
    });
    if (result.appended || result.because !== 'conflict') return { run, result };
    before = runId;
  }
}

/** What was recorded stands, whether or not somebody could be woken: the sweep goes on with it. */
export async function carryOn(deps: OperationsDeps, run: Run): Promise<void> {
  await deps.coordinate(run).catch(() => undefined);
}

/** A refusal that happened before any run was touched leaves its row. */
export async function recordRefusal(
  deps: OperationsDeps,
  refusal: Refusal,
  command: string,
  by: Caller,
): Promise<void> {
  deps.onRefusal?.(refusal.code);
  await deps.store.appendSystem({
    type: 'refusal.recorded',
    at: deps.clock().toISOString(),
    actor: { kind: 'person', ...by },
    data: { person: by.person, command, code: refusal.code, message: refusal.message },
  });
}
