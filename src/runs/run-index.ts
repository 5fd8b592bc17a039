import type { RunIndex } from './log.ts';
import type { Run } from './run.ts';
import { awaitsReview } from './rules/emergency.ts';
import { next, stateOf } from './next.ts';

/** The `runs` row of a run: what lists, the sweep and the unique constraint need to know of it. Pure. */
export function indexOf(run: Run, updatedAt: string): RunIndex {
  const active = run.outcome === undefined;
  return {
    id: run.id,
    kind: run.kind,
    gateway: run.plan.gateway,
    state: stateOf(run),
    version: run.version,
    requestedBy: run.requestedBy,
    requestedAt: run.requestedAt,
    updatedAt,
    active,
    unsettled: isUnsettled(run),
    exclusive: active || locksGateway(run) ? run.plan.exclusive : null,
    dueAt: dueAt(run, updatedAt),
    verifiedAt: verifiedAt(run),
    setId: output(run, 'publish-set', 'set') ?? output(run, 'restore-drill', 'set'),
    restoredAt: output(run, 'restore-drill', 'restoredAt'),
  };
}

/** After a rollback the gateway stays locked until somebody records the cause (behaviour 4.6). */
export function locksGateway(run: Run): boolean {
  return run.outcome === 'rolled-back' && run.unlocked === undefined;
}

/** A restore's safety backup is proven long before the restore itself has ended. */
function verifiedAt(run: Run): string | null {
  return run.outcome === 'succeeded' || run.kind === 'restore' ? output(run, 'verify-set', 'verifiedAt') : null;
}

/** A text that a step put on record by succeeding; null as long as it has not. */
function output(run: Run, step: string, name: string): string | null {
  const value = run.steps[step]?.status === 'succeeded' ? run.steps[step].outputs?.[name] : undefined;
  return typeof value === 'string' ? value : null;
}

/** An ended run owes its card's last drawing and the messages about its end until each is settled or given up. */
export function isUnsettled(run: Run): boolean {
  if (run.outcome === undefined) return false;
  // Its reminders are still to come, and its card is to say who reviewed it.
  if (awaitsReview(run)) return true;
  if (run.channel === null) return false;
  const card = run.messages['card'];
  const ended = run.messages['ended'];
  const done = (message: Run['messages'][string] | undefined): boolean =>
    message !== undefined && (message.settled === true || message.status === 'lost');
  // Whoever is no person hears of no end.
  return !done(card) || (run.schedule === undefined && !done(ended));
}

function dueAt(run: Run, updatedAt: string): string | null {
  const now = next(run, new Date(updatedAt));
  return now.do === 'ask' || now.do === 'wait' ? now.until : null;
}
