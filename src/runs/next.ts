import type { EventBody, FaultFacts } from './event.ts';
import type { PlannedStep } from './plan.ts';
import type { Gate, Run, RunState } from './run.ts';
import { newestGate, openGate, openingOf, REMINDER_PERCENTS, reminderAt } from './rules/gate.ts';

/** What the bot should do now. */
export type Next =
  /** Start this attempt of the step, on its queue. `gate` is the one whose go it runs under. */
  | { readonly do: 'step'; readonly step: PlannedStep; readonly attempt: number; readonly gate?: Gate }
  /** A worker owns it; or owned it and died: whoever gets the lock finds out. */
  | { readonly do: 'running'; readonly step: PlannedStep; readonly attempt: number }
  /** It runs and nobody wants it any more: its owner aborts it. */
  | { readonly do: 'stop'; readonly step: PlannedStep; readonly attempt: number }
  /** Facts that follow from what is known and the clock: record them and ask again. */
  | { readonly do: 'record'; readonly events: readonly EventBody[] }
  /** People must act; the clock has something to say at `until`. */
  | { readonly do: 'ask'; readonly gate: Gate; readonly until: string }
  | { readonly do: 'wait'; readonly until: string }
  /** Nothing, ever: the run has ended. */
  | { readonly do: 'nothing' };

/** Total and pure: never refuses, reads no clock but `now`. */
export function next(run: Run, now: Date): Next {
  if (run.outcome !== undefined) return { do: 'nothing' };
  const running = run.plan.steps.find((step) => run.steps[step.id]?.status === 'running');
  if (running !== undefined) return whileRunning(run, running);
  return afterwards(run, now) ?? forward(run, now);
}

/** What people asked for once the run was held, or the hold itself; null while it still goes forward. */
function afterwards(run: Run, now: Date): Next | null {
  if (run.rollback !== undefined) return wayBack(run, now);
  if (run.close !== undefined) return closing(run, now);
  return run.hold === undefined ? null : holding(run, run.hold, now);
}

function forward(run: Run, now: Date): Next {
  const ending = endingOf(run);
  if (ending !== null) return hasTouchedLive(run) ? hold(run, now, ending) : toTheEnd(run, ending, now);
  const step = undone(run, isMain);
  if (step === undefined) return run.plan.holdSeconds === undefined ? record(SUCCEEDED) : hold(run, now, null);
  if (run.steps[step.id]?.status === 'interrupted') return again(run, step, now);
  return step.gate === undefined ? { do: 'step', step, attempt: attemptOf(run, step) } : atGate(run, step, now);
}

/** The state that people see (behaviour 4.1). */
export function stateOf(run: Run): RunState {
  if (run.outcome !== undefined) return run.outcome;
  if (run.rollback !== undefined) return 'rolling-back';
  if (openGate(run) !== undefined) return 'waiting';
  const unknown = Object.values(run.steps).some((step) => step.status === 'outcome-unknown');
  return run.hold !== undefined || unknown ? 'holding' : 'running';
}

/** Whether the live gateway may differ from what it was before the run. */
export function hasTouchedLive(run: Run): boolean {
  return run.plan.steps.some(({ id, live }) => live === true && (run.steps[id]?.attempt ?? 0) > 0);
}

const SUCCEEDED: EventBody = { type: 'run.succeeded', data: {} };

function record(...events: readonly EventBody[]): Next {
  return { do: 'record', events };
}

function isMain(step: PlannedStep): boolean {
  return step.cleanup !== true && step.phase === undefined;
}

/** The first step of a phase that has not succeeded. */
function undone(run: Run, of: (step: PlannedStep) => boolean): PlannedStep | undefined {
  return run.plan.steps.find((step) => of(step) && run.steps[step.id]?.status !== 'succeeded');
}

function whileRunning(run: Run, step: PlannedStep): Next {
  const attempt = run.steps[step.id]?.attempt ?? 1;
  // A clean-up and the way back are wanted most of all when everything else was called off: they are never stopped.
  const goesOn = step.cleanup === true || step.phase === 'undo';
  const calledOff = run.cancel !== undefined || run.rollback !== undefined;
  return { do: calledOff && !goesOn ? 'stop' : 'running', step, attempt };
}

type Ending = Extract<EventBody, { type: 'run.failed' | 'run.cancelled' }>;

/** Why the run cannot go on, if so. The first cause wins: what comes after it is a consequence. */
function endingOf(run: Run): Ending | null {
  const failed = failureIn(run, isMain);
  if (failed !== null) return { type: 'run.failed', data: failed };
  return peoplesEnding(run);
}

function failureIn(run: Run, of: (step: PlannedStep) => boolean): { step: string; fault: FaultFacts } | null {
  for (const { id } of run.plan.steps.filter(of)) {
    const step = run.steps[id];
    if (step?.status === 'failed') return { step: id, fault: step.fault ?? UNKNOWN_OUTCOME };
    // Only a step that nobody can check stays unknown. A cancelled run must still end.
    if (step?.status === 'outcome-unknown') return { step: id, fault: UNKNOWN_OUTCOME };
  }
  return null;
}

function peoplesEnding(run: Run): Ending | null {
  if (run.cancel !== undefined) return cancelled(`cancelled by ${run.cancel.person}${because(run.cancel.reason)}`);
  const gate = run.gates.at(-1);
  if (gate?.status === 'expired') return cancelled('nobody decided in time');
  if (gate?.status !== 'no-go') return null;
  return cancelled(`no-go by ${(gate.decidedBy ?? []).join(', ')}${because(gate.reason)}`);
}

const UNKNOWN_OUTCOME: FaultFacts = {
  code: 'outcome-unknown',
  message: 'The step was cut off and nobody can tell whether it was done',
  hint: 'Look at the gateway yourself before you start another run',
};

function cancelled(reason: string): Ending {
  return { type: 'run.cancelled', data: { reason } };
}

function because(reason: string | undefined): string {
  return reason === undefined ? '' : `: ${reason}`;
}

/** Puts things back first, then says how it ended. A clean-up that fails does not hide the first cause. */
function toTheEnd(run: Run, ending: Ending, now: Date): Next {
  if (!touchedAnything(run)) return record(ending);
  const isOwed = ({ id, cleanup }: PlannedStep): boolean =>
    cleanup === true && ['pending', 'interrupted'].includes(run.steps[id]?.status ?? 'pending');
  const cleanup = run.plan.steps.find(isOwed);
  if (cleanup === undefined) return record(ending);
  return run.steps[cleanup.id]?.status === 'interrupted'
    ? again(run, cleanup, now)
    : { do: 'step', step: cleanup, attempt: 1 };
}

function touchedAnything(run: Run): boolean {
  return run.plan.steps.some(
    (step) => isMain(step) && step.recovery !== 'repeat' && (run.steps[step.id]?.attempt ?? 0) > 0,
  );
}

/** Once the live gateway was touched nothing cleans up by itself: it holds, the way back open, and people decide. */
function hold(run: Run, now: Date, ending: Ending | null): Next {
  const until = new Date(now.getTime() + (run.plan.holdSeconds ?? 86_400) * 1000).toISOString();
  if (ending?.type !== 'run.failed') return record({ type: 'run.held', data: { until } });
  const { step, fault } = ending.data;
  return record({ type: 'run.held', data: { until, fault, ...(step === null ? {} : { step }) } });
}

/** The way back closes by itself when its time is over. What was kept stays kept: only people drop it. */
function holding(run: Run, { until, fault, step }: NonNullable<Run['hold']>, now: Date): Next {
  if (now.getTime() < Date.parse(until)) return { do: 'wait', until };
  const over = asItStands(run, now);
  if (over !== null) return over;
  return record(fault === undefined ? SUCCEEDED : { type: 'run.failed', data: { step: step ?? null, fault } });
}

/** Whether what the run had made live was taken back, whatever became of the proof of it. */
export function isTakenBack(run: Run): boolean {
  const act = run.plan.steps.find(({ phase }) => phase === 'undo');
  return act !== undefined && run.steps[act.id]?.status === 'succeeded';
}

/**
 * How a held run ends that did not come to be live: taken back without a proof, or never made live. What was prepared
 * is removed first, and nobody is told that it is restored. Null: it is live.
 */
function asItStands(run: Run, now: Date): Next | null {
  if (isTakenBack(run)) {
    const removes = ({ phase, recovery }: PlannedStep): boolean => phase === 'undo' && recovery !== 'repeat';
    const failed = failureIn(run, removes);
    return failed === null
      ? carryOn(run, undone(run, removes), { type: 'run.rolled-back', data: {} }, now)
      : record({ type: 'run.failed', data: failed });
  }
  const act = run.plan.steps.find(({ live }) => live === true);
  const failed = act === undefined ? null : failureIn(run, ({ id }) => id === act.id);
  return failed === null ? null : toTheEnd(run, { type: 'run.failed', data: failed }, now);
}

function wayBack(run: Run, now: Date): Next {
  const isUndo = ({ phase }: PlannedStep): boolean => phase === 'undo';
  const failed = failureIn(run, isUndo);
  // Rolling back can be asked for again, any number of times: each step of it looks first.
  if (failed !== null) return hold(run, now, { type: 'run.failed', data: failed });
  return carryOn(run, undone(run, isUndo), { type: 'run.rolled-back', data: {} }, now);
}

function closing(run: Run, now: Date): Next {
  const over = asItStands(run, now);
  if (over !== null) return over;
  const isClose = ({ phase }: PlannedStep): boolean => phase === 'close' && run.close?.drop === true;
  const failed = failureIn(run, isClose);
  if (failed !== null) return hold(run, now, { type: 'run.failed', data: failed });
  return carryOn(run, undone(run, isClose), SUCCEEDED, now);
}

function carryOn(run: Run, step: PlannedStep | undefined, end: EventBody, now: Date): Next {
  if (step === undefined) return record(end);
  return run.steps[step.id]?.status === 'interrupted'
    ? again(run, step, now)
    : { do: 'step', step, attempt: attemptOf(run, step) };
}

function again(run: Run, step: PlannedStep, now: Date): Next {
  const until = run.steps[step.id]?.retryAt;
  if (until !== undefined && Date.parse(until) > now.getTime()) return { do: 'wait', until };
  const gate = newestGate(run, step.id);
  return { do: 'step', step, attempt: attemptOf(run, step), ...(gate === undefined ? {} : { gate }) };
}

function attemptOf(run: Run, step: PlannedStep): number {
  return (run.steps[step.id]?.attempt ?? 0) + 1;
}

function atGate(run: Run, step: PlannedStep, now: Date): Next {
  const gate = newestGate(run, step.id);
  if (gate?.status === 'go') return { do: 'step', step, attempt: attemptOf(run, step), gate };
  if (gate?.status !== 'open') {
    const opening = openingOf(run, step, now);
    return opening === null
      ? { do: 'step', step, attempt: attemptOf(run, step) }
      : record({ type: 'gate.opened', data: opening });
  }
  if (now.getTime() >= Date.parse(gate.expiresAt)) return record({ type: 'gate.expired', data: { gate: gate.gate } });
  return remind(gate, now);
}

function remind(gate: Gate, now: Date): Next {
  const owed = REMINDER_PERCENTS.filter((percent) => !gate.reminded.includes(percent));
  const due = owed.filter((percent) => reminderAt(gate, percent).getTime() <= now.getTime());
  if (due.length > 0) {
    // After a night without the bot two reminders may be due at once: both are recorded, people get the last one.
    return record(...due.map((percent) => ({ type: 'gate.reminded', data: { gate: gate.gate, percent } }) as const));
  }
  const [soonest] = owed;
  const until = soonest === undefined ? gate.expiresAt : reminderAt(gate, soonest).toISOString();
  return { do: 'ask', gate, until };
}
