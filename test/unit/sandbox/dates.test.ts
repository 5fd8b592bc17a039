import fc from 'fast-check';
import { expect, test } from 'vitest';
import { drawDates } from '../../../src/sandbox/slack/strict/dates.ts';

const noon = new Date(2026, 10, 21, 12, 0, 0);
const token = (at: Date, format: string) => `<!date^${at.getTime() / 1000}^${format}|fallback>`;

test('a date is drawn in words that are near the reader', () => {
  const text = (days: number) => token(new Date(2026, 10, 21 + days, 14, 5), '{date_short_pretty} {time}');
  expect(drawDates(text(0), noon)).toBe('today 2:05 PM');
  expect(drawDates(text(-1), noon)).toBe('yesterday 2:05 PM');
  expect(drawDates(text(1), noon)).toBe('tomorrow 2:05 PM');
  expect(drawDates(text(-7), noon)).toBe('Nov 14, 2026 2:05 PM');
});

test('dates are drawn wherever text stands in a message', () => {
  const blocks = [{ type: 'section', text: { type: 'mrkdwn', text: `until ${token(noon, '{date_num}')}` } }];
  expect(drawDates({ blocks, count: 1 }, noon)).toEqual({
    blocks: [{ type: 'section', text: { type: 'mrkdwn', text: 'until 2026-11-21' } }],
    count: 1,
  });
});

test('what carries no date stays as it is', () => {
  fc.assert(
    fc.property(fc.jsonValue(), (value) => {
      fc.pre(!JSON.stringify(value).includes('<!date'));
      expect(drawDates(value)).toEqual(value);
    }),
  );
});
