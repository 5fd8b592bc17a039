import { CronExpressionParser } from 'cron-parser';
import type { CronExpression } from 'cron-parser';
import { instantsOf, wallTime } from './zone.ts';

/** When something happens: five fields (minute, hour, day, month, weekday), read on the clock of a zone. */
export interface Timing {
  readonly cron: string;
  /** IANA, e.g. `Europe/Berlin`. */
  readonly zone: string;
}

const FIVE_FIELDS = /^[\d*,/A-Z-]+( [\d*,/A-Z-]+){4}$/i;
const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
/** No clock is set by more at once (Troll, Antarctica: two hours), so this far around a change the order may differ. */
const SET_BY_MS = 3 * HOUR_MS;
/** Looked back at, until one is found: what runs every minute is found in an hour, what runs every leap day in years. */
const WINDOWS_MS = [1, 25, 8 * 24, 32 * 24, 370 * 24, 9 * 366 * 24].map((hours) => hours * HOUR_MS);
const expressions = new Map<string, CronExpression>();
const pauses = new Map<string, { readonly day: number; readonly seconds: number }>();

/** True for five fields that come to pass at some time; `H`, seconds and nicknames such as @daily are not taken. */
export function isCron(cron: string): boolean {
  if (!FIVE_FIELDS.test(cron) || /\bH/.test(cron)) return false;
  try {
    expressionFrom(cron, Date.UTC(2026, 0, 1)).next();
    return true;
  } catch {
    return false;
  }
}

/**
 * Every time after `after` and up to `until`, in order, at most `most`.
 *
 * The library is asked about a clock that is never set, and each wall time is then placed in the zone: asked about a zone
 * itself, it answers differently before and after a change of the clock, so that a time could count twice or not at all.
 * A time that the clock skips is an hour later that day; one that it shows twice counts the first time, and both times
 * only where every hour is meant.
 */
export function timesBetween(timing: Timing, after: Date, until: Date, most = 1000): readonly Date[] {
  const from = after.getTime();
  const to = until.getTime();
  const found = new Set<number>();
  const expression = expressionFrom(timing.cron, wallTime(timing.zone, from) - SET_BY_MS);
  const everyHour = timing.cron.split(' ')[1] === '*';
  for (;;) {
    const wall = nextWall(expression);
    if (wall === null) break;
    const [first, second] = instantsOf(timing.zone, wall);
    for (const at of everyHour && second !== undefined ? [first, second] : [first]) {
      if (at > from && at <= to) found.add(at);
    }
    if (first > to + SET_BY_MS || found.size > most + 50) break;
  }
  return [...found]
    .sort((a, b) => a - b)
    .slice(0, most)
    .map((at) => new Date(at));
}

/** The first time after `after`; null when there is none within nine years (longer than from leap day to leap day). */
export function nextTime(timing: Timing, after: Date): Date | null {
  for (const window of WINDOWS_MS) {
    const [first] = timesBetween(timing, after, new Date(after.getTime() + window), 1);
    if (first !== undefined) return first;
  }
  return null;
}

/** The last time after `after` and up to `until`; null when there was none. */
export function lastTime(timing: Timing, after: Date, until: Date): Date | null {
  for (const window of WINDOWS_MS) {
    const from = new Date(Math.max(after.getTime(), until.getTime() - window));
    const last = timesBetween(timing, from, until, Number.MAX_SAFE_INTEGER).at(-1);
    if (last !== undefined) return last;
    if (from.getTime() === after.getTime()) return null;
  }
  return null;
}

/**
 * The longest pause between two of the coming times, in seconds: how old a result can be while all is well. Looked at
 * from the start of the day (UTC) of `from`: every look of every process asks, and within a day the answer is the same.
 */
export function longestPause(timing: Timing, from: Date): number {
  const day = Math.floor(from.getTime() / DAY_MS) * DAY_MS;
  const name = `${timing.cron} ${timing.zone}`;
  const known = pauses.get(name);
  if (known?.day === day) return known.seconds;
  const seconds = pauseFrom(timing, new Date(day));
  pauses.set(name, { day, seconds });
  return seconds;
}

function pauseFrom(timing: Timing, from: Date): number {
  let longest = 0;
  let at = nextTime(timing, from);
  // Ten see a weekend, and a month of 31 days.
  for (let seen = 0; seen < 10 && at !== null; seen += 1) {
    const next = nextTime(timing, at);
    if (next !== null) longest = Math.max(longest, (next.getTime() - at.getTime()) / 1000);
    at = next;
  }
  return longest;
}

function expressionFrom(cron: string, wall: number): CronExpression {
  const expression = expressions.get(cron) ?? CronExpressionParser.parse(cron, { tz: 'UTC' });
  expressions.set(cron, expression);
  expression.reset(new Date(wall));
  return expression;
}

function nextWall(expression: CronExpression): number | null {
  try {
    return expression.next().getTime();
  } catch {
    return null;
  }
}
