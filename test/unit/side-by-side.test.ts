import { expect, it } from 'vitest';
import { sideBySide } from '../../src/steps/side-by-side.ts';

const never = new AbortController().signal;
const untilAborted = (signal: AbortSignal): Promise<never> =>
  new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason as Error), { once: true }));

it('two works at once answer both', async () => {
  expect(
    await sideBySide(
      never,
      () => Promise.resolve(1),
      () => Promise.resolve('two'),
    ),
  ).toEqual([1, 'two']);
});

it('when one fails the other is aborted, has ended, and its own end is not what is told', async () => {
  let ended = false;
  const slow = async (signal: AbortSignal): Promise<void> => {
    await untilAborted(signal).catch(() => undefined);
    ended = true;
    throw new Error('aborted');
  };
  await expect(sideBySide(never, slow, () => Promise.reject(new Error('no room')))).rejects.toThrow('no room');
  expect(ended).toBe(true);
});

it('an abort from outside reaches both', async () => {
  const stop = new AbortController();
  const both = sideBySide(stop.signal, untilAborted, untilAborted);
  stop.abort(new Error('not wanted any more'));
  await expect(both).rejects.toThrow('not wanted any more');
});
