import type { PersonId } from '../runs/person.ts';
import type { Timing } from './cron.ts';

export const SCHEDULE_KINDS = ['backup', 'drill'] as const;
export type ScheduleKind = (typeof SCHEDULE_KINDS)[number];

/** What is done at set times to a gateway. At most one of each kind a gateway. */
export interface Schedule extends Timing {
  /** `production/backup`: as people name it, in the CLI and in the trail. */
  readonly id: string;
  readonly gateway: string;
  readonly kind: ScheduleKind;
}

/** What a schedule has come to, from the log alone. */
export interface ScheduleHistory {
  /** Since when this timing is in force: nothing before it was ever due. ISO. */
  readonly since: string;
  /** The last time that was answered, by a run or by a refusal; null: none yet. */
  readonly last: ScheduleAnswer | null;
}

export interface ScheduleAnswer {
  /** The time that was due (ISO), which is not when it started. */
  readonly due: string;
  readonly run?: { readonly id: string; readonly outcome: string | null; readonly verified: boolean };
  readonly refused?: { readonly code: string; readonly message: string; readonly hint: string };
}

/** Where a schedule stands, for status, App Home, alarms and metrics. */
export interface ScheduleState extends Schedule, ScheduleHistory {
  /** ISO; null when its cron never comes again. */
  readonly next: string | null;
  /** A time that came and has no answer yet. */
  readonly owed: string | null;
  /** Why the owed one waits; null when nothing is known to be in its way. */
  readonly waitsFor: string | null;
}

export function scheduleId(gateway: string, kind: ScheduleKind): string {
  return `${gateway}/${kind}`;
}

/** Who asks for a scheduled run: no person, and nobody can be mistaken for it. */
export function scheduleRequester(id: string): PersonId {
  return `schedule/${id}`;
}

/** One answer per schedule and time, whoever gives it and however often: a run or a refusal. */
export function answerKey(id: string, due: string): string {
  return `schedule/${id}/${due}`;
}
