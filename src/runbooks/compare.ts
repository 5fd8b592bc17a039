import type { Plan } from '../runs/plan.ts';
import type { DrillPlanInput } from './restore-drill.ts';
import { readsOnly } from './planned-steps.ts';

/** A set beside its gateway as it is now, by type and count and a few names. Reads only; near the gateway, so it is a run. */
export function comparePlan(input: DrillPlanInput): Plan {
  const common = {
    queue: 'restore',
    attempts: input.attempts,
    deadlineSeconds: input.deadlineSeconds,
  } as const;
  return {
    runbook: 'compare',
    gateway: input.gateway,
    environment: input.environment,
    exclusive: `compare:${input.gateway}`,
    parameters: { set: input.set, destination: input.destination, strategy: 'declarative' },
    steps: [
      readsOnly(common, 'check-set', 'Prove the set byte by byte'),
      readsOnly(common, 'diff-declarative', 'Compare with what is live'),
    ],
  };
}
