import type { GatewayStatus } from '../../engine/ports.ts';
import { awaitsReview, reviewBy, reviewOverdue } from '../../runs/rules/emergency.ts';
import { openGate } from '../../runs/rules/gate.ts';
import { stateOf } from '../../runs/next.ts';
import type { Run } from '../../runs/run.ts';
import { sentence } from '../say.ts';
import { age, clock, size } from './amounts.ts';
import { lacksWorker } from './run.ts';
import { nextText } from './schedules.ts';

/** A gateway in a few lines: its last verified backup and its age, how the last run ended, what locks it, what runs now. */
export function showGateway(status: GatewayStatus, now: Date): string[] {
  const { lastVerified, lastEnded } = status;
  return [
    `${status.gateway} (${status.environment})`,
    lastVerified === null
      ? '  no verified backup yet'
      : `  last verified backup: ${lastVerified.runId}, ${age(lastVerified.at, now)} old, ${size(lastVerified.bytes)}, ${gapText(lastVerified.gaps)}`,
    ...(lastEnded === null ? [] : lastLines(lastEnded, now)),
    ...lockedLines(status.locked),
    ...(status.alarms ?? []).map(({ alarm, message }) => `  ALARM ${alarm}: ${message}`),
    ...(status.schedules ?? []).map((schedule) => `  ${schedule.kind}: ${nextText(schedule, now)}`),
    ...(status.holds ?? []).map(({ set, reason }) => `  held until an admin ends it: ${set}: ${reason}`),
    ...(status.active.length === 0 ? ['  nothing runs'] : status.active.flatMap((run) => activeLines(run, now))),
  ];
}

/** A rollback locks its gateway until somebody records the cause. */
function lockedLines(run: Run | null): string[] {
  if (run === null) return [];
  const { gateway } = run.plan;
  const since = `${run.id} was rolled back (${clock(run.endedAt ?? run.requestedAt)})`;
  return [`  LOCKED since ${since}: kong-chatops unlock ${gateway} --cause '…'`];
}

function gapText(gaps: number | null): string {
  if (gaps === null) return 'gaps unknown';
  if (gaps === 0) return 'no gaps';
  return gaps === 1 ? '1 gap' : `${gaps} gaps`;
}

function ended(run: Run): string {
  const why = run.outcome === 'failed' ? run.fault?.message : run.cancelReason;
  return `${run.id} ${run.outcome ?? ''} at ${clock(run.endedAt ?? run.requestedAt)}${why === undefined ? '' : `: ${why}`}`;
}

/** One that ended well is told by its backup, unless somebody still owes it a review. */
function lastLines(run: Run, now: Date): string[] {
  const owed = awaitsReview(run) ? emergencyLines(run, now) : [];
  return run.outcome === 'succeeded' && owed.length === 0 ? [] : [`  last run: ${ended(run)}`, ...owed];
}

function activeLines(run: Run, now: Date): string[] {
  return [`  now: ${running(run, now)}`, ...holdLines(run), ...emergencyLines(run, now)];
}

/** What people can do with a run that is held, and why it is when something went wrong. */
function holdLines({ id, hold }: Run): string[] {
  if (hold === undefined) return [];
  return [
    ...(hold.fault === undefined ? [] : [`    ${sentence(hold.fault.message)}`]),
    `    kong-chatops rollback ${id}     or     kong-chatops close ${id}`,
  ];
}

/** Nobody was asked: somebody else looks at it afterwards, by a time after which normal runs are refused. */
function emergencyLines(run: Run, now: Date): string[] {
  if (run.emergency === undefined) return [];
  const head = `    EMERGENCY ${run.emergency.incident}: nobody was asked`;
  if (!awaitsReview(run)) return [`${head}, reviewed`];
  const by = clock(reviewBy(run));
  const due = reviewOverdue(run, now)
    ? `its review was due ${by} and normal runs are refused until somebody else reviews it`
    : `to be reviewed by somebody else before ${by}`;
  return [`${head}, ${due}: kong-chatops review ${run.id} --finding …`];
}

function running(run: Run, now: Date): string {
  const gate = openGate(run);
  if (gate !== undefined) {
    const groups = gate.policy.requirements.map(({ group }) => group).join(' and ');
    return `${run.id} waits for ${groups} until ${clock(gate.expiresAt)}`;
  }
  if (run.hold !== undefined) return `${run.id} holding until ${clock(run.hold.until)}`;
  if (lacksWorker(run, now)) return `${run.id} waits for a worker: kong-chatops start --only worker`;
  const step = run.plan.steps.find(({ id }) => run.steps[id]?.status === 'running');
  return `${run.id} ${stateOf(run)}${step === undefined ? '' : `: ${step.title}`}`;
}
