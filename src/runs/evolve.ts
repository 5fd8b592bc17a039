import type { EventType, RunEvent } from './event.ts';
import type { Actor, Caller } from './person.ts';
import type { Gate, MessageState, Run, StepState } from './run.ts';

type EventOf<T extends EventType> = Extract<RunEvent, { type: T }>;
type Handlers = { readonly [T in Exclude<EventType, 'run.requested'>]: (run: Run, event: EventOf<T>) => Run };

const handlers: Handlers = {
  'gate.opened': (run, event) => ({
    ...run,
    gates: [...run.gates, { ...event.data, openedAt: event.at, status: 'open', votes: [], reminded: [] }],
  }),
  'gate.superseded': (run, event) => ({
    ...takenBack(run, event.data.gate),
    // Also after a go: what was approved is looked at again just before the step acts (behaviour 2.7).
    gates: run.gates.map((gate) =>
      gate.gate === event.data.gate && (gate.status === 'open' || gate.status === 'go')
        ? { ...gate, status: 'superseded', decidedAt: event.at }
        : gate,
    ),
    observed: event.data.observed,
  }),
  'gate.reminded': (run, event) =>
    onGate(run, event.data.gate, (gate) => ({ ...gate, reminded: [...gate.reminded, event.data.percent] })),
  'gate.expired': (run, event) =>
    onGate(run, event.data.gate, (gate) => ({ ...gate, status: 'expired', decidedAt: event.at })),
  'gate.decided': (run, event) =>
    onGate(run, event.data.gate, (gate) => ({
      ...gate,
      status: event.data.outcome,
      decidedAt: event.at,
      decidedBy: event.data.by,
      ...(event.data.reason === undefined ? {} : { reason: event.data.reason }),
    })),
  'vote.cast': (run, event) =>
    onGate(run, event.data.gate, (gate) => ({
      ...gate,
      votes: [
        ...gate.votes.filter((vote) => vote.person !== event.data.person),
        { ...event.data, at: event.at, by: callerOf(event.actor, event.data.person) },
      ],
    })),
  'vote.withdrawn': (run, event) =>
    onGate(run, event.data.gate, (gate) => ({
      ...gate,
      votes: gate.votes.filter((vote) => vote.person !== event.data.person),
    })),
  'vote.late': (run) => ({ ...run, refusals: run.refusals + 1 }),
  'refusal.recorded': (run) => ({ ...run, refusals: run.refusals + 1 }),
  'step.started': (run, event) =>
    withStep(run, event.data.step, {
      ...beforeOf(run, event.data.step),
      status: 'running',
      attempt: event.data.attempt,
      startedAt: event.at,
      startedBy: event.actor,
    }),
  'step.succeeded': (run, event) => {
    const done = endStep(run, event, { status: 'succeeded', outputs: event.data.outputs });
    const observed = done === run ? undefined : event.data.outputs['observed'];
    return isObserved(observed) ? { ...done, observed } : done;
  },
  'step.interrupted': (run, event) =>
    endStep(run, event, {
      status: 'interrupted',
      retryAt: event.data.retryAt,
      ...(event.data.fault === undefined ? {} : { fault: event.data.fault }),
    }),
  'step.failed': (run, event) => endStep(run, event, { status: 'failed', fault: event.data.fault }),
  'step.aborted': (run, event) => endStep(run, event, { status: 'aborted' }),
  'step.outcome-unknown': (run, event) => endStep(run, event, { status: 'outcome-unknown' }),
  'run.cancel-requested': (run, event) => ({
    ...closeGates(run, event.at),
    cancel: { ...event.data, at: event.at },
  }),
  'run.held': (run, event) => ({
    ...withoutWayBack(run),
    hold: { ...event.data, since: event.at },
  }),
  'rollback.requested': (run, event) => ({
    ...withoutHold(closeGates(resetPhase(run, 'undo'), event.at)),
    rollback: { ...event.data, at: event.at },
  }),
  'close.requested': (run, event) => ({
    ...withoutHold(resetPhase(run, 'close')),
    close: { ...event.data, at: event.at },
  }),
  'run.rolled-back': (run, event) => end(run, event.at, { outcome: 'rolled-back' }),
  'gateway.unlocked': (run, event) => ({
    ...toBeDrawn(run),
    unlocked: run.unlocked ?? { ...event.data, at: event.at },
  }),
  'emergency.reviewed': (run, event) => ({ ...run, reviewed: run.reviewed ?? { ...event.data, at: event.at } }),
  'run.succeeded': (run, event) => end(run, event.at, { outcome: 'succeeded' }),
  'run.failed': (run, event) =>
    end(run, event.at, { outcome: 'failed', fault: event.data.fault, failedStep: event.data.step }),
  'run.cancelled': (run, event) => end(run, event.at, { outcome: 'cancelled', cancelReason: event.data.reason }),
  'watcher.added': (run, event) =>
    run.watchers.includes(event.data.person) ? run : { ...run, watchers: [...run.watchers, event.data.person] },
  'message.intended': (run, event) =>
    withMessage(run, event.data.slot, { status: 'intended', channel: event.data.channel, intendedAt: event.at }),
  'message.posted': (run, event) => {
    const intendedAt = run.messages[event.data.slot]?.intendedAt ?? event.at;
    return withMessage(run, event.data.slot, {
      status: 'posted',
      channel: event.data.channel,
      ts: event.data.ts,
      intendedAt,
    });
  },
  'message.lost': (run, event) => {
    const message = run.messages[event.data.slot];
    return message === undefined ? run : withMessage(run, event.data.slot, { ...message, status: 'lost' });
  },
  'message.settled': (run, event) => {
    const message = run.messages[event.data.slot];
    return message === undefined ? run : withMessage(run, event.data.slot, { ...message, settled: true });
  },
};

/**
 * What has happened so far. Total: no clock, no I/O, never refuses. An event of a type this version does not know, or
 * one that came before `run.requested`, changes nothing but the version.
 */
export function evolve(run: Run | null, event: RunEvent): Run | null {
  if (event.type === 'run.requested') return run ?? requested(event);
  if (run === null) return null;
  const handler = (handlers as Readonly<Record<string, ((run: Run, event: RunEvent) => Run) | undefined>>)[event.type];
  return { ...(handler === undefined ? run : handler(run, event)), version: event.version };
}

/** The run that a list of events tells of; null when there is none. */
export function fold(events: readonly RunEvent[]): Run | null {
  return events.reduce<Run | null>(evolve, null);
}

function requested(event: EventOf<'run.requested'>): Run {
  const { kind, plan, planDigest, requestedBy, channel, reason, retryOf, configDigest, eligible, emergency, schedule } =
    event.data;
  return {
    id: event.runId,
    kind,
    version: event.version,
    plan,
    planDigest,
    requestedBy,
    requestedAt: event.at,
    request: event.actor,
    channel,
    configDigest,
    eligible,
    ...(reason === undefined ? {} : { reason }),
    ...(retryOf === undefined ? {} : { retryOf }),
    ...(emergency === undefined ? {} : { emergency }),
    ...(schedule === undefined ? {} : { schedule }),
    steps: Object.fromEntries(plan.steps.map((step) => [step.id, { status: 'pending', attempt: 0 } as const])),
    gates: [],
    observed: {},
    watchers: [],
    messages: {},
    refusals: 0,
  };
}

function onGate(run: Run, id: string, change: (gate: Gate) => Gate): Run {
  // A gate that is already decided stays so, whatever comes late.
  return { ...run, gates: run.gates.map((gate) => (gate.gate === id && gate.status === 'open' ? change(gate) : gate)) };
}

function closeGates(run: Run, at: string): Run {
  return {
    ...run,
    gates: run.gates.map((gate) => (gate.status === 'open' ? { ...gate, status: 'closed', decidedAt: at } : gate)),
  };
}

/** A hold that begins again (a rollback that failed) forgets what was asked of the old one. */
function withoutWayBack(run: Run): Run {
  const { rollback: _rollback, close: _close, ...rest } = run;
  return rest;
}

function withoutHold(run: Run): Run {
  const { hold: _hold, ...rest } = run;
  return rest;
}

/** The way back starts from its beginning each time it is asked for: every step of it looks before it acts. */
function resetPhase(run: Run, phase: 'undo' | 'close'): Run {
  return again(
    run,
    run.plan.steps.filter((step) => step.phase === phase),
  );
}

/** These steps are to be done once more; the attempts so far do not count. */
function again(run: Run, steps: Run['plan']['steps']): Run {
  return steps.reduce((after, { id }) => {
    const attempt = after.steps[id]?.attempt ?? 0;
    return withStep(after, id, { status: 'pending', attempt, before: attempt });
  }, run);
}

function beforeOf(run: Run, id: string): { before?: number } {
  const before = run.steps[id]?.before;
  return before === undefined ? {} : { before };
}

function withStep(run: Run, id: string, step: StepState): Run {
  return { ...run, steps: { ...run.steps, [id]: step } };
}

/** The attempt that had begun under the gate only looked: it counts as never begun. What the gate showed is shown anew. */
function takenBack(run: Run, id: string): Run {
  const gate = run.gates.find((one) => one.gate === id);
  if (gate === undefined || (gate.status !== 'open' && gate.status !== 'go')) return run;
  const begun = run.steps[gate.step];
  const shown = run.plan.steps.filter(({ shownAtGate }) => shownAtGate === true);
  const before =
    begun?.status === 'running'
      ? withStep(run, gate.step, { ...beforeOf(run, gate.step), status: 'pending', attempt: begun.attempt - 1 })
      : run;
  return again(before, shown);
}

type StepEnd = EventOf<'step.succeeded' | 'step.failed' | 'step.interrupted' | 'step.aborted' | 'step.outcome-unknown'>;

/** Only the attempt that is running can end: an outcome that comes late or twice changes nothing. */
function endStep(run: Run, event: StepEnd, change: Partial<StepState> & Pick<StepState, 'status'>): Run {
  const step = run.steps[event.data.step];
  if (step?.status !== 'running' || step.attempt !== event.data.attempt) return run;
  return withStep(run, event.data.step, { ...step, ...change, endedAt: event.at, endedVersion: event.version });
}

function end(run: Run, at: string, change: Partial<Run>): Run {
  return run.outcome === undefined ? { ...closeGates(run, at), ...change, endedAt: at } : run;
}

/** The card was drawn for the last time, and what it says is not so any more. */
function toBeDrawn(run: Run): Run {
  if (run.messages['card'] === undefined) return run;
  const { settled: _, ...card } = run.messages['card'];
  return withMessage(run, 'card', card);
}

function withMessage(run: Run, slot: string, message: MessageState): Run {
  return { ...run, messages: { ...run.messages, [slot]: message } };
}

function callerOf(actor: Actor, person: string): Caller {
  return actor.kind === 'person' ? actor : { person, via: 'slack' };
}

function isObserved(value: unknown): value is Readonly<Record<string, string>> {
  return (
    typeof value === 'object' &&
    value !== null &&
    !Array.isArray(value) &&
    Object.values(value).every((item) => typeof item === 'string')
  );
}
