import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { missingSeats, seat } from '../../../src/runs/rules/approval.ts';

const voter = (person: string, ...groups: string[]) => ({ person, groups });

describe('seats of a policy (2.1)', () => {
  it('nobody fills two seats, even if in two groups', () => {
    const both = [
      { group: 'platform', minimum: 1 },
      { group: 'security', minimum: 1 },
    ];
    expect(missingSeats(seat(both, [voter('bob', 'platform', 'security')]))).toEqual([
      { group: 'security', missing: 1 },
    ]);
  });

  it('moves somebody to another seat when that completes the quorum', () => {
    const both = [
      { group: 'platform', minimum: 1 },
      { group: 'security', minimum: 1 },
    ];
    const seats = seat(both, [voter('bob', 'platform', 'security'), voter('carol', 'platform')]);
    expect(seats).toEqual([
      { group: 'platform', person: 'carol' },
      { group: 'security', person: 'bob' },
    ]);
  });

  it('the same person twice is one person', () => {
    const two = [{ group: 'approvers', minimum: 2 }];
    const seats = seat(two, [voter('bob', 'approvers'), voter('bob', 'approvers')]);
    expect(missingSeats(seats)).toEqual([{ group: 'approvers', missing: 1 }]);
  });

  const groups = ['a', 'b', 'c'];
  const people = fc.uniqueArray(
    fc.record({ person: fc.constantFrom('p1', 'p2', 'p3', 'p4', 'p5'), groups: fc.subarray(groups) }),
    { selector: ({ person }) => person, maxLength: 5 },
  );
  const policies = fc.uniqueArray(
    fc.record({ group: fc.constantFrom(...groups), minimum: fc.integer({ min: 1, max: 2 }) }),
    {
      selector: ({ group }) => group,
      minLength: 1,
    },
  );

  it('fills as many seats as trying every arrangement would, whoever votes first', () => {
    fc.assert(
      fc.property(policies, people, (policy, voters) => {
        const seats = seat(policy, voters);
        const filled = seats.filter(({ person }) => person !== null);
        expect(new Set(filled.map(({ person }) => person)).size).toBe(filled.length);
        for (const { group, person } of filled) {
          expect(voters.find((known) => known.person === person)?.groups).toContain(group);
        }
        expect(filled.length).toBe(
          mostSeats(
            policy.flatMap(({ group, minimum }) => Array(minimum).fill(group)),
            voters,
          ),
        );
        expect(seat(policy, [...voters].reverse()).filter(({ person }) => person !== null).length).toBe(filled.length);
      }),
    );
  });
});

/** Brute force: every seat takes every fitting person or nobody. */
function mostSeats(seats: readonly string[], voters: readonly { person: string; groups: readonly string[] }[]): number {
  const [group, ...rest] = seats;
  if (group === undefined) return 0;
  const without = mostSeats(rest, voters);
  const fits = voters.filter((voter) => voter.groups.includes(group));
  return Math.max(
    without,
    ...fits.map(
      (taken) =>
        1 +
        mostSeats(
          rest,
          voters.filter((voter) => voter !== taken),
        ),
    ),
  );
}
