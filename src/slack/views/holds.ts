import type { Hold } from '../../schedules/fold.ts';
import { code, cut, date, escape, named, type Names } from './kit/text.ts';

/** Enough to know what a gateway's old sets are for; `/kong-backups` says it of each. */
const MOST = 3;

/** Under a set: retention leaves it, for whom, why and until when. A hold has no end of its own. */
export function heldLine({ person, at, reason }: Hold, names: Names): string {
  return `📌 *Held* by ${named(person, names)} since ${date(at)}: “${escape(cut(reason, 300))}”. Retention leaves it until an admin ends this: ${code('kong-chatops backup unhold')}`;
}

/** The held sets of a gateway, in a status or on App Home. */
export function heldLines(holds: readonly Hold[], names: Names): readonly string[] {
  const shown = holds
    .slice(0, MOST)
    .map(
      ({ set, person, reason }) =>
        `📌 ${code(set)} is held by ${named(person, names)} until an admin ends it: “${escape(cut(reason, 150))}”`,
    );
  return holds.length > MOST ? [...shown, `📌 … and ${holds.length - MOST} more held`] : shown;
}
