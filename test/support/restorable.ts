import type { EngineGateway } from '../../src/engine/commands/operations-deps.ts';
import { comparePlan } from '../../src/runbooks/compare.ts';
import { drillPlan } from '../../src/runbooks/restore-drill.ts';
import { restorePlan } from '../../src/runbooks/restore.ts';
import { ONE_APPROVER, planOf } from './story.ts';

/** The gateway with restores, drills and comparisons as configured ones have them; one approver, undone for `holdSeconds`. */
export function restorable(base: Omit<EngineGateway, 'restore'>, holdSeconds = 3600): EngineGateway {
  const common = { gateway: base.name, environment: base.environment, attempts: 3, deadlineSeconds: 60 };
  const { steps: safetySteps, parameters: safetyParameters } = planOf(null);
  return {
    ...base,
    restore: {
      strategies: ['database', 'declarative'],
      noDrill: null,
      drillPlan: (choice) => drillPlan({ ...common, ...choice }),
      comparePlan: (choice) => comparePlan({ ...common, ...choice }),
      plan: (choice) =>
        restorePlan({ ...common, ...choice, safetySteps, safetyParameters, policy: ONE_APPROVER, holdSeconds }),
    },
  };
}
