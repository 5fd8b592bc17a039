import type { GatewayStatus } from '../../engine/ports.ts';
import { openGate } from '../../runs/rules/gate.ts';
import { stateOf } from '../../runs/next.ts';
import type { Run } from '../../runs/run.ts';
import { age, clock, size } from './amounts.ts';
import { nextText } from './schedules.ts';

/** A gateway in a few lines: its last verified backup and its age, how the last run ended, what locks it, what runs now. */
export function showGateway(status: GatewayStatus, now: Date): string[] {
  const { lastVerified, lastEnded } = status;
  return [
    `${status.gateway} (${status.environment})`,
    lastVerified === null
      ? '  no verified backup yet'
      : `  last verified backup: ${lastVerified.runId}, ${age(lastVerified.at, now)} old, ${size(lastVerified.bytes)}, ${gapText(lastVerified.gaps)}`,
    ...(lastEnded === null || lastEnded.outcome === 'succeeded' ? [] : [`  last run: ${ended(lastEnded)}`]),
    ...lockedLines(status.locked),
    ...(status.alarms ?? []).map(({ alarm, message }) => `  ALARM ${alarm}: ${message}`),
    ...(status.schedules ?? []).map((schedule) => `  ${schedule.kind}: ${nextText(schedule, now)}`),
    ...(status.active.length === 0 ? ['  nothing runs'] : status.active.map((run) => `  now: ${running(run)}`)),
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

function running(run: Run): string {
  const gate = openGate(run);
  if (gate !== undefined) {
    const groups = gate.policy.requirements.map(({ group }) => group).join(' and ');
    return `${run.id} waits for ${groups} until ${clock(gate.expiresAt)}`;
  }
  const step = run.plan.steps.find(({ id }) => run.steps[id]?.status === 'running');
  return `${run.id} ${stateOf(run)}${step === undefined ? '' : `: ${step.title}`}`;
}
