import type { GatePolicy, PlannedStep } from '../runs/plan.ts';
import { gated, READS_ONLY } from './restore-common.ts';
import type { Common } from './restore-common.ts';

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
  const reads = (id: string, title: string): PlannedStep => ({
    ...common,
    id,
    title,
    recovery: 'repeat',
    undo: READS_ONLY,
  });
  const purge = (id: string): PlannedStep => ({
    ...common,
    id,
    title: 'Purge the caches of every node',
    recovery: 'repeat',
    undo: 'harmless: nodes read again',
  });
  return [
    { ...reads('diff-declarative', 'Validate and show what would change'), shownAtGate: true },
    gated(sync, policy),
    purge('purge-nodes'),
    reads('read-back', 'Read back and compare entity by entity'),
    reads('prove-declarative', 'Prove a route on every node'),
    {
      ...common,
      id: 'sync-back',
      title: 'Sync the state before',
      recovery: 'check',
      undo: 'restore again',
      phase: 'undo',
    },
    { ...purge('purge-back'), phase: 'undo' },
    { ...reads('read-back-undo', 'Read back and compare'), phase: 'undo' },
    { ...reads('prove-declarative-back', 'Prove a route on every node'), phase: 'undo' },
  ];
}
