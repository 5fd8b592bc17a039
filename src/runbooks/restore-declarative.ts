import type { GatePolicy, PlannedStep } from '../runs/plan.ts';
import { gated, readsOnly } from './planned-steps.ts';
import type { Common } from './planned-steps.ts';

/** The declarative files by decK: validate, show the diff, ask, sync, purge caches, read back; and the same way back. */
export function declarativeSteps(common: Common, policy: GatePolicy | null): readonly PlannedStep[] {
  const sync: PlannedStep = {
    ...common,
    id: 'sync-declarative',
    title: 'Sync workspace by workspace',
    recovery: 'check',
    undo: 'sync-back brings back what the safety backup holds',
    live: true,
  };
  const purge = (id: string): PlannedStep => ({
    ...common,
    id,
    title: 'Purge the caches of every node',
    recovery: 'repeat',
    undo: 'harmless: nodes read again',
  });
  return [
    { ...readsOnly(common, 'diff-declarative', 'Validate and show what would change'), shownAtGate: true },
    gated(sync, policy),
    purge('purge-nodes'),
    readsOnly(common, 'read-back', 'Read back and compare entity by entity'),
    readsOnly(common, 'prove-declarative', 'Prove a route on every node'),
    {
      ...common,
      id: 'sync-back',
      title: 'Sync the state before',
      recovery: 'check',
      undo: 'restore again',
      phase: 'undo',
    },
    { ...purge('purge-back'), phase: 'undo' },
    { ...readsOnly(common, 'read-back-undo', 'Read back and compare'), phase: 'undo' },
    { ...readsOnly(common, 'prove-declarative-back', 'Prove a route on every node'), phase: 'undo' },
  ];
}
