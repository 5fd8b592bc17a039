import type { Actor, PersonId } from './person.ts';
import type { JsonObject } from './json.ts';
import type { GatePolicy, Plan, RunKind } from './plan.ts';
import type { WatchBody } from '../schedules/event.ts';

/** What went wrong in a neighbour, as it is stored and shown: stable code, one sentence, what to do next. No secrets. */
export interface FaultFacts {
  readonly code: string;
  readonly message: string;
  readonly hint: string;
}

export type Choice = 'go' | 'no-go';

/** Why a running step stopped without an outcome of its own. */
export type InterruptReason = 'worker-lost' | 'shutdown' | 'session-lost' | 'retryable-fault';

/** Everything that can happen to a run. Past tense with a dot. The list is the product: read it first. */
export type EventBody =
  | {
      readonly type: 'run.requested';
      readonly data: {
        readonly kind: RunKind;
        readonly plan: Plan;
        readonly planDigest: string;
        readonly requestedBy: PersonId;
        /** Channel for the card; null when the run belongs to no channel (CLI without Slack). */
        readonly channel: string | null;
        readonly reason?: string;
        readonly retryOf?: string;
        /** Nobody asked: it was due at that time (ISO), and `missed` times before it had passed without an answer. */
        readonly schedule?: { readonly id: string; readonly due: string; readonly missed: number };
        /** Break glass (behaviour 3.1): gates were skipped. Marked EMERGENCY for good. */
        readonly emergency?: { readonly incident: string; readonly unverified?: true };
        /** SHA-256 of the configuration file in force. */
        readonly configDigest: string;
        /** Who could vote on its gates when it was requested, less the requester. Empty without a gate. */
        readonly eligible: readonly PersonId[];
      };
    }
  | { readonly type: 'gate.opened'; readonly data: GateOpened }
  | {
      readonly type: 'gate.superseded';
      /** `changed` names the inputs whose observed hash differs; a new gate opens without votes. */
      readonly data: { readonly gate: string; readonly changed: readonly string[]; readonly observed: Observed };
    }
  | { readonly type: 'gate.reminded'; readonly data: { readonly gate: string; readonly percent: number } }
  | { readonly type: 'gate.expired'; readonly data: { readonly gate: string } }
  | {
      readonly type: 'gate.decided';
      readonly data: {
        readonly gate: string;
        readonly outcome: Choice;
        /** Whose votes filled the seats (go), or who vetoed (no-go). */
        readonly by: readonly PersonId[];
        readonly reason?: string;
      };
    }
  | { readonly type: 'vote.cast'; readonly data: Vote }
  | { readonly type: 'vote.withdrawn'; readonly data: { readonly gate: string; readonly person: PersonId } }
  | { readonly type: 'vote.late'; readonly data: Vote & { readonly why: string } }
  | {
      readonly type: 'step.started';
      readonly data: { readonly step: string; readonly attempt: number; readonly gateDigest?: string };
    }
  | {
      readonly type: 'step.succeeded';
      /** `outputs` are facts for later steps, the card and the manifest: ids, counts, sizes, hashes. */
      readonly data: { readonly step: string; readonly attempt: number; readonly outputs: JsonObject };
    }
  | {
      readonly type: 'step.interrupted';
      readonly data: {
        readonly step: string;
        readonly attempt: number;
        readonly reason: InterruptReason;
        readonly fault?: FaultFacts;
        /** ISO time before which it must not start again. */
        readonly retryAt: string;
      };
    }
  | {
      readonly type: 'step.failed';
      readonly data: { readonly step: string; readonly attempt: number; readonly fault: FaultFacts };
    }
  | { readonly type: 'step.aborted'; readonly data: { readonly step: string; readonly attempt: number } }
  | { readonly type: 'step.outcome-unknown'; readonly data: { readonly step: string; readonly attempt: number } }
  | { readonly type: 'run.cancel-requested'; readonly data: { readonly person: PersonId; readonly reason?: string } }
  /** The way back is open until then. With a fault: something went wrong after the live gateway was touched. */
  | {
      readonly type: 'run.held';
      readonly data: { readonly until: string; readonly step?: string; readonly fault?: FaultFacts };
    }
  | { readonly type: 'rollback.requested'; readonly data: { readonly person: PersonId; readonly reason?: string } }
  | { readonly type: 'close.requested'; readonly data: { readonly person: PersonId; readonly drop: boolean } }
  | { readonly type: 'run.rolled-back'; readonly data: Record<string, never> }
  /** The cause of a rollback was recorded: changes of the gateway are allowed again (behaviour 4.6). */
  | { readonly type: 'gateway.unlocked'; readonly data: { readonly person: PersonId; readonly cause: string } }
  /** Somebody else looked at an emergency afterwards (behaviour 3.3). */
  | { readonly type: 'emergency.reviewed'; readonly data: { readonly person: PersonId; readonly finding: string } }
  | { readonly type: 'run.succeeded'; readonly data: Record<string, never> }
  | { readonly type: 'run.failed'; readonly data: { readonly step: string | null; readonly fault: FaultFacts } }
  | { readonly type: 'run.cancelled'; readonly data: { readonly reason: string } }
  | { readonly type: 'watcher.added'; readonly data: { readonly person: PersonId } }
  | {
      readonly type: 'refusal.recorded';
      readonly data: {
        readonly person: PersonId;
        readonly command: string;
        readonly code: string;
        readonly message: string;
      };
    }
  /** Slack messages of a run. The intent is recorded before the call, so a lost response never posts twice. */
  | { readonly type: 'message.intended'; readonly data: { readonly slot: string; readonly channel: string } }
  | { readonly type: 'message.posted'; readonly data: MessagePlace }
  | { readonly type: 'message.lost'; readonly data: { readonly slot: string; readonly why: string } }
  /** The last drawing of a message of an ended run was delivered: nothing is owed to it any more. */
  | { readonly type: 'message.settled'; readonly data: { readonly slot: string } };

export interface MessagePlace {
  readonly slot: string;
  readonly channel: string;
  /** Slack's message timestamp, which is its id inside the channel. */
  readonly ts: string;
}

/** What was seen of the gateway, each as a digest or short fact, e.g. `{ kongVersion: '3.9.1', database: '…' }`. */
export type Observed = Readonly<Record<string, string>>;

export interface GateOpened {
  /** `B-142.g1`: run id and a counter. */
  readonly gate: string;
  readonly step: string;
  /** Attempt of the step that the gate guards. */
  readonly attempt: number;
  readonly policy: GatePolicy;
  /** SHA-256 over run, step, attempt, plan digest, evidence and observed (behaviour 2.6). */
  readonly digest: string;
  /** Ids of the events that were on the table: `preflight:7` is the step and its version. */
  readonly evidence: readonly string[];
  readonly observed: Observed;
  readonly expiresAt: string;
}

export interface Vote {
  readonly gate: string;
  readonly person: PersonId;
  readonly choice: Choice;
  readonly comment?: string;
}

export type EventType = EventBody['type'];

/** An event as it lies in the log. `at` is ISO 8601 UTC with milliseconds; `version` counts from 1 inside a run. */
export type RunEvent = EventBody & {
  readonly runId: string;
  readonly version: number;
  readonly at: string;
  readonly actor: Actor;
};

/** An event about to be appended: its version follows from the expected one. */
export type NewEvent = EventBody & { readonly at: string; readonly actor: Actor };

/** Events that belong to no run (refused strangers, configuration loads, signed heads) live in this stream. */
export const SYSTEM_STREAM = 'system';

export type SystemBody =
  | WatchBody
  | Extract<EventBody, { type: 'refusal.recorded' }>
  | { readonly type: 'config.loaded'; readonly data: { readonly digest: string; readonly process: string } }
  | {
      readonly type: 'head.signed';
      readonly data: { readonly seq: number; readonly hash: string; readonly key: string; readonly signature: string };
    };
export type NewSystemEvent = SystemBody & { readonly at: string; readonly actor: Actor };
