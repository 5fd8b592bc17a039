import { expect, it } from 'vitest';
import { onceAMinute } from '../../src/queue/once-a-minute.ts';

it('the same trouble of a queue is reported once a minute, another one at once', () => {
  let now = 0;
  const reported: string[] = [];
  const report = onceAMinute(
    (error) => reported.push(error.message),
    () => now,
  );
  for (let tries = 0; tries < 100; tries += 1) report(new Error('connect ECONNREFUSED'));
  report(new Error('READONLY'));
  now = 59_999;
  report(new Error('connect ECONNREFUSED'));
  expect(reported).toEqual(['connect ECONNREFUSED', 'READONLY']);
  now = 60_000;
  report(new Error('connect ECONNREFUSED'));
  expect(reported).toEqual(['connect ECONNREFUSED', 'READONLY', 'connect ECONNREFUSED']);
});
