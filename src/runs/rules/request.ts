import type { NewEvent } from '../event.ts';
import type { Caller, PersonId, Standing } from '../person.ts';
import type { Plan, RunKind } from '../plan.ts';
import type { Refusal } from '../refusal.ts';
import { digestOf } from '../json.ts';
import { holds } from '../person.ts';
import { lackOf, mayVote, seatsOutOfReach } from './approval.ts';
import { refuse } from '../refusal.ts';
import { withoutGates } from './emergency.ts';
import { notAllowed, notInGoodStanding } from '../words/wording.ts';

export interface RunRequest {
  readonly kind: RunKind;
  readonly plan: Plan;
  readonly by: Caller;
  readonly standing: Standing;
  /** Everybody who could vote on the plan's gates right now. */
  readonly eligible: readonly Standing[];
  readonly channel: string | null;
  readonly configDigest: string;
  readonly reason?: string;
  readonly retryOf?: string;
  /** Break glass: its gates are skipped; one admin suffices, with a reason and the incident (behaviour 3.1). */
  readonly emergency?: Emergency;
}

/** `incident` names the incident elsewhere; `unverified`: a set that was never read back is taken all the same. */
export interface Emergency {
  readonly incident: string;
  readonly unverified?: true;
}

/**
 * May this person start this run? The first event of it, with the whole plan, or a refusal. A policy that too few
 * people could meet is refused here and not at the gate (behaviour 2.3).
 */
export function decideRequest(request: RunRequest, now: Date): NewEvent | Refusal {
  const { by } = request;
  const plan = request.emergency === undefined ? request.plan : withoutGates(request.plan);
  const refusal = rightRefusal(request) ?? reasonRefusal(request) ?? incidentRefusal(request);
  if (refusal !== null) return refusal;
  // Of an emergency these are the people whom it skips: they are told, and one of them reviews it.
  const eligible = eligibleFor(request.plan, request.eligible, by.person);
  const unmet = unmetPolicy(plan, eligible, by.person);
  if (unmet !== null) return unmet;
  return {
    type: 'run.requested',
    at: now.toISOString(),
    actor: { kind: 'person', ...by },
    data: {
      kind: request.kind,
      plan,
      planDigest: digestOf(plan),
      requestedBy: by.person,
      channel: request.channel,
      configDigest: request.configDigest,
      eligible: eligible.map(({ person }) => person),
      ...(request.reason === undefined ? {} : { reason: request.reason }),
      ...(request.retryOf === undefined ? {} : { retryOf: request.retryOf }),
      ...(request.emergency === undefined ? {} : { emergency: request.emergency }),
    },
  };
}

function rightRefusal({ standing, kind, plan, emergency }: RunRequest): Refusal | null {
  if (standing.problem !== undefined) return notInGoodStanding(standing.problem);
  if (emergency !== undefined)
    return holds(standing, 'admin') ? null : notAllowed(`break glass for ${plan.gateway}`, 'admin');
  return holds(standing, 'operator') ? null : notAllowed(`request a ${kind} of ${plan.gateway}`, 'operator');
}

function reasonRefusal({ reason = '', emergency }: RunRequest): Refusal | null {
  if (emergency !== undefined && reason.trim().length < 10) {
    return refuse('reason-needed', 'Break glass needs a reason of at least 10 characters', 'Say what is broken');
  }
  if (reason.length <= 2000) return null;
  return refuse('too-long', 'A reason has at most 2,000 characters', 'Shorten it and ask again');
}

function incidentRefusal({ emergency }: RunRequest): Refusal | null {
  const length = emergency?.incident.trim().length ?? 2;
  if (length >= 2 && length <= 100) return null;
  return refuse(
    'incident-needed',
    `Break glass needs the id of an incident, 2 to 100 characters, this one has ${length}`,
    'Open an incident first and give its id, e.g. INC-4711',
  );
}

/** Names of the groups that the plan's gates ask. */
export function gateGroups(plan: Plan): readonly string[] {
  return [...new Set(plan.steps.flatMap(({ gate }) => gate?.requirements.map(({ group }) => group) ?? []))];
}

function eligibleFor(plan: Plan, people: readonly Standing[], requester: PersonId): readonly Standing[] {
  const requirements = plan.steps.flatMap(({ gate }) => gate?.requirements ?? []);
  return people.filter((standing) => standing.person !== requester && mayVote(requirements, standing));
}

function unmetPolicy(plan: Plan, eligible: readonly Standing[], requester: PersonId): Refusal | null {
  for (const { gate } of plan.steps) {
    const missing = gate === undefined ? [] : seatsOutOfReach(gate.requirements, eligible, requester);
    if (missing.length > 0) {
      return refuse(
        'policy-unmet',
        `Nobody could approve this: the policy of ${plan.gateway} needs ${lackOf(missing)} besides the requester (${requester})`,
        'Let somebody else request it, or have the groups filled in the configuration or in Slack',
      );
    }
  }
  return null;
}
