import type { Actor, Caller, PersonId } from './person.ts';
import type { Choice, FaultFacts, GateOpened, Observed, Vote } from './event.ts';
import type { JsonObject } from './json.ts';
import type { Plan, RunKind } from './plan.ts';

/** Behaviour 4.1; the ones that a run can be in today. Terminal is terminal: trying again is a new run linked to the old. */
export type RunState =
  | 'waiting'
  | 'running'
  | 'holding'
  | 'rolling-back'
  | 'rolled-back'
  | 'succeeded'
  | 'failed'
  | 'cancelled';

export type StepStatus = 'pending' | 'running' | 'interrupted' | 'succeeded' | 'failed' | 'aborted' | 'outcome-unknown';

export interface StepState {
  readonly status: StepStatus;
  /** How often it has started; 0 before the first time. */
  readonly attempt: number;
  /** Attempts that belong to an earlier asking (a rollback asked for again): they do not count against the limit. */
  readonly before?: number;
  readonly startedAt?: string;
  readonly endedAt?: string;
  readonly startedBy?: Actor;
  /** Version of the event that ended it: names the evidence. */
  readonly endedVersion?: number;
  readonly outputs?: JsonObject;
  readonly fault?: FaultFacts;
  /** Set while interrupted: not before this time. */
  readonly retryAt?: string;
}

export interface Gate extends GateOpened {
  readonly openedAt: string;
  /** `open` takes votes, everything else is final. */
  readonly status: 'open' | Choice | 'expired' | 'superseded' | 'closed';
  readonly votes: readonly (Vote & { readonly at: string; readonly by: Caller })[];
  readonly reminded: readonly number[];
  readonly decidedAt?: string;
  readonly decidedBy?: readonly PersonId[];
  readonly reason?: string;
}

export interface MessageState {
  readonly status: 'intended' | 'posted' | 'lost';
  readonly channel: string;
  readonly intendedAt: string;
  readonly ts?: string;
  readonly settled?: true;
}

/** A run as its events tell it. Made by `evolve` alone. */
export interface Run {
  readonly id: string;
  readonly kind: RunKind;
  readonly version: number;
  readonly plan: Plan;
  readonly planDigest: string;
  readonly requestedBy: PersonId;
  readonly requestedAt: string;
  readonly request: Actor;
  readonly channel: string | null;
  readonly configDigest: string;
  /** Who could vote on its gates when it was requested, less the requester. */
  readonly eligible: readonly PersonId[];
  readonly reason?: string;
  readonly retryOf?: string;
  readonly schedule?: { readonly id: string; readonly due: string; readonly missed: number };
  readonly steps: Readonly<Record<string, StepState>>;
  readonly gates: readonly Gate[];
  /** The newest observation of the gateway: from preflight, or from the check just before a gated step. */
  readonly observed: Observed;
  readonly cancel?: { readonly person: PersonId; readonly at: string; readonly reason?: string };
  /** Set while the way back is open and nothing runs. */
  readonly hold?: {
    readonly since: string;
    readonly until: string;
    readonly step?: string;
    readonly fault?: FaultFacts;
  };
  readonly rollback?: { readonly person: PersonId; readonly at: string; readonly reason?: string };
  readonly close?: { readonly person: PersonId; readonly at: string; readonly drop: boolean };
  readonly unlocked?: { readonly person: PersonId; readonly at: string; readonly cause: string };
  readonly emergency?: { readonly incident: string; readonly unverified?: true };
  readonly reviewed?: { readonly person: PersonId; readonly at: string; readonly finding: string };
  readonly outcome?: 'succeeded' | 'failed' | 'cancelled' | 'rolled-back';
  readonly fault?: FaultFacts;
  readonly failedStep?: string | null;
  readonly cancelReason?: string;
  readonly endedAt?: string;
  readonly watchers: readonly PersonId[];
  readonly messages: Readonly<Record<string, MessageState>>;
  /** Refusals, late votes and the like: shown in the thread and in the audit, without effect. */
  readonly refusals: number;
}
