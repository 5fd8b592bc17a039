import { describe, expect, it } from 'vitest';
import { noWayBack } from '../../../src/runs/rules/decide-after.ts';
import type { AfterCommand } from '../../../src/runs/rules/decide-after.ts';
import type { EventBody, FaultFacts } from '../../../src/runs/event.ts';
import type { Run } from '../../../src/runs/run.ts';
import { decide } from '../../../src/runs/rules/decide.ts';
import { fold } from '../../../src/runs/evolve.ts';
import { digestOf } from '../../../src/runs/json.ts';
import { next, stateOf } from '../../../src/runs/next.ts';
import { indexOf } from '../../../src/runs/run-index.ts';
import { restorePlan } from '../../../src/runbooks/restore.ts';
import {
  ALICE,
  BOB,
  ONE_APPROVER,
  START,
  approver,
  did,
  events,
  inSlack,
  minutes,
  operator,
  planOf,
  stepStarted,
} from '../../support/story.ts';

const plan = restorePlan({
  gateway: 'production',
  environment: 'production',
  strategy: 'database',
  set: 'production-20261121T0200Z-B-1',
  destination: 'main',
  safety: 'backup',
  safetySteps: planOf(null).steps,
  safetyParameters: planOf(null).parameters,
  policy: ONE_APPROVER,
  holdSeconds: 86_400,
  attempts: 3,
  deadlineSeconds: 60,
});
const requested: EventBody = {
  type: 'run.requested',
  data: {
    kind: 'restore',
    plan,
    planDigest: digestOf(plan),
    requestedBy: ALICE,
    channel: 'C02OPS',
    configDigest: 'c'.repeat(64),
    eligible: [BOB],
  },
};
const SAFETY = ['preflight', 'dump-database', 'dump-declarative', 'save-files', 'publish-set', 'verify-set'];
const BEFORE = ['check-set', ...SAFETY, 'restore-scratch', 'preview-change'].flatMap((step) => did(step));
const fault: FaultFacts = { code: 'no-proof', message: 'A node still serves the old routes', hint: 'Restart it' };

const story = (...bodies: readonly EventBody[]): Run => {
  const run = fold(events([requested, ...bodies], 'R-7'));
  if (run === null) throw new Error('a story starts with run.requested');
  return run;
};
const opened = (): readonly EventBody[] => {
  const what = next(story(...BEFORE), START);
  return what.do === 'record' ? what.events : [];
};
const go: EventBody = { type: 'gate.decided', data: { gate: 'R-7.g1', outcome: 'go', by: [BOB] } };
const held: EventBody = { type: 'run.held', data: { until: minutes(24 * 60).toISOString() } };
const live = [...BEFORE, ...opened(), go, ...did('swap-database'), ...did('reload-nodes'), ...did('prove-restore')];
const as = (command: Partial<AfterCommand> & Pick<AfterCommand, 'type'>, person = BOB): AfterCommand =>
  ({ by: inSlack(person), standing: operator(person), ...command }) as AfterCommand;

describe('a restore', () => {
  it('takes a safety backup, restores aside and compares before anybody is asked (6.3, decision 2)', () => {
    expect(opened()).toMatchObject([{ type: 'gate.opened', data: { step: 'swap-database' } }]);
    expect(story(...BEFORE).steps['swap-database']?.attempt).toBe(0);
  });

  it('asks one approver more when the evidence says so (2.12, decision 3)', () => {
    const before = [...BEFORE.slice(0, -2), ...did('preview-change', { approversMore: 1 })];
    const what = next(story(...before), START);
    expect(what).toMatchObject({
      events: [{ data: { policy: { requirements: [{ group: 'approvers', minimum: 2 }] } } }],
    });
  });

  it('holds when it went live, its way back open for a day, and succeeds when that is over (decision 4)', () => {
    expect(next(story(...live), START)).toEqual({ do: 'record', events: [held] });
    const run = story(...live, held);
    expect(stateOf(run)).toBe('holding');
    expect(next(run, minutes(1))).toEqual({ do: 'wait', until: minutes(24 * 60).toISOString() });
    expect(next(run, minutes(24 * 60))).toEqual({ do: 'record', events: [{ type: 'run.succeeded', data: {} }] });
  });

  it('is rolled back by any operator with one command, without a quorum (3.4)', () => {
    const run = story(...live, held);
    const { events: asked } = decide(run, as({ type: 'rollback' }), START);
    expect(asked).toEqual([{ type: 'rollback.requested', data: { person: BOB } }]);
    const back = [...live, held, ...asked];
    expect(stateOf(story(...back))).toBe('rolling-back');
    expect(next(story(...back), START)).toMatchObject({ do: 'step', step: { id: 'swap-back' }, attempt: 1 });
    const undone = ['swap-back', 'reload-back', 'prove-back', 'drop-restored'].flatMap((step) => did(step));
    const done = [...back, ...undone];
    expect(next(story(...done), START)).toEqual({ do: 'record', events: [{ type: 'run.rolled-back', data: {} }] });
  });

  it('can be rolled back while it is going live: what runs is stopped first', () => {
    const going = [...BEFORE, ...opened(), go, stepStarted('swap-database')];
    const asked: EventBody = { type: 'rollback.requested', data: { person: BOB } };
    expect(next(story(...going, asked), START)).toMatchObject({ do: 'stop', step: { id: 'swap-database' } });
    const aborted: EventBody = { type: 'step.aborted', data: { step: 'swap-database', attempt: 1 } };
    expect(next(story(...going, asked, aborted), START)).toMatchObject({ do: 'step', step: { id: 'swap-back' } });
  });

  it('never cleans up by itself what went wrong after the live gateway was touched: it holds and people decide', () => {
    const failed: EventBody = { type: 'step.failed', data: { step: 'prove-restore', attempt: 1, fault } };
    const run = story(...live.slice(0, -2), stepStarted('prove-restore'), failed);
    expect(next(run, START)).toEqual({
      do: 'record',
      events: [{ type: 'run.held', data: { until: minutes(24 * 60).toISOString(), step: 'prove-restore', fault } }],
    });
  });

  it('a rollback that failed holds again and can be asked for again, its attempts counted afresh', () => {
    const asked: EventBody = { type: 'rollback.requested', data: { person: BOB } };
    const failed: EventBody = { type: 'step.failed', data: { step: 'swap-back', attempt: 1, fault } };
    const back = [...live, held, asked, stepStarted('swap-back'), failed];
    const again = next(story(...back), START);
    expect(again).toMatchObject({ do: 'record', events: [{ type: 'run.held', data: { step: 'swap-back', fault } }] });
    const second = story(...back, held, asked);
    expect(second.steps['swap-back']).toEqual({ status: 'pending', attempt: 1, before: 1 });
    expect(next(second, START)).toMatchObject({ do: 'step', step: { id: 'swap-back' }, attempt: 2 });
  });

  it('asked to roll back before anything was touched it is cancelled, and what was prepared is removed', () => {
    const run = story(...BEFORE, ...opened());
    const { events: asked } = decide(run, as({ type: 'rollback', reason: 'wrong set' }), START);
    expect(asked).toEqual([{ type: 'run.cancel-requested', data: { person: BOB, reason: 'wrong set' } }]);
    const after = story(...BEFORE, ...opened(), ...asked);
    expect(next(after, START)).toMatchObject({ do: 'step', step: { id: 'drop-scratch' } });
    expect(next(story(...BEFORE, ...opened(), ...asked, ...did('drop-scratch')), START)).toMatchObject({
      do: 'step',
      step: { id: 'discard-set' },
    });
  });

  it('cannot just be cancelled once the live gateway was touched', () => {
    const run = story(...live, held);
    const { refusal } = decide(run, { type: 'cancel', by: inSlack(BOB), standing: operator(BOB) }, START);
    expect(refusal).toMatchObject({
      message: 'R-7 has already changed production, so it cannot just be cancelled',
      hint: 'Roll it back: that undoes what was changed',
    });
  });

  it('closing ends the way back; the kept database goes only when that was asked for', () => {
    const run = story(...live, held);
    const keep = decide(run, as({ type: 'close', drop: false }), START).events;
    expect(next(story(...live, held, ...keep), START)).toEqual({
      do: 'record',
      events: [{ type: 'run.succeeded', data: {} }],
    });
    const drop = decide(run, as({ type: 'close', drop: true }), START).events;
    expect(next(story(...live, held, ...drop), START)).toMatchObject({ do: 'step', step: { id: 'drop-kept' } });
  });

  it('taken back and not proven, closing it ends as rolled back: the copy goes, and the gateway is locked', () => {
    const asked: EventBody = { type: 'rollback.requested', data: { person: BOB } };
    const failed: EventBody = { type: 'step.failed', data: { step: 'prove-back', attempt: 1, fault } };
    const back = ['swap-back', 'reload-back'].flatMap((step) => did(step));
    const unproven = [...live, held, asked, ...back, stepStarted('prove-back'), failed, held];
    for (const drop of [true, false]) {
      const closed = [...unproven, ...decide(story(...unproven), as({ type: 'close', drop }), START).events];
      expect(next(story(...closed), START)).toMatchObject({ do: 'step', step: { id: 'drop-restored' } });
      expect(next(story(...closed, ...did('drop-restored')), START)).toEqual({
        do: 'record',
        events: [{ type: 'run.rolled-back', data: {} }],
      });
    }
    expect(next(story(...unproven), minutes(24 * 60 + 1))).toMatchObject({ do: 'step', step: { id: 'drop-restored' } });
  });

  it('never made live, closing it ends as failed: the copy goes, and nobody is told that it is restored', () => {
    const failed: EventBody = { type: 'step.failed', data: { step: 'swap-database', attempt: 1, fault } };
    const stuck = [...BEFORE, ...opened(), go, stepStarted('swap-database'), failed, held];
    const closed = [...stuck, ...decide(story(...stuck), as({ type: 'close', drop: true }), START).events];
    expect(next(story(...closed), START)).toMatchObject({ do: 'step', step: { id: 'drop-scratch' } });
    const cleaned = [...closed, ...did('drop-scratch'), ...did('discard-set')];
    const end = { do: 'record', events: [{ type: 'run.failed', data: { step: 'swap-database', fault } }] };
    expect(next(story(...cleaned), START)).toEqual(end);
    expect(next(story(...stuck), minutes(24 * 60 + 1))).toMatchObject({ do: 'step', step: { id: 'drop-scratch' } });
  });

  it('after a rollback the gateway is locked until somebody records the cause (4.6)', () => {
    const rolledBack = [...live, held, { type: 'run.rolled-back', data: {} } as const];
    const locked = story(...rolledBack);
    expect(indexOf(locked, START.toISOString())).toMatchObject({ active: false, exclusive: 'change:production' });
    const refused = decide(locked, as({ type: 'unlock', cause: 'short' }), START).refusal;
    expect(refused?.message).toBe('The cause of a rollback has 10 to 2,000 characters, this one has 5');
    const { events: unlocked } = decide(locked, as({ type: 'unlock', cause: 'the set was of the wrong week' }), START);
    expect(indexOf(story(...rolledBack, ...unlocked), START.toISOString()).exclusive).toBeNull();
    expect(decide(locked, as({ type: 'rollback' }), START).refusal).toMatchObject({
      code: 'already-ended',
      hint: 'There is no way back from here: restore another set',
    });
    expect(noWayBack({ ...locked, kind: 'backup' })).toBe(
      'A backup changes nothing on the gateway, so there is nothing to take back',
    );
  });

  it('somebody who may only see cannot roll back, and the try is recorded', () => {
    const { events: rows, refusal } = decide(
      story(...live, held),
      as({ type: 'rollback', standing: approver(BOB) }),
      START,
    );
    expect(refusal?.code).toBe('not-allowed');
    expect(rows.map(({ type }) => type)).toEqual(['refusal.recorded']);
  });

  it('an emergency is reviewed by somebody else (3.3)', () => {
    const data = { ...(requested.type === 'run.requested' ? requested.data : {}), emergency: { incident: 'INC-1' } };
    const run = fold(events([{ ...requested, data } as EventBody], 'R-7'));
    if (run === null) throw new Error('no run');
    const finding = 'it was right, the database was gone';
    expect(decide(run, as({ type: 'review', finding }, ALICE), START).refusal?.code).toBe('own-emergency');
    expect(decide(run, as({ type: 'review', finding }), START).events).toEqual([
      { type: 'emergency.reviewed', data: { person: BOB, finding } },
    ]);
  });
});
