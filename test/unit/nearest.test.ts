import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { mistakes, nearest } from '../../src/runs/words/nearest.ts';

const ALPHABET = 'abcdefghijklmnopqrstuvwxyz-0123'.split('');
const LETTERS = 'abcxyz'.split('');
const word = fc.string({ minLength: 1, maxLength: 20, unit: fc.constantFrom(...ALPHABET) });

describe('nearest', () => {
  it.each([
    ['prodution', ['staging', 'production'], 'production'],
    ['prodcution', ['staging', 'production'], 'production'],
    ['PRODUCTION', ['staging', 'production'], 'production'],
    ['prod', ['staging', 'production'], 'production'],
    ['stagign', ['staging', 'production'], 'staging'],
    ['admin_ap', ['admin_api', 'database'], 'admin_api'],
    ['eu', ['us', 'eu-west'], 'eu-west'],
  ])('offers what was meant by %s', (typed, candidates, meant) => {
    expect(nearest(typed, candidates)).toBe(meant);
  });

  it.each([
    ['xyz', ['staging', 'production']],
    ['', ['staging']],
    ['p', ['production']],
    ['staging', []],
  ])('offers nothing for "%s" when nothing is near', (typed, candidates) => {
    expect(nearest(typed, candidates)).toBeNull();
  });

  it('answers one of the candidates or nothing, whatever the order of the candidates', () => {
    fc.assert(
      fc.property(word, fc.array(word, { maxLength: 8 }), (typed, candidates) => {
        const offered = nearest(typed, candidates);
        expect(offered === null || candidates.includes(offered)).toBe(true);
        expect(nearest(typed, candidates.toReversed())).toBe(offered);
      }),
    );
  });

  it('always finds a word behind a single mistake', () => {
    fc.assert(
      fc.property(word, fc.nat(), fc.constantFrom(...LETTERS), (meant, position, letter) => {
        const cut = position % meant.length;
        const typed = [
          `${meant.slice(0, cut)}${letter}${meant.slice(cut)}`,
          `${meant.slice(0, cut)}${letter}${meant.slice(cut + 1)}`,
        ];
        for (const wrong of typed) expect(nearest(wrong, [meant])).toBe(meant);
      }),
    );
  });
});

describe('mistakes', () => {
  it('counts two swapped neighbours as one', () => {
    expect(mistakes('stagign', 'staging')).toBe(1);
  });

  it('is symmetric, 0 for equal words alone, and never more than the longer word', () => {
    fc.assert(
      fc.property(word, word, (left, right) => {
        const count = mistakes(left, right);
        expect(count).toBe(mistakes(right, left));
        expect(count === 0).toBe(left === right);
        expect(count).toBeLessThanOrEqual(Math.max(left.length, right.length));
      }),
    );
  });
});
