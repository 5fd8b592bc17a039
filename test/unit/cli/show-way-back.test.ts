import { describe, expect, it } from 'vitest';
import { follow } from '../../../src/cli/follow.ts';
import { showRun } from '../../../src/cli/show/run.ts';
import { showGateway } from '../../../src/cli/show/status.ts';
import { restorePlan } from '../../../src/runbooks/restore.ts';
import type { EventBody } from '../../../src/runs/event.ts';
import { fold } from '../../../src/runs/evolve.ts';
import type { Plan } from '../../../src/runs/plan.ts';
import type { Run } from '../../../src/runs/run.ts';
import { testTerminal } from '../../support/cli.ts';
import { ALICE, BOB, did, events, minutes, requestedBody } from '../../support/story.ts';

const name = (person: string) => ({ [ALICE]: 'Alice', [BOB]: 'Bob' })[person] ?? person;
const NOW = minutes(5);
const INPUT = {
  gateway: 'production',
  environment: 'production',
  set: 'production-20261120T0200Z-B-1',
  destination: 'main',
  attempts: 3,
  deadlineSeconds: 7200,
  strategy: 'database',
  safety: 'kept-database',
  safetySteps: [],
  safetyParameters: {},
  policy: null,
  holdSeconds: 3600,
} as const;
const RESTORE = restorePlan(INPUT);

function told(plan: Plan, ...bodies: readonly EventBody[]) {
  const asked = requestedBody(plan);
  if (asked.type !== 'run.requested') throw new Error('a story starts with run.requested');
  const list = events([{ ...asked, data: { ...asked.data, kind: 'restore' } }, ...bodies], 'R-4');
  const run = fold(list);
  if (run === null) throw new Error('no run');
  return { run, events: list, progress: null };
}
const shown = (run: Run): string[] => showRun({ run, progress: null, now: NOW, name });

const UNTIL = '2026-11-21T04:00:00.000Z';
const HELD: EventBody = { type: 'run.held', data: { until: UNTIL } };
const LIVE: readonly EventBody[] = [
  ...did('verify-set'),
  ...did('swap-database', { live: 'kong', kept: 'kong_r4_old' }),
];
const SWAPPED: readonly EventBody[] = [...LIVE, HELD];
const asked = (drop: boolean): EventBody => ({ type: 'close.requested', data: { person: BOB, drop } });
const OVER: EventBody = { type: 'run.succeeded', data: {} };

describe('a restore in the terminal', () => {
  it('that was closed says who accepted it, which database is still there, and how to remove it', async () => {
    const held = told(RESTORE, ...SWAPPED).run;
    expect(shown(held)).toContain('  kept for the way back: database kong_r4_old');
    const found = told(RESTORE, ...SWAPPED, asked(false), OVER);
    const closed = [
      '  accepted at 2026-11-21 02:00:07Z by Bob: the way back is closed',
      '  The database before is still there as kong_r4_old. It takes up room and holds credentials.',
      '  To remove it by hand: DROP DATABASE "kong_r4_old";',
    ];
    expect(shown(found.run).slice(-3)).toEqual(closed);
    expect(shown(found.run).join('\n')).not.toMatch(/succeeded at|every byte/);
    const terminal = testTerminal({ now: () => NOW });
    expect(await follow(terminal, { run: async () => found }, 'R-4', name, held.version)).toBe(0);
    expect(terminal.lines.out.slice(-3)).toEqual(closed);
  });

  it('whose hold ended by itself says that, and names the database that is still there', () => {
    const { run } = told(RESTORE, ...SWAPPED, OVER);
    expect(shown(run).slice(-3, -1)).toEqual([
      '  accepted at 2026-11-21 02:00:06Z, because its hold ended by itself: the way back is closed',
      '  The database before is still there as kong_r4_old. It takes up room and holds credentials.',
    ]);
  });

  it('whose kept database was dropped says so', () => {
    const { run } = told(RESTORE, ...SWAPPED, asked(true), ...did('drop-kept'), OVER);
    expect(shown(run).slice(-2)).toEqual([
      '  accepted at 2026-11-21 02:00:09Z by Bob: the way back is closed',
      '  The database before, kong_r4_old, was dropped.',
    ]);
  });

  it('that swapped no database says that there was none to drop', () => {
    const plan = restorePlan({ ...INPUT, strategy: 'declarative' });
    const closed = (drop: boolean) => shown(told(plan, ...did('sync-declarative'), HELD, asked(drop), OVER).run);
    expect(closed(true).at(-1)).toBe('  No database was kept, so none was dropped.');
    expect(closed(false).at(-1)).toMatch(/^ {2}accepted at .* by Bob: the way back is closed$/);
  });

  it('that failed at the end of its hold still names the database that it kept', () => {
    const fault = { code: 'restore.not-proven', message: 'A node serves the old routes', hint: 'Restart it' };
    const failed: EventBody = { type: 'run.failed', data: { step: 'prove-restore', fault } };
    expect(shown(told(RESTORE, ...SWAPPED, failed).run).slice(-2)).toEqual([
      '  The database before is still there as kong_r4_old. It takes up room and holds credentials.',
      '  To remove it by hand: DROP DATABASE "kong_r4_old";',
    ]);
  });
});

describe('a gateway with a restore that holds', () => {
  const none = { gateway: 'production', environment: 'production', lastVerified: null, locked: null };
  const standing = (run: Run, now = NOW): string[] =>
    showGateway({ ...none, lastEnded: null, active: [run] }, now).slice(2);
  const glass = { incident: 'INC-4711' };
  const HOLDS = [
    '  now: R-4 holding until 2026-11-21 04:00:00Z',
    '    kong-chatops rollback R-4     or     kong-chatops close R-4',
  ];

  it('says until when, and with which commands it ends', () => {
    expect(standing(told(RESTORE, ...SWAPPED).run)).toEqual(HOLDS);
    const fault = { code: 'restore.not-proven', message: 'A node serves the old routes', hint: 'Restart it' };
    const bad: EventBody = {
      type: 'run.held',
      data: { until: UNTIL, step: 'prove-restore', fault },
    };
    expect(standing(told(RESTORE, ...LIVE, bad).run)).toEqual([
      HOLDS[0],
      '    A node serves the old routes.',
      HOLDS[1],
    ]);
  });

  it('says that it is an emergency, until when its review is due, and that it was reviewed', () => {
    const run = { ...told(RESTORE, ...SWAPPED).run, emergency: glass };
    expect(standing(run)).toEqual([
      ...HOLDS,
      '    EMERGENCY INC-4711: nobody was asked, to be reviewed by somebody else before 2026-11-24 02:00:00Z: kong-chatops review R-4 --finding …',
    ]);
    expect(standing(run, minutes(73 * 60)).at(-1)).toBe(
      '    EMERGENCY INC-4711: nobody was asked, its review was due 2026-11-24 02:00:00Z and normal runs are refused until somebody else reviews it: kong-chatops review R-4 --finding …',
    );
    const reviewed = { person: BOB, at: NOW.toISOString(), finding: 'it was needed' };
    expect(standing({ ...run, reviewed }).at(-1)).toBe('    EMERGENCY INC-4711: nobody was asked, reviewed');
  });

  it('still says that the review is due once it was accepted', () => {
    const run = { ...told(RESTORE, ...SWAPPED, asked(false), OVER).run, emergency: glass };
    const lines = showGateway({ ...none, lastEnded: run, active: [] }, NOW);
    expect(lines.slice(2)).toEqual([
      '  last run: R-4 succeeded at 2026-11-21 02:00:07Z',
      expect.stringContaining('to be reviewed by somebody else before 2026-11-24 02:00:00Z'),
      '  nothing runs',
    ]);
  });
});
