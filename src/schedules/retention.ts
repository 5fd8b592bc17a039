import { wallTime } from './zone.ts';

/** How many sets of each age are kept; a set may be kept for several reasons. */
export interface Keep {
  readonly last: number;
  readonly daily: number;
  readonly weekly: number;
  readonly monthly: number;
  readonly yearly: number;
  /** Safety backups of restores, and sets that were never verified, stay so many days. */
  readonly safetyDays: number;
}

/** A set at one destination, as far as keeping it goes. */
export interface KeptSet {
  readonly set: string;
  /** ISO; null when no copy of the manifest can be read. */
  readonly createdAt: string | null;
  readonly verified: boolean;
  readonly damaged: boolean;
  /** Taken by a restore before it changed anything. */
  readonly safety: boolean;
  /** Why somebody holds it; null when nobody does. */
  readonly held: string | null;
  /** Runs that use it and have not ended (a restore that holds is one). */
  readonly usedBy: readonly string[];
}

export interface Verdict {
  readonly set: string;
  readonly keep: boolean;
  /** Why it stays, each a short phrase; why it goes, one. */
  readonly why: readonly string[];
}

const DAY_MS = 86_400_000;
const PERIODS = ['daily', 'weekly', 'monthly', 'yearly'] as const;
type Period = (typeof PERIODS)[number];

/**
 * Which sets of one destination stay and why, newest first. Pure. Only verified sets fill the places: one that nobody
 * proved must not push a proven one out. The newest verified set stays whatever the numbers say, an ordinary one if there is one.
 */
export function retain(sets: readonly KeptSet[], keep: Keep, zone: string, now: Date): readonly Verdict[] {
  const newestFirst = [...sets].sort((a, b) => bySetAge(b, a));
  const good = newestFirst.filter(({ verified, damaged, safety }) => verified && !damaged && !safety);
  const places = placesOf(good, keep, zone);
  // A safety backup holds what a restore was to get rid of: it stands in only where there is nothing else.
  const newestVerified = (good[0] ?? newestFirst.find(({ verified, damaged }) => verified && !damaged))?.set;
  return newestFirst.map((set) => {
    const why = [
      ...(set.set === newestVerified ? ['the newest verified set'] : []),
      ...(set.held === null ? [] : [`held: ${set.held}`]),
      ...set.usedBy.map((run) => `${run} uses it`),
      ...(places.get(set.set) ?? []),
      ...apart(set, keep, now),
    ];
    return why.length > 0 ? { set: set.set, keep: true, why } : { set: set.set, keep: false, why: [goes(set)] };
  });
}

/** Reasons that do not depend on the other sets. */
function apart(set: KeptSet, { safetyDays }: Keep, now: Date): readonly string[] {
  if (set.damaged || set.createdAt === null) return ['damaged: left to whoever looks into it'];
  if (!set.safety && set.verified) return [];
  const until = Date.parse(set.createdAt) + safetyDays * DAY_MS;
  if (until <= now.getTime()) return [];
  const what = set.safety ? 'taken before a restore' : 'not verified';
  return [`${what}: stays until ${new Date(until).toISOString().slice(0, 10)}`];
}

function goes({ safety, verified }: KeptSet): string {
  if (safety) return 'taken before a restore, and its time is over';
  return verified ? 'no rule keeps it' : 'never verified, and its time is over';
}

/** Why each set that fills a place fills it: the newest ones, and the newest of each period. */
function placesOf(good: readonly KeptSet[], keep: Keep, zone: string): ReadonlyMap<string, readonly string[]> {
  const why = new Map<string, string[]>();
  const add = (set: string, reason: string): void => void why.set(set, [...(why.get(set) ?? []), reason]);
  good.slice(0, keep.last).forEach(({ set }, index) => add(set, `last ${index + 1} of ${keep.last}`));
  for (const period of PERIODS) {
    const seen = new Set<string>();
    for (const { set, createdAt } of good) {
      const name = periodOf(period, zone, createdAt ?? '');
      if (seen.has(name) || seen.size >= keep[period]) continue;
      seen.add(name);
      add(set, `${period} (${name})`);
    }
  }
  return why;
}

/** The day, ISO week, month or year of a time on the zone's calendar: `2026-11-21`, `2026-W47`, `2026-11`, `2026`. */
function periodOf(period: Period, zone: string, createdAt: string): string {
  const wall = wallTime(zone, Date.parse(createdAt));
  const day = new Date(wall).toISOString();
  switch (period) {
    case 'daily':
      return day.slice(0, 10);
    case 'weekly':
      return weekOf(wall);
    case 'monthly':
      return day.slice(0, 7);
    default:
      return day.slice(0, 4);
  }
}

/** ISO 8601: the week belongs to the year that holds its Thursday. */
function weekOf(wall: number): string {
  const weekday = (new Date(wall).getUTCDay() + 6) % 7;
  const thursday = new Date(wall + (3 - weekday) * DAY_MS);
  const first = Date.UTC(thursday.getUTCFullYear(), 0, 1);
  const week = 1 + Math.floor((thursday.getTime() - first) / (7 * DAY_MS));
  return `${thursday.getUTCFullYear()}-W${String(week).padStart(2, '0')}`;
}

function bySetAge(a: KeptSet, b: KeptSet): number {
  const [left, right] = [a.createdAt ?? '', b.createdAt ?? ''];
  if (left !== right) return left < right ? -1 : 1;
  // Of the same minute: B-9 came before B-10.
  return a.set.length - b.set.length || Number(a.set > b.set) - Number(a.set < b.set);
}
