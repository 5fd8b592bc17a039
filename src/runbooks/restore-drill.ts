import type { JsonObject } from '../runs/json.ts';
import type { Plan } from '../runs/plan.ts';
import { readsOnly } from './planned-steps.ts';

export interface DrillPlanInput {
  readonly gateway: string;
  readonly environment: string;
  readonly set: string;
  readonly destination: string;
  readonly attempts: number;
  readonly deadlineSeconds: number;
}

/** Outputs of `restore-drill`: from here on the set is `restored`. */
export interface DrillOutputs extends JsonObject {
  readonly set: string;
  readonly restoredAt: string;
  readonly tables: number;
  readonly rows: number;
}

/** A drill proves a set by restoring it into a scratch database on the worker's PostgreSQL, and leaves nothing. */
export function drillPlan(input: DrillPlanInput): Plan {
  const common = { queue: 'restore', attempts: input.attempts, deadlineSeconds: input.deadlineSeconds } as const;
  return {
    runbook: 'drill',
    gateway: input.gateway,
    environment: input.environment,
    exclusive: `drill:${input.gateway}`,
    parameters: { set: input.set, destination: input.destination },
    steps: [
      readsOnly(common, 'check-set', 'Prove the set byte by byte'),
      {
        ...common,
        id: 'restore-drill',
        title: 'Restore it aside and count',
        recovery: 'check',
        undo: 'the scratch database is removed whatever happens',
      },
      {
        ...common,
        id: 'drop-drill',
        title: 'Remove the scratch database',
        recovery: 'check',
        undo: 'only the scratch copy is removed',
        cleanup: true,
      },
    ],
  };
}
