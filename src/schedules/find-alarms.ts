import type { Finding } from './alarms.ts';
import type { ScheduleState } from './schedule.ts';
import { longestPause } from './cron.ts';

/** When something is an alarm, from the configuration. Absent: from the schedule. */
export interface AlarmRules {
  /** The last verified set may be so old. Absent: the schedule's longest pause and 3 hours. */
  readonly verifiedWithinHours?: number;
  /** The last drill may be so old. Absent: the schedule's longest pause and a day. */
  readonly drilledWithinHours?: number;
}

/** What the log says of a gateway now. Times are ISO. */
export interface GatewayFacts {
  readonly gateway: string;
  readonly rules: AlarmRules;
  readonly schedules: readonly ScheduleState[];
  readonly lastVerifiedAt: string | null;
  readonly lastDrilledAt: string | null;
  /** Destinations that should have the last verified set and have not. */
  readonly missingFrom: readonly string[];
  readonly lastVerifiedSet: string | null;
  /** Kinds of data that exist on the gateway and are not in the last verified set, with a sentence each. */
  readonly gaps: readonly { readonly kind: string; readonly what: string }[];
}

const HOUR_MS = 3_600_000;
/** A backup takes its time, and a drill may wait for a person. */
const GRACE_HOURS = { backup: 3, drill: 24 } as const;
/** What is due for longer and not answered is missed, be it for a restore in its way or a destination that is away. */
const MISSED_MS = HOUR_MS;

export const ALARM_KINDS = [
  'backup-too-old',
  'drill-overdue',
  'backup-failed',
  'drill-failed',
  'backup-missed',
  'drill-missed',
  'too-few-copies',
  'gaps',
] as const;
export type AlarmKind = (typeof ALARM_KINDS)[number];

/** Everything that is wrong with a gateway's backups now. Pure. */
export function findAlarms(facts: GatewayFacts, now: Date): readonly Finding[] {
  return [
    ...tooOld(facts, now),
    ...overdue(facts, now),
    ...facts.schedules.flatMap((schedule) => [...failed(facts, schedule), ...missed(schedule, now)]),
    ...tooFewCopies(facts),
    ...gaps(facts),
  ];
}

function finding(
  gateway: string,
  kind: AlarmKind,
  message: string,
  hint: string,
  about: readonly string[] = [],
): Finding[] {
  return [{ alarm: `${gateway}/${kind}`, gateway, message, hint, about: [...about].sort() }];
}

function tooOld({ gateway, rules, schedules, lastVerifiedAt }: GatewayFacts, now: Date): Finding[] {
  const schedule = schedules.find(({ kind }) => kind === 'backup');
  const hours = rules.verifiedWithinHours ?? hoursOf(schedule, 'backup', now);
  if (hours === null || !isOlder(lastVerifiedAt ?? schedule?.since ?? null, hours, now)) return [];
  const message =
    lastVerifiedAt === null
      ? `${gateway} has no verified backup`
      : `The last verified backup of ${gateway} is of ${lastVerifiedAt}, more than ${inWords(hours)} ago`;
  return finding(
    gateway,
    'backup-too-old',
    message,
    `Make one now (/kong-backup ${gateway}), and look why the last ones failed`,
  );
}

function overdue({ gateway, rules, schedules, lastDrilledAt }: GatewayFacts, now: Date): Finding[] {
  const schedule = schedules.find(({ kind }) => kind === 'drill');
  const hours = rules.drilledWithinHours ?? hoursOf(schedule, 'drill', now);
  if (hours === null || !isOlder(lastDrilledAt ?? schedule?.since ?? null, hours, now)) return [];
  const message =
    lastDrilledAt === null
      ? `No drill has ever restored a backup of ${gateway}`
      : `The last drill that restored a backup of ${gateway} is of ${lastDrilledAt}, more than ${inWords(hours)} ago`;
  return finding(gateway, 'drill-overdue', message, `Run one now: kong-chatops drill ${gateway}`);
}

/** Nothing there yet counts from when the schedule began; without a schedule it is wrong at once. */
function isOlder(at: string | null, hours: number, now: Date): boolean {
  return at === null || now.getTime() - Date.parse(at) > hours * HOUR_MS;
}

function hoursOf(schedule: ScheduleState | undefined, kind: 'backup' | 'drill', now: Date): number | null {
  if (schedule === undefined) return null;
  return longestPause(schedule, new Date(now.getTime() - 60 * 24 * HOUR_MS)) / 3600 + GRACE_HOURS[kind];
}

/** The last time of a schedule came to nothing, and nothing good came after it. */
function failed(facts: GatewayFacts, { id, kind, gateway, last }: ScheduleState): Finding[] {
  if (last === null) return [];
  const good = kind === 'backup' ? facts.lastVerifiedAt : facts.lastDrilledAt;
  if (good !== null && good >= last.due) return [];
  const alarm = kind === 'backup' ? 'backup-failed' : 'drill-failed';
  if (last.refused !== undefined) {
    const message = `The ${kind} of ${gateway} that was due ${last.due} was refused: ${last.refused.message}`;
    return finding(gateway, alarm, message, last.refused.hint, [`${id} ${last.due}`]);
  }
  const { run } = last;
  if (run === undefined || run.outcome === null || run.outcome === 'succeeded') return [];
  const message = `The ${kind} of ${gateway} that was due ${last.due} did not succeed: ${run.id} ${run.outcome}`;
  return finding(gateway, alarm, message, `The card of ${run.id} says why; try it again from there`, [run.id]);
}

function missed({ kind, gateway, owed, waitsFor }: ScheduleState, now: Date): Finding[] {
  if (owed === null || now.getTime() - Date.parse(owed) < MISSED_MS) return [];
  const why = waitsFor === null ? '' : `: ${waitsFor}`;
  const message = `The ${kind} of ${gateway} that was due ${owed} has not begun${why}`;
  const hint = 'It begins by itself as soon as it can; if that takes too long, ask for one by hand';
  return finding(gateway, kind === 'backup' ? 'backup-missed' : 'drill-missed', message, hint);
}

function tooFewCopies({ gateway, missingFrom, lastVerifiedSet }: GatewayFacts): Finding[] {
  if (missingFrom.length === 0 || lastVerifiedSet === null) return [];
  const message = `The last verified set ${lastVerifiedSet} of ${gateway} is not in ${missingFrom.join(', ')}`;
  return finding(gateway, 'too-few-copies', message, 'Look at that destination, then make a new backup', missingFrom);
}

function gaps({ gateway, gaps, lastVerifiedSet }: GatewayFacts): Finding[] {
  if (gaps.length === 0) return [];
  const message = `${lastVerifiedSet ?? 'The last set'} of ${gateway} lacks data: ${gaps.map(({ what }) => what).join('; ')}`;
  const hint = 'Close the gap, or acknowledge it with a reason until a date: then it is not shown as new each night';
  return finding(gateway, 'gaps', message, hint, [...new Set(gaps.map(({ kind }) => kind))]);
}

function inWords(hours: number): string {
  return hours < 72 ? `${Math.round(hours)} hours` : `${Math.round(hours / 24)} days`;
}
