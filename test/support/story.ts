import type { EventBody, RunEvent } from '../../src/runs/event.ts';
import type { Actor, Caller, PersonId, Role, Standing } from '../../src/runs/person.ts';
import type { GatePolicy, Plan } from '../../src/runs/plan.ts';
import type { Run } from '../../src/runs/run.ts';
import { backupPlan } from '../../src/runbooks/backup.ts';
import { fold } from '../../src/runs/evolve.ts';
import { digestOf } from '../../src/runs/json.ts';

/** The people of every story: Alice asks, Bob and Carol approve, Dora does both, Gus is a guest. */
export const ALICE: PersonId = 'T01LOCAL/U01ALICE';
export const BOB: PersonId = 'T01LOCAL/U02BOB';
export const CAROL: PersonId = 'T01LOCAL/U03CAROL';
export const DORA: PersonId = 'T01LOCAL/U04DORA';
export const GUS: PersonId = 'T01LOCAL/U05GUS';

export const START = new Date('2026-11-21T02:00:00.000Z');
export const minutes = (count: number): Date => new Date(START.getTime() + count * 60_000);

export const BOT: Actor = { kind: 'bot', host: 'worker-1', pid: 42 };
export const inSlack = (person: PersonId): Caller => ({ person, via: 'slack' });
export const byCli = (person: PersonId): Caller => ({ person, via: 'cli', host: 'bastion', systemUser: 'someone' });

export function standing(person: PersonId, roles: readonly Role[], groups: readonly string[]): Standing {
  return { person, roles, groups };
}
export const operator = (person: PersonId): Standing => standing(person, ['operator'], ['operators']);
export const approver = (person: PersonId, ...groups: string[]): Standing =>
  standing(person, ['approver'], groups.length === 0 ? ['approvers'] : groups);

export const ONE_APPROVER: GatePolicy = {
  requirements: [{ group: 'approvers', minimum: 1 }],
  expiresSeconds: 3600,
  cli: true,
};
export const TWO_APPROVERS: GatePolicy = { ...ONE_APPROVER, requirements: [{ group: 'approvers', minimum: 2 }] };

export function planOf(policy: GatePolicy | null = ONE_APPROVER, gateway = 'production', deadlineSeconds = 7200): Plan {
  return backupPlan({
    gateway,
    environment: 'production',
    kinds: ['database', 'declarative', 'files'],
    workspaces: 'all',
    destinations: ['main'],
    policy,
    attempts: 3,
    deadlineSeconds,
  });
}

export function requestedBody(plan: Plan = planOf(), requestedBy: PersonId = ALICE): EventBody {
  return {
    type: 'run.requested',
    data: {
      kind: 'backup',
      plan,
      planDigest: digestOf(plan),
      requestedBy,
      channel: 'C02OPS',
      configDigest: 'c'.repeat(64),
      eligible: [BOB, CAROL],
    },
  };
}

export const OBSERVED = { kongVersion: '3.9.1', database: 'd1', workspaces: 'w1', destinations: 'x1' };

/** Bodies to events: versions count up, the clock goes one second a time unless `at` says otherwise. */
export function events(bodies: readonly EventBody[], runId = 'B-142'): RunEvent[] {
  return bodies.map((body, index) => ({
    ...body,
    runId,
    version: index + 1,
    at: new Date(START.getTime() + index * 1000).toISOString(),
    actor: body.type === 'run.requested' ? { kind: 'person', person: body.data.requestedBy, via: 'slack' } : BOT,
  }));
}

/** The run that these bodies tell of. */
export function story(...bodies: readonly EventBody[]): Run {
  const run = fold(events(bodies));
  if (run === null) throw new Error('a story starts with run.requested');
  return run;
}

export const stepStarted = (step: string, attempt = 1): EventBody => ({
  type: 'step.started',
  data: { step, attempt },
});
export const stepDone = (step: string, outputs: Record<string, never> | object = {}, attempt = 1): EventBody =>
  ({ type: 'step.succeeded', data: { step, attempt, outputs } }) as EventBody;
export const did = (step: string, outputs: object = {}): readonly EventBody[] => [
  stepStarted(step),
  stepDone(step, outputs),
];
export const preflightDone = did('preflight', { observed: OBSERVED, kongVersion: '3.9.1' });
