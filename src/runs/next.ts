import type { EventBody, FaultFacts } from './event.ts';
import type { PlannedStep } from './plan.ts';
import type { Gate, Run, RunState } from './run.ts';
import { newestGate, openGate, openingOf, REMINDER_PERCENTS, reminderAt } from './gate.ts';

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
  /** Nothing, ever: the run has ended, or a person has to decide about an unknown outcome. */
  | { readonly do: 'nothing' };

/** Total and pure: never refuses, reads no clock but `now`. */
export function next(run: Run, now: Date): Next {
  if (run.outcome !== undefined) return { do: 'nothing' };
  const running = run.plan.steps.find((step) => run.steps[step.id]?.status === 'running');
  if (running !== undefined) return whileRunning(run, running);
  const ending = endingOf(run);
  if (ending !== null) return toTheEnd(run, ending, now);
  const step = run.plan.steps.find(({ id, cleanup }) => cleanup !== true && run.steps[id]?.status !== 'succeeded');
  if (step === undefined) return { do: 'record', events: [{ type: 'run.succeeded', data: {} }] };
  if (run.steps[step.id]?.status === 'interrupted') return again(run, step, now);
  return step.gate === undefined ? { do: 'step', step, attempt: attemptOf(run, step) } : atGate(run, step, now);
}

/** The state that people see (behaviour 4.1). */
export function stateOf(run: Run): RunState {
  if (run.outcome !== undefined) return run.outcome;
  if (openGate(run) !== undefined) return 'waiting';
  return Object.values(run.steps).some((step) => step.status === 'outcome-unknown') ? 'holding' : 'running';
}

function whileRunning(run: Run, step: PlannedStep): Next {
  const attempt = run.steps[step.id]?.attempt ?? 1;
  // A clean-up is wanted most of all when the run was cancelled: it alone is never stopped.
  const unwanted = run.cancel !== undefined && step.cleanup !== true;
  return { do: unwanted ? 'stop' : 'running', step, attempt };
}

type Ending = Extract<EventBody, { type: 'run.failed' | 'run.cancelled' }>;

/** Why the run cannot go on, if so. The first cause wins: what comes after it is a consequence. */
function endingOf(run: Run): Ending | null {
  for (const { id, cleanup } of run.plan.steps) {
    const step = run.steps[id];
    if (cleanup === true || step === undefined) continue;
    if (step.status === 'failed') {
      return { type: 'run.failed', data: { step: id, fault: step.fault ?? UNKNOWN_OUTCOME } };
    }
    // Only a step that nobody can check stays unknown. A cancelled run must still end.
    if (step.status === 'outcome-unknown') return { type: 'run.failed', data: { step: id, fault: UNKNOWN_OUTCOME } };
  }
  return peoplesEnding(run);
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
  const cleanup = run.plan.steps.find((step) => step.cleanup === true);
  if (cleanup !== undefined && touchedAnything(run)) {
    const state = run.steps[cleanup.id];
    if (state?.status === 'interrupted') return again(run, cleanup, now);
    if (state === undefined || state.status === 'pending') return { do: 'step', step: cleanup, attempt: 1 };
  }
  return { do: 'record', events: [ending] };
}

function touchedAnything(run: Run): boolean {
  return run.plan.steps.some(
    ({ id, recovery, cleanup }) => recovery !== 'repeat' && cleanup !== true && (run.steps[id]?.attempt ?? 0) > 0,
  );
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
      : { do: 'record', events: [{ type: 'gate.opened', data: opening }] };
  }
  if (now.getTime() >= Date.parse(gate.expiresAt)) {
    return { do: 'record', events: [{ type: 'gate.expired', data: { gate: gate.gate } }] };
  }
  return remind(gate, now);
}

function remind(gate: Gate, now: Date): Next {
  const owed = REMINDER_PERCENTS.filter((percent) => !gate.reminded.includes(percent));
  const due = owed.filter((percent) => reminderAt(gate, percent).getTime() <= now.getTime());
  if (due.length > 0) {
    // After a night without the bot two reminders may be due at once: both are recorded, people get the last one.
    return {
      do: 'record',
      events: due.map((percent) => ({ type: 'gate.reminded', data: { gate: gate.gate, percent } })),
    };
  }
  const [soonest] = owed;
  const until = soonest === undefined ? gate.expiresAt : reminderAt(gate, soonest).toISOString();
  return { do: 'ask', gate, until };
}
