import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { WatchBody } from '../../../src/schedules/event.ts';
import {
  alarmChanges,
  foldAlarm,
  isAcknowledged,
  isOn,
  owedSlot,
  type Alarms,
  type AlarmState,
  type Finding,
} from '../../../src/schedules/alarms.ts';
import { findAlarms, type GatewayFacts } from '../../../src/schedules/find-alarms.ts';
import type { ScheduleState } from '../../../src/schedules/schedule.ts';

const NOW = new Date('2026-11-21T12:00:00.000Z');
const DAY = 86_400_000;
const after = (days: number): Date => new Date(NOW.getTime() + days * DAY);

const schedule: ScheduleState = {
  id: 'blue/backup',
  gateway: 'blue',
  kind: 'backup',
  cron: '30 2 * * *',
  zone: 'UTC',
  since: '2026-11-01T00:00:00.000Z',
  last: null,
  next: '2026-11-22T02:30:00.000Z',
  owed: null,
  waitsFor: null,
};
const well: GatewayFacts = {
  gateway: 'blue',
  rules: {},
  schedules: [schedule],
  lastVerifiedAt: '2026-11-21T02:40:00.000Z',
  lastDrilledAt: null,
  missingFrom: [],
  lastVerifiedSet: 'blue-20261121T0230Z-B-9',
  gaps: [],
};
const found = (change: Partial<GatewayFacts>, now = NOW): readonly (readonly [string, string])[] =>
  findAlarms({ ...well, ...change }, now).map(({ alarm, message }) => [alarm, message]);

describe('what is wrong with a gateway’s backups', () => {
  test('is nothing while the night’s backup is verified', () => {
    expect(found({})).toEqual([]);
  });

  test('is a last verified set older than the schedule’s pause and three hours, or than what the configuration says', () => {
    const old = { lastVerifiedAt: '2026-11-20T02:40:00.000Z' };
    expect(found(old)).toEqual([
      [
        'blue/backup-too-old',
        'The last verified backup of blue is of 2026-11-20T02:40:00.000Z, more than 27 hours ago',
      ],
    ]);
    expect(found({ ...old, rules: { verifiedWithinHours: 48 } })).toEqual([]);
    expect(found({ schedules: [], lastVerifiedAt: null })).toEqual([]);
    expect(found({ schedules: [], lastVerifiedAt: null, rules: { verifiedWithinHours: 48 } })).toEqual([
      ['blue/backup-too-old', 'blue has no verified backup'],
    ]);
  });

  test('is a schedule that failed or was refused, until something good came after it', () => {
    const failed = { due: '2026-11-21T02:30:00.000Z', run: { id: 'B-9', outcome: 'failed', verified: false } };
    const broken = { schedules: [{ ...schedule, last: failed }], lastVerifiedAt: '2026-11-21T01:00:00.000Z' };
    expect(found(broken)).toEqual([
      ['blue/backup-failed', 'The backup of blue that was due 2026-11-21T02:30:00.000Z did not succeed: B-9 failed'],
    ]);
    expect(found({ ...broken, lastVerifiedAt: '2026-11-21T09:00:00.000Z' })).toEqual([]);
    const refused = {
      due: failed.due,
      refused: { code: 'busy', message: 'blue is already being backed up by B-8', hint: 'Wait' },
    };
    expect(found({ ...broken, schedules: [{ ...schedule, last: refused }] })[0]?.[1]).toBe(
      'The backup of blue that was due 2026-11-21T02:30:00.000Z was refused: blue is already being backed up by B-8',
    );
  });

  test('is a time that nobody answered for an hour, copies that are too few, gaps, and a drill that is overdue', () => {
    const owed = '2026-11-21T10:59:00.000Z';
    expect(
      found({
        schedules: [
          { ...schedule, owed, waitsFor: 'blue is being restored by R-7' },
          { ...schedule, id: 'blue/drill', kind: 'drill', cron: '0 4 1 * *', since: '2026-01-01T00:00:00.000Z' },
        ],
        missingFrom: ['vault'],
        gaps: [{ kind: 'keys', what: '3 keys' }],
        lastDrilledAt: '2026-09-01T04:00:00.000Z',
      }),
    ).toEqual([
      [
        'blue/drill-overdue',
        'The last drill that restored a backup of blue is of 2026-09-01T04:00:00.000Z, more than 32 days ago',
      ],
      ['blue/backup-missed', `The backup of blue that was due ${owed} has not begun: blue is being restored by R-7`],
      ['blue/too-few-copies', 'The last verified set blue-20261121T0230Z-B-9 of blue is not in vault'],
      ['blue/gaps', 'blue-20261121T0230Z-B-9 of blue lacks data: 3 keys'],
    ]);
  });
});

/** A log of alarms over days, as the bots write it. */
class Story {
  alarms: Alarms = new Map();
  #version = 0;
  readonly keys = new Set<string>();

  add(body: WatchBody, at: Date): void {
    this.#version += 1;
    this.alarms = foldAlarm(this.alarms, { ...body, version: this.#version, at: at.toISOString() });
  }

  look(findings: readonly Finding[], at: Date): string[] {
    return alarmChanges(this.alarms, findings).map(({ key, event }) => {
      this.add(event, at);
      if (this.keys.has(key)) throw new Error(`${key} was recorded twice`);
      this.keys.add(key);
      return event.type;
    });
  }

  get only(): AlarmState {
    const state = [...this.alarms.values()][0];
    if (state === undefined) throw new Error('no alarm');
    return state;
  }

  tell(at: Date): string | null {
    const slot = owedSlot(this.only, at);
    const place = { alarm: 'blue/gaps', episode: this.only.episode, slot: slot ?? '', channel: 'C1' };
    if (slot !== null) this.add({ type: 'alarm.posted', data: { ...place, ts: '1.1' } }, at);
    return slot;
  }
}
const gap = (...about: string[]): Finding => ({
  alarm: 'blue/gaps',
  gateway: 'blue',
  message: 'lacks',
  hint: 'h',
  about,
});
const acknowledge = (story: Story, until: Date): void => {
  const { episode, about } = story.only;
  const data = {
    alarm: 'blue/gaps',
    episode,
    person: 'T/U',
    reason: 'known since May',
    until: until.toISOString(),
    about,
  };
  story.add({ type: 'alarm.acknowledged', data }, NOW);
};

describe('an alarm', () => {
  test('is told once a day while it is on, and its end once', () => {
    const story = new Story();
    expect(story.look([gap('keys')], NOW)).toEqual(['alarm.raised']);
    expect([NOW, NOW, after(0.9), after(1), after(1.5), after(4.2)].map((at) => story.tell(at))).toEqual([
      'day-0-0',
      null,
      null,
      'day-1-0',
      null,
      'day-4-0',
    ]);
    expect(story.look([gap('keys')], after(5))).toEqual([]);
    expect(story.look([], after(5))).toEqual(['alarm.cleared']);
    expect([story.tell(after(5)), story.tell(after(5)), isOn(story.only)]).toEqual(['cleared', null, false]);
    expect(story.look([gap('keys')], after(6))).toEqual(['alarm.raised']);
    expect([story.only.episode, story.tell(after(6))]).toEqual([2, 'day-0-0']);
  });

  test('that somebody stands for is quiet until their date, and speaks at once of what is new', () => {
    const story = new Story();
    story.look([gap('keys')], NOW);
    story.tell(NOW);
    acknowledge(story, after(30));
    expect([after(1), after(29)].map((at) => story.tell(at))).toEqual([null, null]);
    expect(isAcknowledged(story.only, after(30))).toBe(false);
    expect(story.look([gap('keys', 'vaults')], after(3))).toEqual(['alarm.changed']);
    expect(story.tell(after(3))).toBe('day-3-1');
    expect(story.look([gap('keys')], after(4))).toEqual(['alarm.changed']);
    expect([story.tell(after(4)), story.tell(after(31))]).toEqual([null, 'day-31-2']);
  });

  test('that ended before anybody was told is over in silence', () => {
    const story = new Story();
    story.look([gap('keys')], NOW);
    story.look([], NOW);
    expect(story.tell(NOW)).toBe(null);
  });

  test('whatever is found in whatever order, each fact has a key of its own and the log follows the findings', () => {
    const findings = fc.array(fc.option(fc.uniqueArray(fc.constantFrom('a', 'b', 'c'))), { maxLength: 30 });
    fc.assert(
      fc.property(findings, (looks) => {
        const story = new Story();
        looks.forEach((about, day) => {
          story.look(about === null ? [] : [gap(...about.toSorted())], after(day));
          const on = [...story.alarms.values()].filter(isOn);
          expect(on.map((state) => state.about)).toEqual(about === null ? [] : [about.toSorted()]);
        });
      }),
    );
  });
});
