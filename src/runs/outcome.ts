import type { EventBody, FaultFacts, InterruptReason } from './event.ts';
import type { PlannedStep } from './plan.ts';

/** How an attempt ended without success, as the engine saw it. */
export type Ending =
  | { readonly kind: 'interrupted'; readonly reason: InterruptReason; readonly fault?: FaultFacts }
  | { readonly kind: 'failed'; readonly fault: FaultFacts }
  | { readonly kind: 'aborted' };

const WHY: Readonly<Record<InterruptReason, string>> = {
  'worker-lost': 'the worker that ran it died',
  shutdown: 'the worker that ran it was stopped',
  'session-lost': 'the worker lost its database session',
  'retryable-fault': 'a neighbour did not answer',
};

/**
 * The event that an attempt's end becomes. An interruption starts again until the attempts are used up and is a failure
 * then, with its reason (decision 11); a step that cannot be checked becomes "outcome unknown", never a blind retry.
 */
export function endOfAttempt(
  step: PlannedStep,
  attempt: number,
  ending: Ending,
  now: Date,
  retrySeconds: number,
  /** Attempts of an earlier asking: they do not count. */
  before = 0,
): EventBody {
  const data = { step: step.id, attempt };
  if (ending.kind === 'aborted') return { type: 'step.aborted', data };
  if (ending.kind === 'failed') return { type: 'step.failed', data: { ...data, fault: ending.fault } };
  if (step.recovery === 'ask') return { type: 'step.outcome-unknown', data };
  const used = attempt - before;
  if (used >= step.attempts) {
    return { type: 'step.failed', data: { ...data, fault: ending.fault ?? exhausted(step, ending.reason) } };
  }
  // Only a neighbour in trouble deserves a pause; after a dead worker or a deploy the sooner the better.
  const pause = ending.reason === 'retryable-fault' ? retrySeconds * 1000 * used : 0;
  return {
    type: 'step.interrupted',
    data: {
      ...data,
      reason: ending.reason,
      ...(ending.fault === undefined ? {} : { fault: ending.fault }),
      retryAt: new Date(now.getTime() + pause).toISOString(),
    },
  };
}

function exhausted(step: PlannedStep, reason: InterruptReason): FaultFacts {
  return {
    code: 'interrupted-too-often',
    message: `"${step.title}" was interrupted ${step.attempts} times; the last time ${WHY[reason]}`,
    hint: 'Find out why workers stop (memory, deploys, the node), then try again',
  };
}
