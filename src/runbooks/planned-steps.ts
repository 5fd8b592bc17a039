import type { GatePolicy, PlannedStep } from '../runs/plan.ts';

/** What every step of a run-book has alike. */
export type Common = Pick<PlannedStep, 'queue' | 'attempts' | 'deadlineSeconds'>;

const READS_ONLY = 'reads only, nothing to undo';

/** A step that looks and changes nothing. */
export function readsOnly(common: Common, id: string, title: string): PlannedStep {
  return { ...common, id, title, recovery: 'repeat', undo: READS_ONLY };
}

/** The step behind a gate, unless the gateway has none. */
export function gated(step: PlannedStep, policy: GatePolicy | null): PlannedStep {
  return policy === null ? step : { ...step, gate: policy };
}
