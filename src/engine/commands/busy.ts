import type { RunKind } from '../../runs/plan.ts';
import type { Refusal } from '../../runs/refusal.ts';
import type { Run } from '../../runs/run.ts';
import type { OperationsDeps } from './operations-deps.ts';
import { stateOf } from '../../runs/next.ts';
import { refuse } from '../../runs/refusal.ts';

const DOING: Readonly<Record<RunKind, string>> = {
  backup: 'already being backed up',
  restore: 'being restored',
  drill: 'already being drilled',
  compare: 'already being compared with a set',
};

/** Who holds the gateway, why, since when, and what to do about it (behaviour 4.4, 4.6). */
export function busy(run: Run): Refusal {
  const { gateway } = run.plan;
  const asked = `asked for by ${run.requestedBy} (${run.requestedAt})${run.reason === undefined ? '' : `: ${run.reason}`}`;
  if (run.outcome === 'rolled-back') {
    return refuse(
      'locked',
      `${gateway} is locked since ${run.endedAt ?? run.requestedAt}, because ${run.id}, ${asked}, was rolled back`,
      `Find out the cause and record it: unlock ${gateway} with the cause, then ask again`,
    );
  }
  if (run.rollback !== undefined) {
    return refuse(
      'busy',
      `${gateway} is being rolled back by ${run.id}, asked by ${run.rollback.person} at ${run.rollback.at}`,
      'Wait until it has ended; the gateway is locked then until somebody records the cause',
    );
  }
  if (run.hold !== undefined && stateOf(run) === 'holding') {
    return refuse(
      'busy',
      `${gateway} is held by ${run.id}, ${asked}: its way back is open until ${run.hold.until}`,
      `Close ${run.id} when it is good, or roll it back; then ask again`,
    );
  }
  return refuse(
    'busy',
    `${gateway} is ${DOING[run.kind]} by ${run.id}, ${asked}`,
    'Follow it on its card, or be told when it ends',
  );
}

/** A comparison only reads, so it keeps nobody waiting; what it would see in the middle of the others would be neither state. */
const OTHERS: Readonly<Record<RunKind, readonly RunKind[]>> = {
  backup: ['restore'],
  restore: ['backup'],
  drill: [],
  compare: ['backup', 'restore'],
};

/**
 * The run that keeps another kind of run from starting, if there is one: a backup in the middle of a swap would save
 * half of each state, and decK never runs twice on one gateway. A run that only holds keeps nobody from backing up.
 */
export async function inTheWay(deps: OperationsDeps, gateway: string, kind: RunKind): Promise<Run | null> {
  const others = OTHERS[kind];
  if (others.length === 0) return null;
  const active = await deps.store.findRuns({ gateway, active: true, limit: 20 });
  for (const index of active.filter((index) => others.includes(index.kind) && index.state !== 'holding')) {
    const run = await deps.folds.of(index);
    if (run !== null && run.outcome === undefined) return run;
  }
  return null;
}
