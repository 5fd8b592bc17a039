import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { joinCalls } from '../../src/audit/batch.ts';

describe('calls that travel together', () => {
  it('each get their own answer, in one trip at a time, and the first waits for nobody', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.integer(), { minLength: 1, maxLength: 200 }), async (numbers) => {
        const trips: number[] = [];
        let under = 0;
        const double = joinCalls(
          async (calls: readonly number[]) => {
            under += 1;
            expect(under).toBe(1);
            trips.push(calls.length);
            await Promise.resolve();
            under -= 1;
            return calls.map((one) => one * 2);
          },
          () => false,
        );
        expect(await Promise.all(numbers.map(double))).toEqual(numbers.map((one) => one * 2));
        expect(trips[0]).toBe(1);
        expect(Math.max(...trips)).toBeLessThanOrEqual(64);
      }),
    );
  });

  it('all fail with a lost connection, because nobody knows what was written', async () => {
    let trips = 0;
    const call = joinCalls(
      async () => {
        trips += 1;
        throw new Error('lost');
      },
      () => true,
    );
    const results = await Promise.allSettled([1, 2, 3].map(call));
    expect(results.every((one) => one.status === 'rejected')).toBe(true);
    expect(trips).toBe(2);
  });
});
