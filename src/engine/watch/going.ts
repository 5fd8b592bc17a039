import type { Refusal } from '../../runs/refusal.ts';
import type { WatchState } from '../../schedules/fold.ts';
import type { ListedSet } from '../ports.ts';
import { refuse } from '../../runs/refusal.ts';
import { placeKey } from '../../schedules/fold.ts';

/**
 * How long a removal that did not end counts as under way. It takes the manifest first, so a set that a list still shows
 * after this long lost the bot that was about to remove it, and may be held and restored again.
 */
const REMOVAL_MS = 3_600_000;

/**
 * Where the set stays for now: its places without those from which it is being removed, or was since `before`. Whoever
 * wants to keep a set records that first and looks here afterwards; whoever removes one records that first and looks at
 * holds and runs afterwards. So one of the two always sees the other.
 */
export function placesLeft(
  state: WatchState,
  { set, places }: Pick<ListedSet, 'set' | 'places'>,
  now: Date,
  before: WatchState = state,
): ListedSet['places'] {
  const recent = (at: string): boolean => now.getTime() - Date.parse(at) < REMOVAL_MS;
  return places.filter(({ destination }) => {
    const key = placeKey(set, destination);
    if (state.expired.has(key) && !before.expired.has(key)) return false;
    return !state.expiring.some((one) => one.set === set && one.destination === destination && recent(one.at));
  });
}

export function goingNow(set: string): Refusal {
  return refuse(
    'set-expiring',
    `Retention is removing ${set} at this moment, so it can neither be held nor read`,
    'Choose another set; if this one is still listed in a minute, ask again',
  );
}
