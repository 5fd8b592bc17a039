import type { JsonObject } from './json.ts';

/** Operations that a person can ask for. More kinds of run arrive with their run-books. */
export type RunKind = 'backup' | 'restore' | 'drill' | 'compare';

/** The letter before a run's number: `B-142`. Ids are said aloud in calls, so they are short and have no case traps. */
export const RUN_LETTER: Readonly<Record<RunKind, string>> = {
  backup: 'B',
  restore: 'R',
  drill: 'D',
  compare: 'C',
};

/** Queues by kind of work (architecture, rule 5). `publish` carries drawing and posting, everything else carries steps. */
export const QUEUES = ['backup', 'restore', 'publish'] as const;
export type QueueName = (typeof QUEUES)[number];
export type StepQueue = Exclude<QueueName, 'publish'>;

/** One group of a policy and how many distinct people of it must say go. */
export interface Requirement {
  readonly group: string;
  readonly minimum: number;
}

/** AND of groups; a person fills one seat, even if in two groups (behaviour 2.1). */
export interface GatePolicy {
  readonly requirements: readonly Requirement[];
  /** Seconds until an undecided gate expires. 300 to 86,400. */
  readonly expiresSeconds: number;
  /** Whether votes by CLI count. */
  readonly cli: boolean;
}

/**
 * What to do with a step whose worker died in the middle:
 * `check`: ask the step whether it is already so, do it again if not; `repeat`: reading only, so do it again;
 * `ask`: nobody can tell, a person decides.
 */
export type Recovery = 'check' | 'repeat' | 'ask';

export interface PlannedStep {
  readonly id: string;
  /** What it does, in operator words, as the card shows it: "Dump the database". */
  readonly title: string;
  readonly queue: StepQueue;
  readonly deadlineSeconds: number;
  /** How often it may start in all before an interruption becomes a failure. */
  readonly attempts: number;
  readonly recovery: Recovery;
  /** How it is undone, or why it need not or cannot be. */
  readonly undo: string;
  /** A go/no-go gate before it. */
  readonly gate?: GatePolicy;
  /** What the gate after it shows: it runs again when that gate is void, so that people see what they approve. */
  readonly shownAtGate?: true;
  /** Runs only when the run fails or is cancelled after anything was started, and puts things back. */
  readonly cleanup?: true;
  /** From its start on the live gateway may differ: what goes wrong afterwards holds for a decision, never cleans up. */
  readonly live?: true;
  /** Belongs to the way back (after a rollback was asked for), or to the end of a hold (the kept database is dropped). */
  readonly phase?: 'undo' | 'close';
}

/** The whole plan of a run, fixed by its first event. What approvers approve is its digest. */
export interface Plan {
  readonly runbook: RunKind;
  readonly gateway: string;
  readonly environment: string;
  readonly parameters: JsonObject;
  /** What at most one run may hold at a time, e.g. `backup:production`, `change:production`. */
  readonly exclusive: string;
  /** After the last step the run is held, its way back open, for so many seconds. Absent: it has succeeded. */
  readonly holdSeconds?: number;
  readonly steps: readonly PlannedStep[];
}
