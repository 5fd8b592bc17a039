import { expect, test } from 'vitest';
import { play } from '../../../src/sandbox/tour/play.ts';
import { mustSay, Unexpected, type TourStep } from '../../../src/sandbox/tour/step.ts';

const step = (title: string, came: () => string): TourStep<null> => ({
  title,
  expected: 'a greeting',
  play: async () => {
    const text = came();
    mustSay(text, 'hello');
    return text;
  },
});

async function played(...steps: TourStep<null>[]) {
  const lines: string[] = [];
  const result = await play(steps, null, (line) => void lines.push(line));
  return { ...result, text: lines.join('\n') };
}

test('each step is told with what was expected and what came', async () => {
  const { ok, good, text } = await played(
    step('Alice greets', () => 'hello Bob'),
    step('Bob greets', () => 'hello Alice'),
  );
  expect({ ok, good }).toEqual({ ok: true, good: 2 });
  expect(text).toContain(' 1  Alice greets\n    expected  a greeting\n    came      hello Bob\n    ✅');
});

test('the first unexpected outcome ends the tour and is told in full', async () => {
  const { ok, good, text } = await played(
    step('Alice greets', () => 'hello Bob'),
    step('Bob greets', () => 'goodbye'),
    step('Carol greets', () => 'hello'),
  );
  expect({ ok, good }).toEqual({ ok: false, good: 1 });
  expect(text).toContain('    came      goodbye\n    ❌ not as expected: it does not say hello');
  expect(text).toContain('The tour stopped at step 2 of 3; 1 not played.');
  expect(text).not.toContain('Carol');
});

test('a bug of the tour is no unexpected outcome: its stack is told', async () => {
  const { ok, text } = await played(
    step('Alice greets', () => {
      throw new TypeError('a bug');
    }),
  );
  expect(ok).toBe(false);
  expect(text).toContain('TypeError: a bug');
});

test('a phrase that is missing is named', () => {
  expect(() => mustSay('hello', 'hello', /good\w+/)).toThrow(Unexpected);
  expect(() => mustSay('hello', 'hello', /good\w+/)).toThrow('it does not say /good\\w+/');
});
