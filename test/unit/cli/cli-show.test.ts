import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { auditQuery } from '../../../src/cli/commands/audit-show.ts';
import { parseTime } from '../../../src/cli/period.ts';
import { age, duration, size } from '../../../src/cli/show/amounts.ts';
import { progressText, showRun } from '../../../src/cli/show/run.ts';
import { showGateway } from '../../../src/cli/show/status.ts';
import { tellEvent } from '../../../src/cli/show/tell-event.ts';
import { isRefusal } from '../../../src/runs/refusal.ts';
import {
  ALICE,
  BOB,
  did,
  minutes,
  OBSERVED,
  planOf,
  preflightDone,
  requestedBody,
  START,
  stepStarted,
  story,
} from '../../support/story.ts';

const name = (person: string) => ({ [ALICE]: 'Alice', [BOB]: 'Bob' })[person] ?? person;
const NOW = minutes(5);

describe('amounts', () => {
  it.each([
    [0, '0 s'],
    [59.4, '59 s'],
    [65, '1 min 5 s'],
    [7200, '2 h'],
    [90_000, '1 d 1 h'],
  ])('of %f seconds read %s', (seconds, text) => {
    expect(duration(seconds)).toBe(text);
  });

  it.each([
    [999, '999 bytes'],
    [1500, '1.5 kB'],
    [120_400_000, '120 MB'],
    [2e18, '2000 PB'],
  ])('of %d bytes read %s', (bytes, text) => {
    expect(size(bytes)).toBe(text);
  });

  it('have an age', () => {
    expect(age('2026-11-21T01:00:00.000Z', minutes(0))).toBe('1 h');
  });
});

describe('a point in time', () => {
  it.each([
    ['24h', '2026-11-20T02:05:00.000Z'],
    ['7d', '2026-11-14T02:05:00.000Z'],
    ['2026-11-21', '2026-11-21T00:00:00.000Z'],
    ['2026-11-21T12:30', '2026-11-21T12:30:00.000Z'],
    ['2026-11-21T12:30:00+02:00', '2026-11-21T10:30:00.000Z'],
  ])('%s is %s, whatever the zone of the machine', (text, iso) => {
    expect(parseTime(text, NOW)).toBe(iso);
  });

  it('that is none is refused with how to write one', () => {
    expect(parseTime('yesterday', NOW)).toEqual({
      refused: true,
      code: 'bad-time',
      message: '"yesterday" is no time',
      hint: 'Write 2026-11-21, 2026-11-21T12:00Z, or how long ago: 90m, 24h, 7d',
    });
  });

  it('is an ISO time or a refusal for any text', () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        const time = parseTime(text, NOW);
        expect(isRefusal(time) || new Date(time).toISOString() === time).toBe(true);
      }),
    );
  });
});

describe('a run in the terminal', () => {
  it('shows who is waited for and the command that answers', () => {
    const opened = {
      gate: 'B-142.g1',
      step: 'dump-database',
      attempt: 1,
      policy: { requirements: [{ group: 'approvers', minimum: 2 }], expiresSeconds: 3600, cli: true },
      digest: 'd'.repeat(64),
      evidence: [],
      observed: OBSERVED,
      expiresAt: '2026-11-21T03:00:00.000Z',
    };
    const run = story(requestedBody(), ...preflightDone, { type: 'gate.opened', data: opened });
    expect(showRun({ run, progress: null, now: NOW, name })).toEqual([
      'B-142  backup of production (production): waiting',
      '  asked for by Alice at 2026-11-21 02:00:00Z',
      '  [+] Check gateway, tools and rights  1 s',
      '  [ ] Dump the database',
      '  [ ] Dump the declarative configuration',
      '  [ ] Save kong.conf and prefix files',
      '  [ ] Write the manifest and publish',
      '  [ ] Read back every byte',
      '  waits for go from 2 of approvers, not counting the requester; so far: nobody',
      '  undecided it expires at 2026-11-21 03:00:00Z; what is approved: dddddddddddd',
      "  kong-chatops approve B-142.g1     or     kong-chatops no-go B-142.g1 --reason '…'",
    ]);
  });

  it('shows how far a step is', () => {
    const run = story(requestedBody(planOf(null)), ...preflightDone, stepStarted('dump-database'));
    const progress = {
      runId: 'B-142',
      step: 'dump-database',
      attempt: 1,
      at: '',
      done: 135_000_000,
      total: 300_000_000,
      unit: 'bytes',
    } as const;
    expect(showRun({ run, progress, now: NOW, name })[3]).toBe(
      '  [>] Dump the database  4 min 57 s  45 %, 135 MB of 300 MB',
    );
    expect(progressText({ ...progress, unit: 'tables', done: 12, total: 31, note: 'consumers' })).toBe(
      '12 of 31 tables, consumers',
    );
    expect(progressText({ ...progress, unit: 'files', done: 8, total: null })).toBe('8 files');
  });

  it('says what was saved, where it lies and what is not in it', () => {
    const places = [{ destination: 'main', path: '/sets/1' }];
    const gaps = [{ kind: 'encryption', count: null, what: 'the set is not encrypted', why: 'not built yet' }];
    const run = story(
      requestedBody(planOf(null)),
      ...did('publish-set', { set: 'S1', bytes: 2_000_000, gaps, places }),
      { type: 'run.succeeded', data: {} },
    );
    expect(showRun({ run, progress: null, now: NOW, name }).slice(-4)).toEqual([
      '  succeeded at 2026-11-21 02:00:03Z',
      '  set S1, 2.0 MB in main: /sets/1',
      '  not in it:',
      '    the set is not encrypted (not built yet)',
    ]);
  });

  it('says who approved it, what was proven, and what only the dump holds', () => {
    const gaps = [{ kind: 'keys', count: 1, what: '1 key', why: 'decK knows none', onlyIn: 'database' }];
    const opened = {
      gate: 'B-142.g1',
      step: 'dump-database',
      attempt: 1,
      policy: { requirements: [{ group: 'approvers', minimum: 1 }], expiresSeconds: 3600, cli: true },
      digest: 'd'.repeat(64),
      evidence: [],
      observed: OBSERVED,
      expiresAt: '2026-11-21T03:00:00.000Z',
    };
    const run = story(
      requestedBody(),
      ...preflightDone,
      { type: 'gate.opened', data: opened },
      { type: 'vote.cast', data: { gate: 'B-142.g1', person: ALICE, choice: 'go' } },
      { type: 'gate.decided', data: { gate: 'B-142.g1', outcome: 'go', by: [ALICE] } },
      ...did('publish-set', { set: 'S1', bytes: 2_000_000, gaps, places: [] }),
      ...did('verify-set', {}),
      { type: 'run.succeeded', data: {} },
    );
    const lines = showRun({ run, progress: null, now: NOW, name });
    expect(lines).toContain('  go by Alice at 2026-11-21 02:00:05Z (B-142.g1)');
    expect(lines.slice(-4)).toEqual([
      '  succeeded at 2026-11-21 02:00:10Z, verified: every byte was read back and compared',
      '  set S1, 2.0 MB in ',
      '  only in the database dump:',
      '    1 key (decK knows none)',
    ]);
  });

  it('says that no worker has taken a run that is five seconds old', () => {
    const run = story(requestedBody(planOf(null)));
    const lines = (ms: number) =>
      showRun({ run, progress: null, now: new Date(START.getTime() + ms), name }).join('\n');
    expect(lines(4999)).toMatch(/^B-142 .*: running\n/);
    expect(lines(4999)).not.toContain('no worker');
    expect(lines(5000)).toMatch(/^B-142 .*: waiting for a worker\n/);
    expect(lines(5000)).toContain('no worker has taken it yet. Does one run?');
  });

  it('keeps a list inside a failure below its first line', () => {
    const fault = { code: 'x', message: 'Two checks failed:\n• a\n• b', hint: 'Mend them.' };
    const run = story(requestedBody(planOf(null)), { type: 'run.failed', data: { step: 'preflight', fault } });
    expect(showRun({ run, progress: null, now: NOW, name }).slice(-2)[0]).toBe(
      '  failed at 2026-11-21 02:00:01Z: Two checks failed:\n    • a\n    • b',
    );
  });

  it('says why it failed and what to do next', () => {
    const fault = { code: 'x', message: 'The disk is full.', hint: 'Make room.' };
    const run = story(requestedBody(planOf(null)), { type: 'run.failed', data: { step: 'publish-set', fault } });
    expect(showRun({ run, progress: null, now: NOW, name }).slice(-2)).toEqual([
      '  failed at 2026-11-21 02:00:01Z: The disk is full.',
      '  Make room.',
    ]);
  });
});

describe('a gateway in the terminal', () => {
  it('shows its last verified backup with age and gaps', () => {
    const lastVerified = {
      runId: 'B-7',
      state: 'verified',
      at: minutes(-115).toISOString(),
      bytes: 1e6,
      gaps: 1,
    } as const;
    const none = { lastEnded: null, locked: null, active: [] };
    const status = { gateway: 'production', environment: 'production', lastVerified, ...none };
    expect(showGateway(status, NOW)).toEqual([
      'production (production)',
      '  last verified backup: B-7, 2 h old, 1.0 MB, 1 gap',
      '  nothing runs',
    ]);
  });

  it('says plainly that there is none, and what runs', () => {
    const run = story(requestedBody(planOf(null)), stepStarted('preflight'));
    const none = { lastVerified: null, lastEnded: null, locked: null };
    const status = { gateway: 'staging', environment: 'staging', ...none, active: [run] };
    expect(showGateway(status, NOW)).toEqual([
      'staging (staging)',
      '  no verified backup yet',
      '  now: B-142 running: Check gateway, tools and rights',
    ]);
  });
});

describe('an event', () => {
  const told = { name, plan: planOf() };

  it.each([
    [requestedBody(), 'Alice asked for a backup of production'],
    [stepStarted('dump-database', 2), 'Dump the database: started (attempt 2)'],
    [
      { type: 'vote.cast', data: { gate: 'B-142.g1', person: BOB, choice: 'no-go', comment: 'not tonight' } },
      'Bob says no-go: not tonight (B-142.g1)',
    ],
    [{ type: 'run.cancelled', data: { reason: 'nobody decided in time' } }, 'cancelled: nobody decided in time'],
    [
      { type: 'refusal.recorded', data: { person: ALICE, command: 'vote', code: 'own-request', message: 'No' } },
      'Alice was refused "vote": No',
    ],
  ] as const)('is told in one sentence', (event, sentence) => {
    expect(tellEvent(event, told)).toBe(sentence);
  });

  it('of a newer version is told by its type', () => {
    expect(tellEvent({ type: 'run.restored', data: {} } as never, told)).toBe('run.restored');
  });
});

describe('what is asked of the trail', () => {
  const config = {
    slack: { team: 'T01LOCAL', mode: 'socket', port: 0 },
    people: [{ id: 'U01ALICE', name: 'Alice Adams', system_user: 'alice' }],
    gateways: [{ name: 'production' }],
  } as unknown as Parameters<typeof auditQuery>[0];
  const flags = { limit: '100', json: false };

  it.each([
    ['b-142', { runId: 'B-142' }],
    ['production', { gateway: 'production' }],
    ['alice', { person: ALICE }],
    ['Alice Adams', { person: ALICE }],
    ['U01ALICE', { person: ALICE }],
    ['U09GONE', { person: 'T01LOCAL/U09GONE' }],
    ['T01LOCAL/U09GONE', { person: 'T01LOCAL/U09GONE' }],
  ])('about %s is %j', (about, expected) => {
    expect(auditQuery(config, about, flags, NOW)).toEqual({ limit: 100, about: expected });
  });

  it('takes a period', () => {
    expect(auditQuery(config, undefined, { ...flags, since: '1d', until: '2026-11-21' }, NOW)).toEqual({
      limit: 100,
      since: '2026-11-20T02:05:00.000Z',
      until: '2026-11-21T00:00:00.000Z',
    });
  });

  it('is refused about nothing known, with the nearest', () => {
    expect(auditQuery(config, 'prodcution', flags, NOW)).toMatchObject({
      code: 'unknown-subject',
      message: '"prodcution" is no run, gateway or person',
      hint: 'Did you mean production?',
    });
    expect(auditQuery(config, undefined, { ...flags, limit: '0' }, NOW)).toMatchObject({ code: 'bad-option' });
    expect(auditQuery(config, undefined, { ...flags, since: 'x' }, NOW)).toMatchObject({ code: 'bad-time' });
  });
});
