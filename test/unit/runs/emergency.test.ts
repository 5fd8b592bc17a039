import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { EventBody } from '../../../src/runs/event.ts';
import type { Run } from '../../../src/runs/run.ts';
import { restorePlan } from '../../../src/runbooks/restore.ts';
import { fold } from '../../../src/runs/evolve.ts';
import { digestOf } from '../../../src/runs/json.ts';
import { next } from '../../../src/runs/next.ts';
import { decideRequest, type RunRequest } from '../../../src/runs/rules/request.ts';
import { reviewOverdue, reviewOwed, reviewReminder } from '../../../src/runs/rules/emergency.ts';
import { indexOf } from '../../../src/runs/run-index.ts';
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
  planOf,
  standing,
} from '../../support/story.ts';

const STRATEGIES = ['database', 'declarative', 'files', 'dbless'] as const;
const planFor = (strategy: (typeof STRATEGIES)[number]) =>
  restorePlan({
    gateway: 'production',
    environment: 'production',
    strategy,
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
const plan = planFor('database');

const request: RunRequest = {
  kind: 'restore',
  plan,
  by: inSlack(ALICE),
  standing: standing(ALICE, ['admin'], ['admins']),
  eligible: [approver(BOB)],
  channel: 'C02OPS',
  configDigest: 'c'.repeat(64),
  reason: 'every route answers 404',
  emergency: { incident: 'INC-4711' },
};

function story(of: typeof plan, emergency: boolean, ...bodies: readonly EventBody[]): Run {
  const data = {
    kind: 'restore' as const,
    plan: of,
    planDigest: digestOf(of),
    requestedBy: ALICE,
    channel: null,
    configDigest: 'c'.repeat(64),
    eligible: [BOB],
    ...(emergency ? { emergency: { incident: 'INC-4711' } } : {}),
  };
  const run = fold(events([{ type: 'run.requested', data }, ...bodies], 'R-7'));
  if (run === null) throw new Error('no run');
  return run;
}

describe('an emergency', () => {
  it('skips every gate and nothing else, and names those whose go was skipped (3.1, 3.2)', () => {
    const event = decideRequest(request, START);
    if (!('type' in event) || event.type !== 'run.requested') throw new Error('refused');
    expect(event.data.plan.steps.every(({ gate }) => gate === undefined)).toBe(true);
    expect(event.data.plan.steps.map(({ id }) => id)).toEqual(plan.steps.map(({ id }) => id));
    expect(event.data.planDigest).toBe(digestOf(event.data.plan));
    expect(event.data.eligible).toEqual([BOB]);
    expect(event.data.emergency).toEqual({ incident: 'INC-4711' });
  });

  it('needs nobody who could approve: that is what it is for', () => {
    expect(decideRequest({ ...request, eligible: [] }, START)).toMatchObject({ type: 'run.requested' });
  });

  it.each([
    [
      { standing: standing(ALICE, ['operator'], []) },
      'not-allowed',
      'You may not break glass for production: that needs the role admin',
    ],
    [{ reason: 'too short' }, 'reason-needed', 'Break glass needs a reason of at least 10 characters'],
    [
      { emergency: { incident: ' ' } },
      'incident-needed',
      'Break glass needs the id of an incident, 2 to 100 characters, this one has 0',
    ],
  ] as const)('is refused without its role, reason and incident: %j', (change, code, message) => {
    expect(decideRequest({ ...request, ...change }, START)).toMatchObject({ code, message });
  });

  it('reminds after 24, 48 and 66 hours, and is overdue after 72, until somebody reviewed it (3.3)', () => {
    const run = story(plan, true);
    const hours = (many: number): Date => minutes(many * 60);
    expect([23, 24, 47, 48, 66, 90].map((many) => reviewReminder(run, hours(many)))).toEqual([
      null,
      24,
      24,
      48,
      66,
      66,
    ]);
    expect([71.9, 72].map((many) => reviewOverdue(run, hours(many)))).toEqual([false, true]);
    const reviewed = story(plan, true, { type: 'emergency.reviewed', data: { person: BOB, finding: 'it was needed' } });
    expect([reviewOverdue(reviewed, hours(99)), reviewReminder(reviewed, hours(99))]).toEqual([false, null]);
    expect(reviewOwed(run)).toMatchObject({
      code: 'review-overdue',
      message: `production takes no normal runs: nobody reviewed the emergency R-7 by ${ALICE} within 72 hours`,
      hint: `Let somebody other than ${ALICE} look at R-7 and record what they found: /kong-review R-7, or kong-chatops review R-7`,
    });
  });

  it('stays among the open runs after its end until it was reviewed, also without a channel', () => {
    const ended = [{ type: 'run.cancelled', data: { reason: 'no need any more' } }] as const;
    expect(indexOf(story(plan, true, ...ended), START.toISOString())).toMatchObject({ active: false, unsettled: true });
    expect(indexOf(story(plan, false, ...ended), START.toISOString())).toMatchObject({
      active: false,
      unsettled: false,
    });
    const reviewed = { type: 'emergency.reviewed', data: { person: BOB, finding: 'it was needed' } } as const;
    expect(indexOf(story(plan, true, ...ended, reviewed), START.toISOString()).unsettled).toBe(false);
  });
});

type Strategy = (typeof STRATEGIES)[number];

/** Everything before the gate of a restore, done. */
function toTheGate(strategy: Strategy) {
  const of = planFor(strategy);
  const gated = of.steps.findIndex(({ gate }) => gate !== undefined);
  const before = of.steps.slice(0, gated).filter(({ cleanup, phase }) => cleanup !== true && phase === undefined);
  const told: readonly EventBody[] = before.flatMap(({ id }) => did(id, { observed: { configuration: 'c0' } }));
  return { of, told, shown: before.at(-1)?.id ?? '', step: of.steps[gated]?.id ?? '' };
}

function openingOf(run: Run) {
  const wanted = next(run, START);
  const [opened] = wanted.do === 'record' ? wanted.events : [];
  if (opened?.type !== 'gate.opened') throw new Error('no gate opened');
  return opened;
}

/** The gate opens, people may have said go and the step begun to look, and the gateway has changed. */
function voided(run: Run, step: string, observed: Record<string, string>, decided: boolean): readonly EventBody[] {
  const opened = openingOf(run);
  const { gate, digest: gateDigest } = opened.data;
  const went: readonly EventBody[] = [
    { type: 'gate.decided', data: { gate, outcome: 'go', by: [BOB] } },
    { type: 'step.started', data: { step, attempt: 1, gateDigest } },
  ];
  return [
    opened,
    ...(decided ? went : []),
    { type: 'gate.superseded', data: { gate, changed: ['configuration'], observed } },
  ];
}

describe('a gate that is void', () => {
  it('opens again only after what it showed was made anew, whatever the strategy and whoever had voted (2.6, 2.7)', () => {
    const cases = fc.record({
      strategy: fc.constantFrom(...STRATEGIES),
      rounds: fc.array(fc.boolean(), { minLength: 1, maxLength: 3 }),
    });
    fc.assert(
      fc.property(cases, ({ strategy, rounds }) => {
        const { of, told: before, shown, step } = toTheGate(strategy);
        let told = before;
        for (const [round, decided] of rounds.entries()) {
          const observed = { configuration: `c${round + 1}` };
          told = [...told, ...voided(story(of, false, ...told), step, observed, decided)];
          const now = story(of, false, ...told);
          const attempt = (now.steps[shown]?.attempt ?? 0) + 1;
          expect(next(now, START)).toMatchObject({ do: 'step', step: { id: shown, shownAtGate: true }, attempt });
          const again = { step: shown, attempt };
          told = [
            ...told,
            { type: 'step.started', data: again },
            { type: 'step.succeeded', data: { ...again, outputs: { observed } } },
          ];
        }
        const opened = openingOf(story(of, false, ...told));
        expect(opened.data.observed).toEqual({ configuration: `c${rounds.length}` });
        expect(story(of, false, ...told, opened).gates.at(-1)?.votes).toEqual([]);
      }),
      { numRuns: 100 },
    );
  });
});
