import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { isCron, lastTime, longestPause, nextTime, timesBetween } from '../../../src/schedules/cron.ts';
import { isZone, wallTime } from '../../../src/schedules/zone.ts';

const ZONES = ['UTC', 'Europe/Berlin', 'America/New_York', 'America/Santiago', 'Australia/Lord_Howe', 'Asia/Kolkata'];
const HOUR = 3_600_000;
const times = (cron: string, zone: string, from: string, to: string): string[] =>
  timesBetween({ cron, zone }, new Date(from), new Date(to)).map((at) => at.toISOString());

const zone = fc.constantFrom(...ZONES);
const field = (low: number, high: number) =>
  fc.oneof(fc.constant('*'), fc.integer({ min: low, max: high }).map(String));
const cron = fc
  .tuple(field(0, 59), fc.oneof(field(0, 23), fc.constant('*/6')), fc.constant('*'), fc.constant('*'), field(0, 6))
  .map((fields) => fields.join(' '));
const instant = fc.date({ min: new Date('2026-01-01'), max: new Date('2027-12-31'), noInvalidDate: true });

describe('a clock that is set forward', () => {
  test('skips 02:30 in Berlin: the night’s backup runs at 03:30 instead of not at all', () => {
    expect(times('30 2 * * *', 'Europe/Berlin', '2026-03-28T00:00:00Z', '2026-03-31T00:00:00Z')).toEqual([
      '2026-03-28T01:30:00.000Z',
      '2026-03-29T01:30:00.000Z',
      '2026-03-30T00:30:00.000Z',
    ]);
  });
});

describe('a clock that is set back', () => {
  test('shows 02:30 twice in Berlin: the night’s backup runs the first time only', () => {
    expect(times('30 2 * * *', 'Europe/Berlin', '2026-10-24T12:00:00Z', '2026-10-27T00:00:00Z')).toEqual([
      '2026-10-25T00:30:00.000Z',
      '2026-10-26T01:30:00.000Z',
    ]);
  });

  test('leaves no hour out where every hour is meant', () => {
    expect(times('0 * * * *', 'Europe/Berlin', '2026-10-24T23:30:00Z', '2026-10-25T03:30:00Z')).toEqual([
      '2026-10-25T00:00:00.000Z',
      '2026-10-25T01:00:00.000Z',
      '2026-10-25T02:00:00.000Z',
      '2026-10-25T03:00:00.000Z',
    ]);
  });
});

describe('whoever asks, and whenever', () => {
  test('a daily time comes exactly once each day of the zone’s calendar, in every zone', () => {
    fc.assert(
      fc.property(zone, fc.nat(23), fc.nat(59), fc.integer({ min: 0, max: 700 }), (zone, hour, minute, day) => {
        const from = new Date(Date.UTC(2026, 0, 1) + day * 24 * HOUR);
        const found = timesBetween(
          { cron: `${minute} ${hour} * * *`, zone },
          from,
          new Date(from.getTime() + 240 * HOUR),
        );
        const days = found.map((at) => new Date(wallTime(zone, at.getTime())).toISOString().slice(0, 10));
        expect(new Set(days).size).toBe(days.length);
        expect(days.length).toBeGreaterThanOrEqual(9);
        expect(days.length).toBeLessThanOrEqual(11);
      }),
      { numRuns: 100 },
    );
  });

  test('the times do not depend on where one begins to look', () => {
    fc.assert(
      fc.property(zone, cron, instant, fc.integer({ min: 1, max: 100 }), (zone, cron, from, hours) => {
        const timing = { cron, zone };
        const middle = new Date(from.getTime() + (hours * HOUR) / 2);
        const end = new Date(from.getTime() + hours * HOUR);
        const whole = timesBetween(timing, from, end, 100_000);
        expect([...timesBetween(timing, from, middle, 100_000), ...timesBetween(timing, middle, end, 100_000)]).toEqual(
          whole,
        );
        expect(lastTime(timing, from, end)).toEqual(whole.at(-1) ?? null);
        const next = nextTime(timing, from);
        expect(next === null || next > end ? undefined : next).toEqual(whole[0]);
      }),
      { numRuns: 60 },
    );
  });
});

test('the longest pause of a schedule sees weekends and long months', () => {
  const from = new Date('2026-11-21T00:00:00Z');
  expect(longestPause({ cron: '0 2 * * 1-5', zone: 'UTC' }, from)).toBe(72 * 3600);
  expect(longestPause({ cron: '0 4 1 * *', zone: 'UTC' }, from)).toBe(31 * 86_400);
  // Around 2100, which is no leap year: what was found for one day is not taken for another's.
  const yearly = { cron: '0 4 29 2 *', zone: 'UTC' };
  expect(longestPause(yearly, new Date('2095-01-01'))).toBe(8 * 365 * 86_400 + 86_400);
  expect(longestPause(yearly, new Date('2026-01-01'))).toBe((4 * 365 + 1) * 86_400);
});

test.each(['30 2 * * *', '*/15 * * * MON-FRI', '0 4 29 2 *', '0 0 1,15 * *'])('%s is a cron', (cron) => {
  expect(isCron(cron)).toBe(true);
});
test.each(['', '@daily', '* * *', '0 0 0 * * *', '61 * * * *', '0 0 30 2 *', 'H 4 * * *', '0 4 * * MOND'])(
  '%s is none',
  (cron) => {
    expect(isCron(cron)).toBe(false);
  },
);
test('zones are names that the machine knows', () => {
  expect([...ZONES, 'Europe/Berlim', 'GMT+25', ''].filter((zone) => !isZone(zone))).toEqual([
    'Europe/Berlim',
    'GMT+25',
    '',
  ]);
});
