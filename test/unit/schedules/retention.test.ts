import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { retain, type Keep, type KeptSet } from '../../../src/schedules/retention.ts';

const NOW = new Date('2026-11-21T12:00:00Z');
const DAY = 86_400_000;
const RULES: Keep = { last: 2, daily: 3, weekly: 2, monthly: 2, yearly: 1, safetyDays: 30 };

const made = (daysAgo: number, more: Partial<KeptSet> = {}): KeptSet => {
  const createdAt = new Date(NOW.getTime() - daysAgo * DAY).toISOString();
  const fresh = { verified: true, damaged: false, safety: false, held: null, usedBy: [] };
  return { set: `blue-${createdAt.slice(0, 10)}-${daysAgo}`, createdAt, ...fresh, ...more };
};
const arbitrarySet = fc
  .record({
    daysAgo: fc.integer({ min: 0, max: 900 }),
    verified: fc.boolean(),
    damaged: fc.boolean(),
    safety: fc.boolean(),
    held: fc.option(fc.constant('audit 2026')),
    usedBy: fc.constantFrom<readonly string[]>([], ['R-7']),
  })
  .map(({ daysAgo, ...more }) => made(daysAgo, more));
const arbitrarySets = fc.uniqueArray(arbitrarySet, { selector: ({ set }) => set, maxLength: 60 });
const number = fc.nat(6);
const arbitraryRules = fc.record({
  last: number,
  daily: number,
  weekly: number,
  monthly: number,
  yearly: number,
  safetyDays: fc.nat(60),
});

describe('what a destination keeps', () => {
  test('is the last ones and the newest of each day, week, month and year, each with its reason', () => {
    const sets = Array.from({ length: 400 }, (_, day) => made(day));
    const kept = retain(sets, RULES, 'UTC', NOW).filter(({ keep }) => keep);
    expect(kept.map(({ set, why }) => [set.slice(5, 15), why])).toEqual([
      [
        '2026-11-21',
        [
          'the newest verified set',
          'last 1 of 2',
          'daily (2026-11-21)',
          'weekly (2026-W47)',
          'monthly (2026-11)',
          'yearly (2026)',
        ],
      ],
      ['2026-11-20', ['last 2 of 2', 'daily (2026-11-20)']],
      ['2026-11-19', ['daily (2026-11-19)']],
      ['2026-11-15', ['weekly (2026-W46)']],
      ['2026-10-31', ['monthly (2026-10)']],
    ]);
  });

  test('never lacks the newest verified set, a held one, one that a run uses, or a safety backup before its time', () => {
    fc.assert(
      fc.property(arbitrarySets, arbitraryRules, (sets, rules) => {
        const goes = new Set(retain(sets, rules, 'Europe/Berlin', NOW).flatMap(({ set, keep }) => (keep ? [] : [set])));
        const proven = sets.filter(({ verified, damaged }) => verified && !damaged);
        const ordinary = proven.filter(({ safety }) => !safety);
        const newest = (ordinary.length > 0 ? ordinary : proven).toSorted((a, b) =>
          (a.createdAt ?? '') < (b.createdAt ?? '') ? 1 : -1,
        )[0];
        const ofNewest = proven.filter(({ createdAt }) => createdAt === newest?.createdAt);
        if (newest !== undefined) expect(ofNewest.some(({ set }) => !goes.has(set))).toBe(true);
        for (const one of sets) {
          const young = NOW.getTime() - Date.parse(one.createdAt ?? '') < rules.safetyDays * DAY;
          const safe = one.held !== null || one.usedBy.length > 0 || one.damaged || (one.safety && young);
          if (safe) expect(goes.has(one.set)).toBe(false);
        }
      }),
    );
  });

  test('is at least the newest ordinary verified set, whatever safety backups are newer; else the newest of these', () => {
    const none: Keep = { last: 0, daily: 0, weekly: 0, monthly: 0, yearly: 0, safetyDays: 0 };
    const rules = fc.oneof(fc.constant(none), arbitraryRules);
    fc.assert(
      fc.property(arbitrarySets, rules, (sets, keep) => {
        const proven = sets.filter(({ verified, damaged }) => verified && !damaged);
        const ordinary = proven.filter(({ safety }) => !safety);
        const pool = ordinary.length > 0 ? ordinary : proven;
        const newest = pool
          .map(({ createdAt }) => createdAt ?? '')
          .toSorted()
          .at(-1);
        const kept = retain(sets, keep, 'UTC', NOW).filter(({ why }) => why.includes('the newest verified set'));
        const times = kept.map(({ set }) => pool.find((one) => one.set === set)?.createdAt);
        expect(times).toEqual(newest === undefined ? [] : [newest]);
      }),
    );
    const verdicts = retain([made(1), made(0.5, { safety: true, set: 'blue-R-7' })], none, 'UTC', NOW);
    expect(verdicts).toEqual([
      { set: 'blue-R-7', keep: false, why: ['taken before a restore, and its time is over'] },
      { set: made(1).set, keep: true, why: ['the newest verified set'] },
    ]);
  });

  test('counts runs of the same minute by their number', () => {
    const at = { createdAt: '2026-11-21T11:00:00.000Z' };
    const sets = ['blue-20261121T1100Z-B-9', 'blue-20261121T1100Z-B-10'].map((set) => made(0, { ...at, set }));
    const one: Keep = { ...RULES, last: 1, daily: 0, weekly: 0, monthly: 0, yearly: 0 };
    expect(retain(sets, one, 'UTC', NOW).find(({ keep }) => keep)?.set).toBe('blue-20261121T1100Z-B-10');
  });

  test('once applied, keeps on being kept: a second look removes nothing more', () => {
    fc.assert(
      fc.property(arbitrarySets, arbitraryRules, (sets, rules) => {
        const first = retain(sets, rules, 'UTC', NOW).filter(({ keep }) => keep);
        const left = sets.filter(({ set }) => first.some((kept) => kept.set === set));
        expect(retain(left, rules, 'UTC', NOW)).toEqual(first);
      }),
    );
  });

  test('does not depend on sets that were never verified: they push no proven one out', () => {
    fc.assert(
      fc.property(arbitrarySets, arbitraryRules, (sets, rules) => {
        const proven = sets.filter(({ verified, damaged, safety }) => verified && !damaged && !safety);
        const of = (all: readonly KeptSet[]): readonly string[] =>
          retain(all, rules, 'UTC', NOW).flatMap(({ set, why }) =>
            proven.some((one) => one.set === set) && why.some((reason) => /last|ly \(/.test(reason)) ? [set] : [],
          );
        expect(of(sets)).toEqual(of(proven));
      }),
    );
  });
});
