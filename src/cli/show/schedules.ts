import type { AlarmState } from '../../schedules/alarms.ts';
import type { ScheduleState } from '../../schedules/schedule.ts';
import { isAcknowledged } from '../../schedules/alarms.ts';
import { terminalWords } from '../terminal-words.ts';
import { clock, duration } from './amounts.ts';

/** When a schedule comes next, and what the owed time waits for. */
export function nextText(
  { next, owed, waitsFor }: Pick<ScheduleState, 'next' | 'owed' | 'waitsFor'>,
  now: Date,
): string {
  const coming = next === null ? 'never comes again' : `next ${clock(next)}, in ${until(next, now)}`;
  if (owed === null) return coming;
  return `due ${clock(owed)} and waiting${waitsFor === null ? '' : `: ${waitsFor}`}; ${coming}`;
}

/** An alarm in a line or two. */
export function alarmLines(state: AlarmState, now: Date, name: (person: string) => string): readonly string[] {
  const { alarm, raisedAt, message, hint, acknowledged } = state;
  const stands =
    acknowledged === null || !isAcknowledged(state, now)
      ? []
      : [`    acknowledged by ${name(acknowledged.person)} until ${clock(acknowledged.until)}: ${acknowledged.reason}`];
  return [
    `${alarm}, since ${clock(raisedAt)}`,
    ...[message, hint].map((text) => `    ${terminalWords(text)}`),
    ...stands,
  ];
}

function until(iso: string, now: Date): string {
  return duration((Date.parse(iso) - now.getTime()) / 1000);
}
