import type { RunIndex } from './log.ts';
import type { Run } from './run.ts';
import { next, stateOf } from './next.ts';

/** The `runs` row of a run: what lists, the sweep and the unique constraint need to know of it. Pure. */
export function indexOf(run: Run, updatedAt: string): RunIndex {
  const active = run.outcome === undefined;
  const verifiedAt = run.steps['verify-set']?.outputs?.['verifiedAt'];
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
    // After a rollback the gateway stays locked until somebody records the cause (behaviour 4.6).
    exclusive: active || (run.outcome === 'rolled-back' && run.unlocked === undefined) ? run.plan.exclusive : null,
    dueAt: dueAt(run, updatedAt),
    verifiedAt: run.outcome === 'succeeded' && typeof verifiedAt === 'string' ? verifiedAt : null,
  };
}

/** An ended run owes its card's last drawing and the messages about its end until each is settled or given up. */
export function isUnsettled(run: Run): boolean {
  if (run.outcome === undefined || run.channel === null) return false;
  const card = run.messages['card'];
  const ended = run.messages['ended'];
  const done = (message: Run['messages'][string] | undefined): boolean =>
    message !== undefined && (message.settled === true || message.status === 'lost');
  return !done(card) || !done(ended);
}

function dueAt(run: Run, updatedAt: string): string | null {
  const now = next(run, new Date(updatedAt));
  return now.do === 'ask' || now.do === 'wait' ? now.until : null;
}
