import type { ScheduleState } from '../../schedules/schedule.ts';
import { duration, escape, readable, secondsBetween, date, type Names } from './kit/text.ts';

/** One line for each schedule of a gateway: when it comes next, what became of the last time, what it waits for. */
export function scheduleLines(schedules: readonly ScheduleState[], now: Date, names: Names): readonly string[] {
  return schedules.map((schedule) => `🕑 ${line(schedule, now, names)}`);
}

function line({ kind, next, owed, waitsFor, last }: ScheduleState, now: Date, names: Names): string {
  const coming =
    next === null ? 'never comes again' : `${date(next)} (in ${duration(secondsBetween(now.toISOString(), next))})`;
  const what = kind === 'backup' ? 'Next backup' : 'Next drill';
  if (owed !== null) {
    const why = waitsFor === null ? '' : `: ${readable(waitsFor, names)}`;
    return `${kind === 'backup' ? 'Backup' : 'Drill'} due ${date(owed)} waits${why}. ${what}: ${coming}.`;
  }
  const refused = last?.refused === undefined ? '' : ` Last refused: ${readable(last.refused.message, names)}.`;
  return `${what}: ${coming}.${refused}`;
}

/** The same for screen readers: one short sentence, or nothing. */
export function scheduleSentence(schedules: readonly ScheduleState[]): string {
  const coming = schedules.flatMap(({ kind, next }) => (next === null ? [] : [`next ${kind} ${date(next)}`]));
  return coming.length === 0 ? '' : `; ${coming.map((text) => escapeOnce(text)).join(', ')}`;
}

/** Dates carry Slack's own markup and are safe already; kinds are ours. */
function escapeOnce(text: string): string {
  return text.includes('<!date') ? text : escape(text);
}
