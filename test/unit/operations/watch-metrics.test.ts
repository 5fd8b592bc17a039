import { expect, test } from 'vitest';
import { createMetrics } from '../../../src/operations/metrics.ts';

test('a scrape says when schedules come next, what is overdue, and which alarms nobody has acknowledged', async () => {
  const now = new Date('2026-11-21T03:30:00Z');
  const metrics = createMetrics({
    version: '1.2.3',
    clock: () => now,
    sources: {
      schedules: () =>
        Promise.resolve([
          {
            gateway: 'blue',
            kind: 'backup',
            next: new Date('2026-11-22T02:30:00Z'),
            owed: new Date('2026-11-21T02:30:00Z'),
          },
          { gateway: 'blue', kind: 'drill', next: null, owed: null },
        ]),
      alarms: () => Promise.resolve([{ gateway: 'blue', alarm: 'blue/gaps', acknowledged: false }]),
    },
  });
  const lines = (await metrics.text()).split('\n').filter((line) => /^kong_chatops_(schedule|alarm)/.test(line));
  expect(lines).toEqual([
    `kong_chatops_schedule_next_timestamp_seconds{gateway="blue",kind="backup"} ${Date.parse('2026-11-22T02:30:00Z') / 1000}`,
    'kong_chatops_schedule_overdue_seconds{gateway="blue",kind="backup"} 3600',
    'kong_chatops_schedule_overdue_seconds{gateway="blue",kind="drill"} 0',
    'kong_chatops_alarm{gateway="blue",alarm="blue/gaps",acknowledged="false"} 1',
  ]);
});
