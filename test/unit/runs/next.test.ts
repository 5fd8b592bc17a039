import { describe, expect, it } from 'vitest';
import type { EventBody, FaultFacts } from '../../../src/runs/event.ts';
import { next, stateOf } from '../../../src/runs/next.ts';
import { endOfAttempt } from '../../../src/runs/outcome.ts';
import { indexOf } from '../../../src/runs/run-index.ts';
import {
  BOB,
  ONE_APPROVER,
  START,
  did,
  minutes,
  planOf,
  preflightDone,
  requestedBody,
  stepStarted,
  story,
} from '../../support/story.ts';

const gated = [requestedBody(planOf(ONE_APPROVER)), ...preflightDone];
function atGate(): EventBody[] {
  const what = next(story(...gated), START);
  return what.do === 'record' ? [...gated, ...what.events] : [];
}

describe('what the bot does next', () => {
  it('checks before it asks: a gate opens only when its evidence is final (2.7)', () => {
    const run = story(requestedBody(planOf(ONE_APPROVER)));
    expect(next(run, START)).toMatchObject({ do: 'step', step: { id: 'preflight' }, attempt: 1 });
    expect(stateOf(run)).toBe('running');
    const opening = next(story(...gated), START);
    expect(opening).toMatchObject({
      do: 'record',
      events: [{ type: 'gate.opened', data: { gate: 'B-142.g1', step: 'dump-database', evidence: ['preflight:3'] } }],
    });
  });

  it('reminds at half and at four fifths of the time, then expires, then ends without having changed anything (2.8)', () => {
    const open = atGate();
    expect(next(story(...open), minutes(1))).toMatchObject({ do: 'ask', until: '2026-11-21T02:30:01.500Z' });
    const reminded = next(story(...open), minutes(31));
    expect(reminded).toEqual({
      do: 'record',
      events: [{ type: 'gate.reminded', data: { gate: 'B-142.g1', percent: 50 } }],
    });
    const both = next(story(...open), minutes(59));
    expect(both).toMatchObject({ events: [{ data: { percent: 50 } }, { data: { percent: 80 } }] });
    const expired = next(story(...open), minutes(60));
    expect(expired).toEqual({ do: 'record', events: [{ type: 'gate.expired', data: { gate: 'B-142.g1' } }] });
    const run = story(...open, { type: 'gate.expired', data: { gate: 'B-142.g1' } });
    expect(next(run, minutes(60))).toEqual({
      do: 'record',
      events: [{ type: 'run.cancelled', data: { reason: 'nobody decided in time' } }],
    });
  });

  it('a superseded gate gives way to a new one without votes (2.6)', () => {
    const open = atGate();
    const observed = { kongVersion: '3.9.2' };
    const run = story(
      ...open,
      { type: 'vote.cast', data: { gate: 'B-142.g1', person: BOB, choice: 'go' } },
      { type: 'gate.decided', data: { gate: 'B-142.g1', outcome: 'go', by: [BOB] } },
      { type: 'gate.superseded', data: { gate: 'B-142.g1', changed: ['kongVersion'], observed } },
    );
    expect(next(run, minutes(2))).toMatchObject({
      do: 'record',
      events: [{ type: 'gate.opened', data: { gate: 'B-142.g2', observed } }],
    });
    const again = next(run, minutes(2));
    const opening = again.do === 'record' ? again.events[0] : undefined;
    expect(opening?.type === 'gate.opened' && opening.data.digest).not.toBe(run.gates[0]?.digest);
  });

  it('a step that found its gate out of date before it acted counts as never begun (2.7)', () => {
    const observed = { kongVersion: '3.9.2' };
    const run = story(
      ...atGate(),
      { type: 'gate.decided', data: { gate: 'B-142.g1', outcome: 'go', by: [BOB] } },
      { type: 'step.started', data: { step: 'dump-database', attempt: 1 } },
      { type: 'gate.superseded', data: { gate: 'B-142.g1', changed: ['kongVersion'], observed } },
    );
    expect(run.steps['dump-database']).toEqual({ status: 'pending', attempt: 0 });
    expect(next(run, minutes(2))).toMatchObject({
      do: 'record',
      events: [{ type: 'gate.opened', data: { gate: 'B-142.g2', step: 'dump-database', attempt: 1, observed } }],
    });
  });

  it('an interrupted step starts again two times, then fails with its reason (decision 11)', () => {
    const step = planOf().steps[1];
    if (step === undefined) throw new Error('no step');
    const ending = { kind: 'interrupted', reason: 'worker-lost' } as const;
    const first = endOfAttempt(step, 1, ending, START, 10);
    expect(first).toMatchObject({ type: 'step.interrupted', data: { retryAt: START.toISOString() } });
    expect(endOfAttempt(step, 3, ending, START, 10)).toEqual({
      type: 'step.failed',
      data: {
        step: 'dump-database',
        attempt: 3,
        fault: {
          code: 'interrupted-too-often',
          message: '"Dump the database" was interrupted 3 times; the last time the worker that ran it died',
          hint: 'Find out why workers stop (memory, deploys, the node), then try again',
        },
      },
    });
  });

  it('waits a little longer each time for a neighbour that does not answer', () => {
    const step = planOf().steps[1];
    if (step === undefined) throw new Error('no step');
    const fault: FaultFacts = { code: 'unreachable', message: 'm', hint: 'h' };
    const ending = { kind: 'interrupted', reason: 'retryable-fault', fault } as const;
    const event = endOfAttempt(step, 2, ending, START, 10);
    expect(event).toMatchObject({ data: { retryAt: '2026-11-21T02:00:20.000Z', fault } });
    const run = story(requestedBody(planOf(null)), ...preflightDone, stepStarted('dump-database', 2), event);
    expect(next(run, START)).toEqual({ do: 'wait', until: '2026-11-21T02:00:20.000Z' });
    expect(next(run, minutes(1))).toMatchObject({ do: 'step', attempt: 3 });
  });

  it('a step that cannot be checked is never retried blindly (rule 6)', () => {
    const [step] = planOf().steps;
    if (step === undefined) throw new Error('no step');
    const event = endOfAttempt(
      { ...step, recovery: 'ask' },
      1,
      { kind: 'interrupted', reason: 'worker-lost' },
      START,
      10,
    );
    expect(event.type).toBe('step.outcome-unknown');
  });

  it('puts things back before it says that it failed, and only if it touched anything (5.10)', () => {
    const fault: FaultFacts = { code: 'disk-full', message: 'm', hint: 'h' };
    const failedEarly = story(requestedBody(), stepStarted('preflight'), {
      type: 'step.failed',
      data: { step: 'preflight', attempt: 1, fault },
    });
    expect(next(failedEarly, START)).toEqual({
      do: 'record',
      events: [{ type: 'run.failed', data: { step: 'preflight', fault } }],
    });
    const failedLate = [
      requestedBody(planOf(null)),
      ...preflightDone,
      stepStarted('dump-database'),
      { type: 'step.failed', data: { step: 'dump-database', attempt: 1, fault } } as const,
    ];
    expect(next(story(...failedLate), START)).toMatchObject({ do: 'step', step: { id: 'discard-set' }, attempt: 1 });
    expect(next(story(...failedLate, ...did('discard-set')), START)).toMatchObject({
      events: [{ type: 'run.failed', data: { step: 'dump-database', fault } }],
    });
  });

  it('succeeds when every step has, without the clean-up', () => {
    const steps = ['dump-database', 'dump-declarative', 'save-files', 'publish-set', 'verify-set'];
    const run = story(requestedBody(planOf(null)), ...preflightDone, ...steps.flatMap((step) => did(step)));
    expect(next(run, START)).toEqual({ do: 'record', events: [{ type: 'run.succeeded', data: {} }] });
  });

  it('a late or repeated outcome of an attempt that has ended changes nothing', () => {
    const bodies = [requestedBody(planOf(null)), ...preflightDone, stepStarted('dump-database', 1)];
    const interrupted: EventBody = {
      type: 'step.interrupted',
      data: { step: 'dump-database', attempt: 1, reason: 'worker-lost', retryAt: START.toISOString() },
    };
    const late: EventBody = { type: 'step.succeeded', data: { step: 'dump-database', attempt: 1, outputs: {} } };
    const again = stepStarted('dump-database', 2);
    expect(story(...bodies, interrupted, again, late).steps['dump-database']).toMatchObject({
      status: 'running',
      attempt: 2,
    });
  });
});

describe('the index of a run', () => {
  it('holds the gateway for one kind of run while it is active, and nothing afterwards (4.4)', () => {
    const at = START.toISOString();
    expect(indexOf(story(requestedBody()), at)).toMatchObject({
      active: true,
      exclusive: 'backup:production',
      state: 'running',
    });
    const ended = story(requestedBody(), { type: 'run.cancelled', data: { reason: 'x' } });
    expect(indexOf(ended, at)).toMatchObject({ active: false, exclusive: null, state: 'cancelled', unsettled: true });
  });

  it('an ended run owes its card and its last message until both are settled or given up', () => {
    const place = { channel: 'C02OPS', ts: '1.1' };
    const bodies: EventBody[] = [
      requestedBody(),
      { type: 'run.cancelled', data: { reason: 'x' } },
      { type: 'message.intended', data: { slot: 'card', channel: 'C02OPS' } },
      { type: 'message.posted', data: { slot: 'card', ...place } },
      { type: 'message.settled', data: { slot: 'card' } },
    ];
    expect(indexOf(story(...bodies), START.toISOString()).unsettled).toBe(true);
    const lost: EventBody[] = [
      { type: 'message.intended', data: { slot: 'ended', channel: 'C02OPS' } },
      { type: 'message.lost', data: { slot: 'ended', why: 'not_in_channel' } },
    ];
    expect(indexOf(story(...bodies, ...lost), START.toISOString()).unsettled).toBe(false);
  });
});
