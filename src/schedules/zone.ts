/** Time zones by what a clock on the wall shows. A wall time is written as the milliseconds it would be in UTC. */

const HOUR_MS = 3_600_000;
const formats = new Map<string, Intl.DateTimeFormat>();

/** True for a zone of the IANA database, e.g. `Europe/Berlin`, and for `UTC`. */
export function isZone(zone: string): boolean {
  try {
    formatOf(zone);
    return true;
  } catch {
    return false;
  }
}

/** What the clock shows at an instant (both in milliseconds). */
export function wallTime(zone: string, instant: number): number {
  const parts = new Map(
    formatOf(zone)
      .formatToParts(instant)
      .map(({ type, value }) => [type, Number(value)]),
  );
  const part = (type: Intl.DateTimeFormatPartTypes): number => parts.get(type) ?? 0;
  return Date.UTC(part('year'), part('month') - 1, part('day'), part('hour'), part('minute'), part('second'));
}

/**
 * The instants at which the clock shows this: two where it is set back over it, one otherwise. A time that the clock
 * skips is taken as if it had not been set forward: 02:30 becomes 03:30, not nothing.
 */
export function instantsOf(zone: string, wall: number): readonly [number] | readonly [number, number] {
  const before = wallTime(zone, wall - 24 * HOUR_MS) - (wall - 24 * HOUR_MS);
  const after = wallTime(zone, wall + 24 * HOUR_MS) - (wall + 24 * HOUR_MS);
  const early = wall - before;
  const late = wall - after;
  const isEarly = wallTime(zone, early) === wall;
  const isLate = wallTime(zone, late) === wall;
  if (isEarly && isLate && early !== late) return early < late ? [early, late] : [late, early];
  return [isEarly || !isLate ? early : late];
}

function formatOf(zone: string): Intl.DateTimeFormat {
  const known = formats.get(zone);
  if (known !== undefined) return known;
  const format = new Intl.DateTimeFormat('en-US', {
    timeZone: zone,
    hourCycle: 'h23',
    year: 'numeric',
    month: 'numeric',
    day: 'numeric',
    hour: 'numeric',
    minute: 'numeric',
    second: 'numeric',
  });
  formats.set(zone, format);
  return format;
}
