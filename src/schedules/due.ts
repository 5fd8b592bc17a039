import type { Schedule, ScheduleHistory } from './schedule.ts';
import { lastTime, nextTime, timesBetween } from './cron.ts';

/** A time that has come and was not answered. */
export interface Owed {
  readonly due: Date;
  /** Times before it that nobody answered either: they are not made up for one by one. At most 100 are counted. */
  readonly missed: number;
}

/**
 * What a schedule owes now: the newest time that came since the last answer (or since the schedule exists), and how many
 * came before it unanswered. So a night without any bot is caught up once, and a new schedule owes no past. Pure.
 */
export function owedBy(schedule: Schedule, { since, last }: ScheduleHistory, now: Date): Owed | null {
  const from = new Date(Math.max(Date.parse(since), last === null ? 0 : Date.parse(last.due)));
  const due = lastTime(schedule, from, now);
  if (due === null) return null;
  return { due, missed: timesBetween(schedule, from, due, 101).length - 1 };
}

/** The next time that is still to come. */
export function nextOf(schedule: Schedule, now: Date): Date | null {
  return nextTime(schedule, now);
}
