import type { GateOpened, Observed } from '../event.ts';
import type { GatePolicy, PlannedStep } from '../plan.ts';
import type { Gate, Run } from '../run.ts';
import { digestOf } from '../json.ts';

/** Reminders at half and at four fifths of a gate's life (behaviour 2.8). */
export const REMINDER_PERCENTS = [50, 80] as const;

/** The newest gate before a step; undefined when none was opened yet. */
export function newestGate(run: Run, step: string): Gate | undefined {
  return run.gates.findLast((gate) => gate.step === step);
}

/** The gate that takes votes now; a run has at most one. */
export function openGate(run: Run): Gate | undefined {
  return run.gates.find((gate) => gate.status === 'open');
}

/**
 * The event that opens a gate before `step`. The digest is SHA-256 over the canonical JSON of everything that an
 * approver approves (behaviour 2.6): a changed input is another digest, and another gate.
 */
export function openingOf(run: Run, step: PlannedStep, now: Date): GateOpened | null {
  if (step.gate === undefined) return null;
  const attempt = (run.steps[step.id]?.attempt ?? 0) + 1;
  const evidence = evidenceOf(run);
  return {
    gate: `${run.id}.g${run.gates.length + 1}`,
    step: step.id,
    attempt,
    policy: policyOf(run, step.gate),
    digest: gateDigest(run, step.id, attempt, evidence, run.observed),
    evidence,
    observed: run.observed,
    expiresAt: new Date(now.getTime() + step.gate.expiresSeconds * 1000).toISOString(),
  };
}

/**
 * The policy of a gate as the evidence demands it: a step whose outputs say `approversMore: n` (a sync that deletes, a
 * safety backup that could not be taken) asks that many people more of the first group (behaviour 2.12).
 */
export function policyOf(run: Run, policy: GatePolicy): GatePolicy {
  const more = Object.values(run.steps).reduce((sum, { status, outputs }) => {
    const asked = status === 'succeeded' ? outputs?.['approversMore'] : undefined;
    return sum + (typeof asked === 'number' ? asked : 0);
  }, 0);
  const [first, ...rest] = policy.requirements;
  if (first === undefined || more === 0) return policy;
  return { ...policy, requirements: [{ ...first, minimum: first.minimum + more }, ...rest] };
}

/** Digest of what a gate stands for, 64 hexadecimal digits. */
export function gateDigest(
  run: Pick<Run, 'id' | 'planDigest'>,
  step: string,
  attempt: number,
  evidence: readonly string[],
  observed: Observed,
): string {
  return digestOf({ run: run.id, step, attempt, plan: run.planDigest, evidence, observed });
}

/** Inputs whose observed value differs from what the approvers saw, by name, sorted. */
export function changedInputs(gate: GateOpened, observed: Observed): readonly string[] {
  const names = new Set([...Object.keys(gate.observed), ...Object.keys(observed)]);
  return [...names].filter((name) => gate.observed[name] !== observed[name]).sort();
}

/** When a reminder is due: at the percent of the time between opening and expiry. */
export function reminderAt(gate: Gate, percent: number): Date {
  const opened = Date.parse(gate.openedAt);
  return new Date(opened + ((Date.parse(gate.expiresAt) - opened) * percent) / 100);
}

/** The run that a gate id or a button's value names: `B-142.g1` is of `B-142`. Null when it is no gate id. */
export function runOfGate(value: string): string | null {
  return /^([A-Z]-[1-9][0-9]{0,9})\.g[1-9][0-9]{0,4}$/.exec(value)?.[1] ?? null;
}

function evidenceOf(run: Run): readonly string[] {
  return run.plan.steps.flatMap(({ id }) => {
    const step = run.steps[id];
    return step?.status === 'succeeded' && step.endedVersion !== undefined ? [`${id}:${step.endedVersion}`] : [];
  });
}
