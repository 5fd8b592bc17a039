import type { GatePolicy, PlannedStep } from '../runs/plan.ts';
import { gated, readsOnly } from './planned-steps.ts';
import type { Common } from './planned-steps.ts';

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
    { ...readsOnly(common, 'diff-files', 'Compare the files with the present ones'), shownAtGate: true },
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

/** Nodes without a database: each is given the saved configuration over its Admin API, and the one before to go back. */
export function dblessSteps(common: Common, policy: GatePolicy | null): readonly PlannedStep[] {
  const load: PlannedStep = {
    ...common,
    id: 'load-dbless',
    title: 'Load the configuration into every node',
    recovery: 'check',
    undo: 'load-dbless-back loads what the safety backup holds',
    live: true,
  };
  return [
    { ...readsOnly(common, 'diff-dbless', 'Compare with what every node has'), shownAtGate: true },
    gated(load, policy),
    readsOnly(common, 'read-back-dbless', 'Read back and prove every node'),
    {
      ...common,
      id: 'load-dbless-back',
      title: 'Load the configuration from before',
      recovery: 'check',
      undo: 'restore again',
      phase: 'undo',
    },
    { ...readsOnly(common, 'read-back-dbless-undo', 'Read back and prove every node'), phase: 'undo' },
  ];
}
