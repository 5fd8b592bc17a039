import type { Requirement } from '../plan.ts';
import type { PersonId, Standing } from '../person.ts';
import { holds } from '../person.ts';

interface Voter {
  readonly person: PersonId;
  readonly groups: readonly string[];
}

/** One seat of a policy, and who sits in it. */
export interface Seat {
  readonly group: string;
  readonly person: PersonId | null;
}

/**
 * Seats people into a policy's seats so that as many seats as possible are filled and nobody fills two
 * (behaviour 2.1). A maximum bipartite matching: with Bob in two groups and Carol in one, seating Bob first in Carol's
 * only seat must not lose the quorum.
 */
export function seat(requirements: readonly Requirement[], voters: readonly Voter[]): readonly Seat[] {
  const seats = requirements.flatMap(({ group, minimum }) => Array.from({ length: minimum }, () => group));
  const taken: (Voter | null)[] = seats.map(() => null);
  const place = (voter: Voter, tried: Set<number>): boolean => {
    const fitting = seats.map((_, index) => index).filter((index) => voter.groups.includes(seats[index] ?? ''));
    // An empty seat first: who sits already moves only when there is no other way.
    const inOrder = [...fitting].sort((a, b) => Number(taken[a] !== null) - Number(taken[b] !== null));
    return inOrder.some((index) => {
      if (tried.has(index)) return false;
      tried.add(index);
      const sitting = taken[index];
      if (sitting !== null && sitting !== undefined && !place(sitting, tried)) return false;
      taken[index] = voter;
      return true;
    });
  };
  for (const voter of uniqueByPerson(voters)) place(voter, new Set());
  return seats.map((group, index) => ({ group, person: taken[index]?.person ?? null }));
}

/** Seats by group: `[{ group: 'approvers', missing: 1 }]`. */
export type Lacking = readonly { readonly group: string; readonly missing: number }[];

/** Seats still empty. Empty means that the quorum is complete. */
export function missingSeats(seats: readonly Seat[]): Lacking {
  const missing = new Map<string, number>();
  for (const { group, person } of seats) if (person === null) missing.set(group, (missing.get(group) ?? 0) + 1);
  return [...missing].map(([group, count]) => ({ group, missing: count }));
}

/**
 * Seats that stay empty whoever votes, by group, when this person asks: whoever asks does not vote, and nobody fills two.
 * Empty: a go is possible.
 */
export function seatsOutOfReach(
  requirements: readonly Requirement[],
  people: readonly Standing[],
  requester: PersonId | null,
): Lacking {
  const voters = people.filter((standing) => standing.person !== requester && mayVote(requirements, standing));
  return missingSeats(seat(requirements, voters));
}

/** `1 more of approvers and 2 more of security`. */
export function lackOf(lacking: Lacking): string {
  return lacking.map(({ group, missing }) => `${missing} more of ${group}`).join(' and ');
}

/** May this person's vote count on a gate with these requirements, apart from being the requester? */
export function mayVote(requirements: readonly Requirement[], standing: Standing): boolean {
  return holds(standing, 'approver') && requirements.some(({ group }) => standing.groups.includes(group));
}

function uniqueByPerson(voters: readonly Voter[]): readonly Voter[] {
  return [...new Map(voters.map((voter) => [voter.person, voter])).values()];
}
