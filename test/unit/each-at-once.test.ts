import fc from 'fast-check';
import { expect, it } from 'vitest';
import { eachAtOnce } from '../../src/steps/each-at-once.ts';

it('answers in order, and never works on more than allowed', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.nat(5)), fc.integer({ min: 1, max: 6 }), async (items, most) => {
      let now = 0;
      let highest = 0;
      const answers = await eachAtOnce(items, most, async (item, index) => {
        highest = Math.max(highest, (now += 1));
        for (let turn = 0; turn < item; turn += 1) await Promise.resolve();
        now -= 1;
        return [item, index];
      });
      expect(answers).toEqual(items.map((item, index) => [item, index]));
      expect(highest).toBeLessThanOrEqual(most);
    }),
  );
});

it('throws the first failure once everything that was begun has ended, and begins nothing more', async () => {
  const ended: number[] = [];
  const working = eachAtOnce([1, 2, 3, 4], 2, async (item) => {
    await Promise.resolve();
    if (item === 1) throw new Error('one');
    await Promise.resolve();
    ended.push(item);
  });
  await expect(working).rejects.toThrow('one');
  expect(ended).toEqual([2]);
});
