import type { Plan } from '../plan.ts';
import type { Refusal } from '../refusal.ts';
import type { Run } from '../run.ts';
import { refuse } from '../refusal.ts';

/** Somebody else looks at an emergency within so many hours, or normal runs are refused (behaviour 3.3). Fixed. */
export const REVIEW_HOURS = 72;

/** Hours after an emergency at which those who can review it are reminded, as long as nobody has. */
export const REVIEW_REMINDERS = [24, 48, 66] as const;

/** The same plan without anybody being asked: what break glass skips is the gates, and nothing else. */
export function withoutGates(plan: Plan): Plan {
  return { ...plan, steps: plan.steps.map(({ gate: _gate, ...step }) => step) };
}

/** True until somebody else has looked at an emergency. */
export function awaitsReview(run: Pick<Run, 'emergency' | 'reviewed'>): boolean {
  return run.emergency !== undefined && run.reviewed === undefined;
}

/** ISO time at which normal runs begin to be refused. */
export function reviewBy(run: Pick<Run, 'requestedAt'>): string {
  return new Date(Date.parse(run.requestedAt) + REVIEW_HOURS * 3_600_000).toISOString();
}

/** True when nobody looked at an emergency in time: only another emergency, and rollbacks, go on. */
export function reviewOverdue(run: Pick<Run, 'emergency' | 'reviewed' | 'requestedAt'>, now: Date): boolean {
  return awaitsReview(run) && now.getTime() >= Date.parse(reviewBy(run));
}

/** The newest reminder that is due, in hours; null before the first, and once it was reviewed. */
export function reviewReminder(run: Pick<Run, 'emergency' | 'reviewed' | 'requestedAt'>, now: Date): number | null {
  if (!awaitsReview(run)) return null;
  const hours = (now.getTime() - Date.parse(run.requestedAt)) / 3_600_000;
  return REVIEW_REMINDERS.findLast((one) => one <= hours) ?? null;
}

/** Why a normal run is refused: an emergency that nobody looked at. */
export function reviewOwed(run: Run): Refusal {
  return refuse(
    'review-overdue',
    `${run.plan.gateway} takes no normal runs: nobody reviewed the emergency ${run.id} by ${run.requestedBy} within ${REVIEW_HOURS} hours`,
    `Let somebody other than ${run.requestedBy} look at ${run.id} and record what they found: /kong-review ${run.id}, or kong-chatops review ${run.id}`,
  );
}
