import fc from 'fast-check';
import type { Command } from '../../src/runs/rules/decide.ts';
import type { EventBody, RunEvent } from '../../src/runs/event.ts';
import type { Standing } from '../../src/runs/person.ts';
import type { Run } from '../../src/runs/run.ts';
import { decide } from '../../src/runs/rules/decide.ts';
import { evolve } from '../../src/runs/evolve.ts';
import { next } from '../../src/runs/next.ts';
import { endOfAttempt } from '../../src/runs/outcome.ts';
import { ALICE, BOB, BOT, CAROL, DORA, GUS, OBSERVED, START, inSlack, planOf, requestedBody } from './story.ts';

const fault = fc.record({
  code: fc.constantFrom('unreachable', 'permission', 'disk-full'),
  message: fc.string({ maxLength: 400 }),
  hint: fc.string({ maxLength: 400 }),
});
const person = fc.constantFrom(ALICE, BOB, CAROL, DORA, GUS);

/** Something that happens in a story: people act, steps end, time passes. */
const happening = fc.oneof(
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant('vote' as const),
      person,
      go: fc.boolean(),
      comment: fc.string({ minLength: 10, maxLength: 60 }),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('withdraw' as const), person }) },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant('cancel' as const), person, reason: fc.string({ maxLength: 50 }) }),
  },
  { weight: 8, arbitrary: fc.record({ kind: fc.constant('done' as const), text: fc.string({ maxLength: 30 }) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('fail' as const), fault, retryable: fc.boolean() }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('die' as const) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('pass' as const), minutes: fc.integer({ min: 0, max: 70 }) }) },
);
type Happening = typeof happening extends fc.Arbitrary<infer T> ? T : never;

/** A story as it was told: its events and the run after each of them. */
export interface Told {
  readonly events: readonly RunEvent[];
  readonly runs: readonly Run[];
  readonly now: Date;
}

/** Any story that the pure functions allow, from the request on, possibly cut off in the middle. */
export const arbitraryStory: fc.Arbitrary<Told> = fc
  .record({
    approvers: fc.integer({ min: 0, max: 2 }),
    gateway: fc.constantFrom('production', 'staging'),
    happenings: fc.array(happening, { maxLength: 30 }),
  })
  .map(({ approvers, gateway, happenings }) => tell(approvers, gateway, happenings));

/** The run at the end of any story. */
export const arbitraryRun: fc.Arbitrary<Run> = arbitraryStory.map(({ runs }) => runs.at(-1) as Run);

function tell(approvers: number, gateway: string, happenings: readonly Happening[]): Told {
  const policy = { requirements: [{ group: 'approvers', minimum: approvers }], expiresSeconds: 3600, cli: true };
  const told: { events: RunEvent[]; runs: Run[] } = { events: [], runs: [] };
  let now = START;
  const append = (bodies: readonly EventBody[]): void => {
    for (const body of bodies) {
      const event = { ...body, runId: 'B-142', version: told.events.length + 1, at: now.toISOString(), actor: BOT };
      const run = evolve(told.runs.at(-1) ?? null, event);
      told.events.push(event);
      if (run !== null) told.runs.push(run);
    }
  };
  const settle = (): void => {
    for (let turns = 0; turns < 10; turns += 1) {
      const what = next(told.runs.at(-1) as Run, now);
      if (what.do === 'record') append(what.events);
      else if (what.do === 'step')
        append([{ type: 'step.started', data: { step: what.step.id, attempt: what.attempt } }]);
      else if (what.do === 'stop')
        append([{ type: 'step.aborted', data: { step: what.step.id, attempt: what.attempt } }]);
      else return;
    }
  };
  append([requestedBody(planOf(approvers === 0 ? null : policy, gateway))]);
  settle();
  for (const one of happenings) {
    now = new Date(now.getTime() + (one.kind === 'pass' ? one.minutes * 60_000 : 1000));
    append(consequences(told.runs.at(-1) as Run, one, now));
    settle();
  }
  return { ...told, now };
}

function consequences(run: Run, one: Happening, now: Date): readonly EventBody[] {
  if (one.kind === 'vote' || one.kind === 'withdraw' || one.kind === 'cancel')
    return decide(run, asCommand(run, one), now).events;
  const running = run.plan.steps.find(({ id }) => run.steps[id]?.status === 'running');
  if (running === undefined || one.kind === 'pass') return [];
  const attempt = run.steps[running.id]?.attempt ?? 1;
  const data = { step: running.id, attempt };
  if (one.kind === 'done')
    return [{ type: 'step.succeeded', data: { ...data, outputs: outputsOf(running.id, one.text) } }];
  if (one.kind === 'die')
    return [endOfAttempt(running, attempt, { kind: 'interrupted', reason: 'worker-lost' }, now, 10)];
  return [
    one.retryable
      ? endOfAttempt(running, attempt, { kind: 'interrupted', reason: 'retryable-fault', fault: one.fault }, now, 10)
      : { type: 'step.failed', data: { ...data, fault: one.fault } },
  ];
}

function asCommand(run: Run, one: Extract<Happening, { kind: 'vote' | 'withdraw' | 'cancel' }>): Command {
  const standing = standingOf(one.person);
  const by = inSlack(one.person);
  const gate = run.gates.at(-1)?.gate ?? 'B-142.g1';
  if (one.kind === 'cancel') return { type: 'cancel', reason: one.reason, by, standing };
  if (one.kind === 'withdraw') return { type: 'withdraw', gate, by, standing };
  const voters = run.gates.at(-1)?.votes.map((vote) => standingOf(vote.person)) ?? [];
  return { type: 'vote', gate, choice: one.go ? 'go' : 'no-go', comment: one.comment, by, standing, voters };
}

/** Alice operates, Bob and Carol approve, Dora does both, Gus is a guest. */
export function standingOf(person: string): Standing {
  if (person === ALICE) return { person, roles: ['operator'], groups: ['operators'] };
  if (person === GUS) return { person, roles: ['approver'], groups: ['approvers'], problem: 'guest' };
  const roles = person === DORA ? (['operator', 'approver'] as const) : (['approver'] as const);
  return { person, roles, groups: ['approvers'] };
}

function outputsOf(step: string, text: string) {
  const artifact = {
    kind: 'database',
    name: `database ${text}`,
    bytes: 1e9,
    sha256: 'a'.repeat(64),
    tool: 'pg_dump',
    toolVersion: '15.18',
    seconds: 61,
    facts: { tables: 31, rows: 5120 },
  };
  const gaps = [{ kind: 'keys', count: 3, what: `3 keys ${text}`, why: 'decK 1.29.2 knows no keys' }];
  const places = [{ destination: 'main', path: `/var/backups/kong/${text}` }];
  if (step === 'preflight') {
    return {
      kongVersion: '3.9.1',
      edition: 'community',
      databaseKind: 'postgres',
      workspaces: ['default'],
      checks: [{ name: 'Admin API', detail: text }],
      tools: { pg_dump: '15.18' },
      databaseBytes: 3e8,
      tables: 31,
      observed: OBSERVED,
    };
  }
  if (step === 'publish-set')
    return { set: 'production-20261121T0200Z-B-142', bytes: 1e9, manifestSha256: 'b'.repeat(64), gaps, places };
  if (step === 'verify-set')
    return { set: 'production-20261121T0200Z-B-142', verifiedAt: START.toISOString(), bytesRead: 1e9, places };
  return step === 'discard-set' ? {} : { artifacts: [artifact], gaps };
}
