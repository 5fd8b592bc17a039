import { describe, expect, it } from 'vitest';
import type { Command } from '../../../src/runs/rules/decide.ts';
import type { EventBody } from '../../../src/runs/event.ts';
import type { Standing } from '../../../src/runs/person.ts';
import { decide } from '../../../src/runs/rules/decide.ts';
import { next } from '../../../src/runs/next.ts';
import {
  ALICE,
  BOB,
  BOT,
  CAROL,
  GUS,
  ONE_APPROVER,
  START,
  TWO_APPROVERS,
  approver,
  byCli,
  events,
  inSlack,
  minutes,
  operator,
  planOf,
  preflightDone,
  requestedBody,
  stepStarted,
  story,
} from '../../support/story.ts';
import { evolve, fold } from '../../../src/runs/evolve.ts';

const GATE = 'B-142.g1';

/** Requested, checked, and waiting at the gate. */
function waiting(policy = ONE_APPROVER, more: readonly EventBody[] = []) {
  const before = [requestedBody(planOf(policy)), ...preflightDone];
  const what = next(story(...before), START);
  if (what.do !== 'record') throw new Error(`expected a gate, got ${what.do}`);
  return [...before, ...what.events, ...more];
}
const vote = (
  standing: Standing,
  choice: 'go' | 'no-go' = 'go',
  more: Partial<Extract<Command, { type: 'vote' }>> = {},
): Command => ({
  type: 'vote',
  gate: GATE,
  choice,
  by: inSlack(standing.person),
  standing,
  voters: [],
  ...more,
});
const cast = (person: string, choice: 'go' | 'no-go' = 'go'): EventBody => ({
  type: 'vote.cast',
  data: { gate: GATE, person, choice },
});

describe('votes (section 2)', () => {
  it('one go of one approver decides a policy of one (2.1)', () => {
    expect(decide(story(...waiting()), vote(approver(BOB)), minutes(1)).events).toEqual([
      cast(BOB),
      { type: 'gate.decided', data: { gate: GATE, outcome: 'go', by: [BOB] } },
    ]);
  });

  it('a policy of two waits for the second (2.1)', () => {
    expect(decide(story(...waiting(TWO_APPROVERS)), vote(approver(BOB)), minutes(1)).events).toEqual([cast(BOB)]);
    const second = vote(approver(CAROL), 'go', { voters: [approver(BOB)] });
    expect(decide(story(...waiting(TWO_APPROVERS, [cast(BOB)])), second, minutes(2)).events.at(-1)).toEqual({
      type: 'gate.decided',
      data: { gate: GATE, outcome: 'go', by: [BOB, CAROL] },
    });
  });

  it('who lost the right since voting does not count when the quorum would complete (1.4)', () => {
    const run = story(...waiting(TWO_APPROVERS, [cast(BOB)]));
    const noLonger: Standing = { person: BOB, roles: [], groups: [] };
    expect(decide(run, vote(approver(CAROL), 'go', { voters: [noLonger] }), minutes(2)).events).toEqual([cast(CAROL)]);
    const unknown = vote(approver(CAROL), 'go', { voters: [] });
    expect(decide(run, unknown, minutes(2)).events).toEqual([cast(CAROL)]);
  });

  it('a requester cannot approve their own run, and the try is recorded (2.2)', () => {
    const both: Standing = { person: ALICE, roles: ['operator', 'approver'], groups: ['approvers'] };
    const { events, refusal } = decide(story(...waiting()), vote(both), minutes(1));
    expect(refusal).toEqual({
      refused: true,
      code: 'own-request',
      message: 'You asked for B-142, so your own go never counts',
      hint: 'Ask another approver, or cancel the run',
    });
    expect(events).toEqual([
      {
        type: 'refusal.recorded',
        data: {
          person: ALICE,
          command: 'vote',
          code: 'own-request',
          message: 'You asked for B-142, so your own go never counts',
        },
      },
    ]);
  });

  it('a requester who presses an old button learns what became of the gate', () => {
    const both: Standing = { person: ALICE, roles: ['operator', 'approver'], groups: ['approvers'] };
    const decided: EventBody = { type: 'gate.decided', data: { gate: GATE, outcome: 'go', by: [BOB] } };
    const { events, refusal } = decide(story(...waiting(), cast(BOB), decided), vote(both), minutes(1));
    expect(refusal?.code).not.toBe('own-request');
    expect(refusal?.message).toMatch(/decided/);
    expect(events.map(({ type }) => type)).toEqual(['refusal.recorded']);
  });

  it('one no-go vetoes, whoever said go before (2.1), and needs a reason (2.5)', () => {
    const run = story(...waiting(TWO_APPROVERS, [cast(BOB)]));
    expect(decide(run, vote(approver(CAROL), 'no-go', { comment: 'short' }), minutes(1)).refusal).toEqual({
      refused: true,
      code: 'reason-needed',
      message: 'A no-go needs a reason of at least 10 characters',
      hint: 'Say what has to change first',
    });
    const comment = 'release freeze until Monday';
    const decision = decide(run, vote(approver(CAROL), 'no-go', { comment }), minutes(1));
    expect(decision.events.at(-1)).toEqual({
      type: 'gate.decided',
      data: { gate: GATE, outcome: 'no-go', by: [CAROL], reason: comment },
    });
  });

  it('an operator who is no approver may not vote, and the try is recorded (1.3)', () => {
    const { events, refusal } = decide(story(...waiting()), vote(operator(BOB)), minutes(1));
    expect(refusal?.code).toBe('not-approver');
    expect(refusal?.message).toBe('You may not decide this gate: only approvers in the group approvers may');
    expect(events[0]?.type).toBe('refusal.recorded');
  });

  it('a guest may do nothing (1.2)', () => {
    const guest: Standing = { ...approver(GUS), problem: 'guest' };
    for (const command of [
      vote(guest),
      { type: 'cancel', by: inSlack(GUS), standing: guest } as const,
      { type: 'watch', by: inSlack(GUS), standing: guest } as const,
      { type: 'withdraw', gate: GATE, by: inSlack(GUS), standing: guest } as const,
    ]) {
      const { events, refusal } = decide(story(...waiting()), command, minutes(1));
      expect(refusal?.code).toBe('not-a-member:guest');
      expect(events.map(({ type }) => type)).toEqual(['refusal.recorded']);
    }
  });

  it('a vote can be changed and withdrawn until the gate is decided (2.4)', () => {
    const run = story(...waiting(TWO_APPROVERS, [cast(BOB)]));
    const withdraw: Command = { type: 'withdraw', gate: GATE, by: inSlack(BOB), standing: approver(BOB) };
    expect(decide(run, withdraw, minutes(1)).events).toEqual([
      { type: 'vote.withdrawn', data: { gate: GATE, person: BOB } },
    ]);
    const nothing: Command = { type: 'withdraw', gate: GATE, by: inSlack(CAROL), standing: approver(CAROL) };
    const refused = decide(run, nothing, minutes(1));
    expect(refused.refusal).toMatchObject({
      message: 'You have no vote on B-142 to withdraw',
      hint: 'Nothing to do',
    });
    expect(refused.events).toEqual([
      {
        type: 'refusal.recorded',
        data: {
          person: CAROL,
          command: 'withdraw',
          code: 'no-vote',
          message: 'You have no vote on B-142 to withdraw',
        },
      },
    ]);
  });

  it('a go may get another comment while the gate is open, which is an event and no second vote (2.4, 2.5)', () => {
    const run = story(...waiting(TWO_APPROVERS, [cast(BOB)]));
    const { events } = decide(run, vote(approver(BOB), 'go', { comment: 'change 4711' }), minutes(1));
    expect(events).toEqual([
      { type: 'vote.cast', data: { gate: GATE, person: BOB, choice: 'go', comment: 'change 4711' } },
    ]);
    const commented = story(...waiting(TWO_APPROVERS, [cast(BOB), ...events]));
    expect(commented.gates[0]?.votes.map(({ person, comment }) => [person, comment])).toEqual([[BOB, 'change 4711']]);
    for (const again of [{ comment: 'change 4711' }, {}]) {
      expect(decide(commented, vote(approver(BOB), 'go', again), minutes(1))).toMatchObject({
        events: [],
        refusal: { code: 'already-voted' },
      });
    }
  });

  it('a withdrawal after the decision or the expiry changes nothing, and the try is recorded (2.4, 9.1)', () => {
    const withdraw: Command = { type: 'withdraw', gate: GATE, by: inSlack(BOB), standing: approver(BOB) };
    const decidedGate: EventBody = { type: 'gate.decided', data: { gate: GATE, outcome: 'go', by: [BOB] } };
    const late = decide(story(...waiting(ONE_APPROVER, [cast(BOB), decidedGate])), withdraw, minutes(3));
    expect(late.events.map(({ type }) => type)).toEqual(['refusal.recorded']);
    expect(late.refusal?.code).toBe('gate-decided');
    const expired = decide(story(...waiting(TWO_APPROVERS, [cast(BOB)])), withdraw, minutes(61));
    expect(expired.events.map(({ type }) => type)).toEqual(['gate.expired', 'refusal.recorded']);
    expect(expired.refusal?.code).toBe('gate-expired');
  });

  it('the same click twice counts once (2.10)', () => {
    const { events, refusal } = decide(story(...waiting(TWO_APPROVERS, [cast(BOB)])), vote(approver(BOB)), minutes(1));
    expect(events).toEqual([]);
    expect(refusal?.message).toBe('Your go on B-142 already counts');
  });

  it('a late vote is recorded without effect and told who decided what (2.4, 2.9)', () => {
    const decidedGate: EventBody = { type: 'gate.decided', data: { gate: GATE, outcome: 'go', by: [BOB] } };
    const run = story(...waiting(ONE_APPROVER, [cast(BOB), decidedGate]));
    const { events, refusal } = decide(run, vote(approver(CAROL)), minutes(3));
    expect(events).toEqual([
      { type: 'vote.late', data: { gate: GATE, person: CAROL, choice: 'go', why: 'gate-decided' } },
    ]);
    expect(refusal?.message).toBe(`This was already decided: go by ${BOB} at 2026-11-21T02:00:05.000Z`);
    expect(refusal?.hint).toBe('See the card of B-142 for where it stands');
  });

  it('a vote after the expiry is late even before anybody recorded the expiry (2.8)', () => {
    const { events, refusal } = decide(story(...waiting()), vote(approver(BOB)), minutes(61));
    expect(events.map(({ type }) => type)).toEqual(['gate.expired', 'vote.late']);
    expect(refusal?.code).toBe('gate-expired');
  });

  it('a policy may refuse votes by CLI (decision 5)', () => {
    const command = vote(approver(BOB), 'go', { by: byCli(BOB) });
    expect(decide(story(...waiting()), command, minutes(1)).events.at(-1)?.type).toBe('gate.decided');
    const { refusal } = decide(story(...waiting({ ...ONE_APPROVER, cli: false })), command, minutes(1));
    expect(refusal?.message).toBe('The policy of production counts no votes by CLI');
  });

  it('a gate that never was is refused without a row', () => {
    const { events, refusal } = decide(
      story(...waiting()),
      { ...vote(approver(BOB)), gate: 'B-142.g9' } as Command,
      minutes(1),
    );
    expect(events).toEqual([]);
    expect(refusal?.message).toBe('There is no gate B-142.g9');
  });
});

describe('cancelling and following', () => {
  it('any operator may cancel a run, which closes its gate', () => {
    const command: Command = { type: 'cancel', by: inSlack(BOB), standing: operator(BOB), reason: 'wrong gateway' };
    const bodies = waiting();
    const { events: news } = decide(story(...bodies), command, minutes(1));
    const run = story(...bodies, ...news);
    expect(run.gates[0]?.status).toBe('closed');
    expect(next(run, minutes(1))).toEqual({
      do: 'record',
      events: [{ type: 'run.cancelled', data: { reason: `cancelled by ${BOB}: wrong gateway` } }],
    });
  });

  it('a running step is wanted no more after a cancel, but a running clean-up is (10)', () => {
    const cancel: EventBody = { type: 'run.cancel-requested', data: { person: ALICE } };
    const running = [requestedBody(planOf(null)), ...preflightDone, stepStarted('dump-database'), cancel];
    expect(next(story(...running), START)).toMatchObject({ do: 'stop', attempt: 1 });
    const aborted: EventBody = { type: 'step.aborted', data: { step: 'dump-database', attempt: 1 } };
    const cleaning = [...running, aborted, stepStarted('discard-set')];
    expect(next(story(...cleaning), START)).toMatchObject({ do: 'running' });
  });

  it('a terminal run takes no command (4.1)', () => {
    const run = story(requestedBody(), { type: 'run.cancelled', data: { reason: 'x' } });
    const command: Command = { type: 'cancel', by: inSlack(ALICE), standing: operator(ALICE) };
    expect(decide(run, command, START).refusal?.message).toBe('B-142 has already ended: cancelled');
    expect(decide(run, { ...command, type: 'watch' }, START).refusal?.code).toBe('already-ended');
  });

  it('somebody who follows a run is told once', () => {
    const command: Command = { type: 'watch', by: inSlack(CAROL), standing: approver(CAROL) };
    expect(decide(story(...waiting()), command, START).events).toEqual([
      { type: 'watcher.added', data: { person: CAROL } },
    ]);
    const watched = story(...waiting(ONE_APPROVER, [{ type: 'watcher.added', data: { person: CAROL } }]));
    expect(decide(watched, command, START).refusal?.code).toBe('already-watching');
  });
});

it('an unknown event of a newer version changes nothing but the version', () => {
  const run = fold(events([requestedBody()]));
  const strange = { type: 'weight.changed', data: {}, runId: 'B-142', version: 2, at: START.toISOString(), actor: BOT };
  expect(evolve(run, strange as never)).toEqual({ ...run, version: 2 });
});
