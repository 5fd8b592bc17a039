import { expect, test } from 'vitest';
import type { AlarmState } from '../../../src/schedules/alarms.ts';
import {
  acknowledgeModal,
  alarmBlocks,
  alarmLines,
  alarmMessage,
  alarmOfValue,
  alarmValue,
} from '../../../src/slack/views/alarm.ts';
import { scheduleLines } from '../../../src/slack/views/schedules.ts';
import { ALICE } from '../../support/story.ts';

const NOW = new Date('2026-11-21T12:00:00.000Z');
const NAMES = { [ALICE]: 'Alice' };
const state: AlarmState = {
  alarm: 'blue/gaps',
  gateway: 'blue',
  message: `The set lacks ${'x'.repeat(5000)} <!channel> & more`,
  hint: 'Close the gap',
  about: ['keys'],
  episode: 2,
  raisedAt: '2026-11-20T12:00:00.000Z',
  changes: 0,
  acknowledged: null,
  cleared: null,
  posts: {},
};
const acknowledged: AlarmState = {
  ...state,
  acknowledged: {
    person: ALICE,
    reason: 'known <!here>',
    at: state.raisedAt,
    until: '2026-12-01T00:00:00.000Z',
    about: ['keys'],
  },
};

test('an alarm pings nobody by what a gateway is called, and stays within Slack’s limits', () => {
  const drawn = [alarmMessage(state, 'day-1-0', NOW, NAMES), alarmMessage(state, 'cleared', NOW, NAMES)];
  const words = JSON.stringify([...drawn, alarmBlocks([state], NOW, NAMES), acknowledgeModal(state, NAMES, {})]);
  expect(words).not.toContain('<!channel>');
  for (const { text, blocks } of drawn) {
    expect(text.length).toBeLessThanOrEqual(4000);
    for (const block of blocks) {
      expect(JSON.stringify(block).length).toBeLessThan(3300);
      expect(block.block_id).toMatch(/^alarm\/blue\/gaps\/2\//);
    }
  }
});

test('one that somebody stands for has no button, and says who, why and until when', () => {
  const words = JSON.stringify(alarmMessage(acknowledged, 'day-1-0', NOW, NAMES));
  expect(words).toContain('Acknowledged by Alice until');
  expect(words).not.toContain('alarm.acknowledge');
  expect(words).not.toContain('<!here>');
  expect(alarmBlocks([acknowledged], NOW, NAMES)).toEqual([]);
  expect(alarmLines([acknowledged, state], NOW, NAMES).map((line) => line.slice(0, 2))).toEqual(['🔔', '🔕']);
});

test('a button carries which alarm and which episode, and anything else is no alarm', () => {
  expect(alarmOfValue(alarmValue(state))).toEqual({ alarm: 'blue/gaps', episode: 2 });
  expect([alarmOfValue(''), alarmOfValue('{"alarm":1}'), alarmOfValue('B-1.g1')]).toEqual([null, null, null]);
});

test('a schedule says when it comes next, and what it waits for', () => {
  const schedule = {
    id: 'blue/backup',
    gateway: 'blue',
    kind: 'backup' as const,
    cron: '30 2 * * *',
    zone: 'UTC',
    since: state.raisedAt,
    last: null,
    next: '2026-11-22T02:30:00.000Z',
    owed: null,
    waitsFor: null,
  };
  const next = '<!date^1795314600^{date_short_pretty} {time}|2026-11-22 02:30 UTC> (in 14 h 30 min).';
  expect(scheduleLines([schedule], NOW, NAMES)).toEqual([`🕑 Next backup: ${next}`]);
  const owed = { ...schedule, owed: '2026-11-21T02:30:00.000Z', waitsFor: 'blue is being restored by R-7' };
  expect(scheduleLines([owed], NOW, NAMES)[0]).toMatch(
    /^🕑 Backup due <!date.*> waits: blue is being restored by R-7\. Next backup: /,
  );
});
