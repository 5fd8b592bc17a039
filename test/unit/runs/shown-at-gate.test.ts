import { expect, it } from 'vitest';
import type { EventBody } from '../../../src/runs/event.ts';
import { next } from '../../../src/runs/next.ts';
import type { Plan } from '../../../src/runs/plan.ts';
import {
  BOB,
  ONE_APPROVER,
  START,
  did,
  minutes,
  planOf,
  requestedBody,
  stepStarted,
  story,
} from '../../support/story.ts';

/** A preview whose result the gate after it shows. */
const plan: Plan = {
  ...planOf(ONE_APPROVER),
  steps: planOf(ONE_APPROVER).steps.map((step) => (step.id === 'preflight' ? { ...step, shownAtGate: true } : step)),
};
const seen = (diff: string): readonly EventBody[] => did('preflight', { observed: { diff } });

it('what a gate shows is made anew once the gate is void, and the next gate is asked with that (2.6)', () => {
  const before = [requestedBody(plan), ...seen('one')];
  const opening = next(story(...before), START);
  const open = [...before, ...(opening.do === 'record' ? opening.events : [])];
  const run = story(
    ...open,
    { type: 'gate.decided', data: { gate: 'B-142.g1', outcome: 'go', by: [BOB] } },
    stepStarted('dump-database'),
    { type: 'gate.superseded', data: { gate: 'B-142.g1', changed: ['diff'], observed: { diff: 'two' } } },
  );
  expect(run.steps['preflight']).toEqual({ status: 'pending', attempt: 1, before: 1 });
  expect(next(run, minutes(2))).toMatchObject({ do: 'step', step: { id: 'preflight' }, attempt: 2 });
});
