import type { PersonId } from '../runs/person.ts';

/** What happens to schedules, alarms and held sets: rows of the system stream, because they belong to no run. */
export type WatchBody =
  /** A timing is in force from now on: nothing before was due. */
  | {
      readonly type: 'schedule.adopted';
      readonly data: {
        readonly schedule: string;
        readonly cron: string;
        readonly zone: string;
        readonly since: string;
        readonly configDigest: string;
      };
    }
  /** It is due and something is in its way that will pass: it runs as soon as that has ended. */
  | {
      readonly type: 'schedule.waiting';
      readonly data: { readonly schedule: string; readonly due: string; readonly message: string };
    }
  | {
      readonly type: 'schedule.refused';
      readonly data: {
        readonly schedule: string;
        readonly due: string;
        readonly code: string;
        readonly message: string;
        readonly hint: string;
        readonly configDigest: string;
      };
    }
  /** The watcher outside was told that a scheduled run is verified, or could not be told. */
  | {
      readonly type: 'schedule.heartbeat';
      readonly data: { readonly schedule: string; readonly run: string; readonly told: boolean; readonly why: string };
    }
  | {
      readonly type: 'alarm.raised';
      readonly data: {
        /** `production/backup-too-old`; episodes of it are counted from 1. */
        readonly alarm: string;
        readonly episode: number;
        readonly gateway: string;
        readonly message: string;
        readonly hint: string;
        /** What it is about, sorted: an acknowledgement covers these and nothing that joins them later. */
        readonly about: readonly string[];
      };
    }
  | {
      readonly type: 'alarm.changed';
      readonly data: {
        readonly alarm: string;
        readonly episode: number;
        readonly message: string;
        readonly hint: string;
        readonly about: readonly string[];
      };
    }
  | {
      readonly type: 'alarm.acknowledged';
      readonly data: {
        readonly alarm: string;
        readonly episode: number;
        readonly person: PersonId;
        readonly reason: string;
        readonly until: string;
        readonly about: readonly string[];
      };
    }
  | {
      readonly type: 'alarm.cleared';
      readonly data: { readonly alarm: string; readonly episode: number; readonly message: string };
    }
  /** Slack messages of an alarm: the intent is recorded before the call, so two bots never post the same one. */
  | { readonly type: 'alarm.posting'; readonly data: AlarmPlace & { readonly attempt: number } }
  | { readonly type: 'alarm.posted'; readonly data: AlarmPlace & { readonly ts: string } }
  | { readonly type: 'alarm.lost'; readonly data: AlarmPlace & { readonly why: string } }
  | {
      readonly type: 'backup.held';
      readonly data: {
        readonly set: string;
        readonly gateway: string;
        readonly person: PersonId;
        readonly reason: string;
      };
    }
  | {
      readonly type: 'backup.released';
      readonly data: {
        readonly set: string;
        readonly gateway: string;
        readonly person: PersonId;
        readonly reason: string;
      };
    }
  /** From here on the set may be half gone at that destination, and is in no list there. */
  | {
      readonly type: 'backup.expiring';
      readonly data: {
        readonly set: string;
        readonly gateway: string;
        readonly destination: string;
        /** What asked for it: `B-142` after which it ran, or the person. */
        readonly after: string;
      };
    }
  | {
      readonly type: 'backup.expired';
      readonly data: { readonly set: string; readonly gateway: string; readonly destination: string };
    }
  /** One bot looks through every destination after this run; if it dies, the next backup's look does it. */
  | {
      readonly type: 'backup.retention';
      readonly data: { readonly gateway: string; readonly after: string };
    }
  /** Between the look and the removal somebody held it or asked for it: it stays. */
  | {
      readonly type: 'backup.spared';
      readonly data: {
        readonly set: string;
        readonly gateway: string;
        readonly destination: string;
        readonly after: string;
        readonly why: readonly string[];
      };
    }
  /** The destination did not let it go; it is tried again after the next backup. */
  | {
      readonly type: 'backup.not-expired';
      readonly data: {
        readonly set: string;
        readonly gateway: string;
        readonly destination: string;
        /** Of the removal that failed; rows of older versions have none. */
        readonly after?: string;
        readonly code: string;
        readonly message: string;
      };
    };

export interface AlarmPlace {
  readonly alarm: string;
  readonly episode: number;
  readonly slot: string;
  readonly channel: string;
}

export type WatchType = WatchBody['type'];
export const WATCH_TYPES = [
  'schedule.adopted',
  'schedule.waiting',
  'schedule.refused',
  'schedule.heartbeat',
  'alarm.raised',
  'alarm.changed',
  'alarm.acknowledged',
  'alarm.cleared',
  'alarm.posting',
  'alarm.posted',
  'alarm.lost',
  'backup.held',
  'backup.released',
  'backup.retention',
  'backup.expiring',
  'backup.expired',
  'backup.spared',
  'backup.not-expired',
] as const satisfies readonly WatchType[];

/** As it lies in the system stream. */
export type WatchEvent = WatchBody & { readonly version: number; readonly at: string };
