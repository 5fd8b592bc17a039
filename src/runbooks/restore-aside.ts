import type { GatePolicy, PlannedStep } from '../runs/plan.ts';
import { gated, READS_ONLY } from './restore-common.ts';
import type { Common } from './restore-common.ts';

/** kong.conf and the prefix, into a new folder beside the present ones: what goes into use, people decide. */
export function filesSteps(common: Common, policy: GatePolicy | null): readonly PlannedStep[] {
  const place: PlannedStep = {
    ...common,
    id: 'place-files',
    title: 'Write the files beside the present ones',
    recovery: 'check',
    undo: 'remove-files removes the folder: nothing was replaced',
    live: true,
  };
  return [
    {
      ...common,
      id: 'diff-files',
      title: 'Compare the files with the present ones',
      recovery: 'repeat',
      undo: READS_ONLY,
    },
    gated(place, policy),
    {
      ...common,
      id: 'remove-files',
      title: 'Remove the folder',
      recovery: 'check',
      undo: 'restore again',
      phase: 'undo',
    },
  ];
}
