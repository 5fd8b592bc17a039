import type { Caller } from '../../runs/person.ts';
import type { Refusal } from '../../runs/refusal.ts';
import type { AlarmState } from '../../schedules/alarms.ts';
import type { WatchBody } from '../../schedules/event.ts';
import type { AlarmRules } from '../../schedules/find-alarms.ts';
import type { Hold } from '../../schedules/fold.ts';
import type { Keep } from '../../schedules/retention.ts';
import type { Schedule, ScheduleState } from '../../schedules/schedule.ts';

/** A gateway as far as schedules, alarms and retention need to know it. */
export interface WatchedGateway {
  readonly name: string;
  readonly channel: string;
  readonly schedules: readonly Schedule[];
  readonly rules: AlarmRules;
  /** Where its sets belong, and what is kept there; null: everything. */
  readonly destinations: readonly { readonly name: string; readonly keep: Keep | null }[];
  /** Zone of whose calendar the days, weeks, months and years are. */
  readonly zone: string;
}

/** What the watch needs of the world besides the log. */
export interface WatchPorts {
  readonly gateways: readonly WatchedGateway[];
  /** Removes a published set from one destination, its manifest first. Harmless when it is gone. Throws a Fault. */
  remove(place: { readonly destination: string; readonly gateway: string; readonly set: string }): Promise<void>;
  /** Tells the watcher outside that a scheduled run is verified; null when none is configured. Throws a Fault. */
  heartbeat(schedule: string): Promise<void> | null;
}

/** What goes from a destination and what stays there, and why. */
export interface ExpiryPlan {
  readonly destination: string;
  /** Null: nothing is configured for this destination, so everything stays. */
  readonly keep: Keep | null;
  readonly sets: readonly { readonly set: string; readonly keep: boolean; readonly why: readonly string[] }[];
}
export interface Expired {
  readonly set: string;
  readonly destination: string;
  /** Why it is still there; absent: it is gone. */
  readonly problem?: { readonly code: string; readonly message: string; readonly hint: string };
}

export interface AcknowledgeRequest {
  /** `production/backup-too-old`. */
  readonly alarm: string;
  readonly reason: string;
  /** As it was shown, where it was: nobody stands for what went on again or changed since. */
  readonly shown?: Pick<AlarmState, 'episode' | 'changes'> | undefined;
  /** ISO; left out: a week from now. */
  readonly until?: string;
  /** The delivery's own id: the same one twice counts once. */
  readonly key: string;
}
export interface HoldRequest {
  readonly set: string;
  readonly reason: string;
}

type Refused = { readonly ok: false; readonly refusal: Refusal };
export type AlarmAnswer = { readonly ok: true; readonly alarm: AlarmState } | Refused;

/** What people can ask of schedules, alarms and retention; a part of `Operations`. */
export interface WatchOperations {
  schedules(by: Caller): Promise<{ readonly ok: true; readonly schedules: readonly ScheduleState[] } | Refused>;
  /** Those that are on, oldest first. */
  alarms(by: Caller): Promise<{ readonly ok: true; readonly alarms: readonly AlarmState[] } | Refused>;
  acknowledge(request: AcknowledgeRequest, by: Caller): Promise<AlarmAnswer>;
  /** What retention would remove now; changes nothing. */
  planExpiry(
    gateway: string,
    by: Caller,
  ): Promise<{ readonly ok: true; readonly plans: readonly ExpiryPlan[] } | Refused>;
  expire(gateway: string, by: Caller): Promise<{ readonly ok: true; readonly expired: readonly Expired[] } | Refused>;
  hold(request: HoldRequest, by: Caller): Promise<{ readonly ok: true; readonly hold: Hold } | Refused>;
  release(request: HoldRequest, by: Caller): Promise<{ readonly ok: true } | Refused>;
}

/** What status and App Home show of a gateway. */
export interface GatewayWatch {
  readonly schedules: readonly ScheduleState[];
  readonly alarms: readonly AlarmState[];
  /** Sets that somebody keeps from retention, the newest hold last. */
  readonly holds: readonly Hold[];
}

/** Looks at the clock and the log again and again. Any number of bots may: each fact is recorded once. */
export interface Watch {
  /** Starts what is due, raises and clears alarms, tells watchers outside, removes what nobody keeps. */
  tick(): Promise<void>;
  of(gateway: string): Promise<GatewayWatch>;
  /** All alarms that are on or were, for whoever posts them. */
  alarms(): Promise<readonly AlarmState[]>;
  /** Records what became of an alarm's message; false when another bot was first. */
  record(
    event: Extract<WatchBody, { type: 'alarm.posting' | 'alarm.posted' | 'alarm.lost' }>,
    key: string,
  ): Promise<boolean>;
  channelOf(gateway: string): string | null;
}
