import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { failureOf } from '../../../src/slack/outcome.ts';
import { callerOf } from '../../../src/slack/answering/caller.ts';
import { parseAudit, parseBackup, parseStatus } from '../../../src/slack/commands/parse.ts';
import { context, section } from '../../../src/slack/views/kit/blocks.ts';
import { bytes, cut, duration, escape, lines, listed } from '../../../src/slack/views/kit/text.ts';
import { WebAPIHTTPError, WebAPIPlatformError, WebAPIRateLimitedError, WebAPIRequestError } from '@slack/web-api';

const NOW = new Date('2026-11-21T12:00:00.000Z');

describe('what is typed', () => {
  test.each([
    ['', {}],
    ['production', { gateway: 'production' }],
    ['production --reason before the upgrade', { gateway: 'production', reason: 'before the upgrade' }],
    ['production —reason “before the upgrade”', { gateway: 'production', reason: 'before the upgrade' }],
    ['production --reason=why not', { gateway: 'production', reason: 'why not' }],
    ['--reason a &amp; b', { reason: 'a & b' }],
    ['production --reason keep --force out of it', { gateway: 'production', reason: 'keep --force out of it' }],
  ])('/kong-backup %s', (text, words) => {
    expect(parseBackup(text)).toEqual(words);
  });

  test.each([
    ['production --reson x', 'unknown-option', 'Did you mean --reason? Write /kong-backup [gateway] [--reason why]'],
    ['production staging', 'stray-word', 'Write /kong-backup [gateway] [--reason why]'],
    ['production --reason', 'reason-missing', 'Write /kong-backup [gateway] [--reason why]'],
  ])('/kong-backup %s is refused', (text, code, hint) => {
    expect(parseBackup(text)).toMatchObject({ refused: true, code, hint });
  });

  test.each([
    ['', { all: true }],
    ['b-142', { runId: 'B-142' }],
    ['production', { gateway: 'production' }],
  ])('/kong-status %s', (text, words) => {
    expect(parseStatus(text)).toEqual(words);
  });

  test.each([
    ['', {}],
    ['B-142', { about: { runId: 'B-142' } }],
    ['production since 2d', { about: { gateway: 'production' }, since: '2026-11-19T12:00:00.000Z' }],
    [
      '<@U02BOB|bob> since yesterday until today',
      { about: { user: 'U02BOB' }, since: '2026-11-20T00:00:00.000Z', until: '2026-11-21T23:59:59.999Z' },
    ],
    ['--since 2026-11-01', { since: '2026-11-01T00:00:00.000Z' }],
    ['since 2026-11-01T08:00Z', { since: '2026-11-01T08:00:00.000Z' }],
  ])('/kong-audit %s', (text, words) => {
    expect(parseAudit(text, ['production'], NOW)).toEqual(words);
  });

  test.each([
    ['prodution', 'unknown-gateway', 'Did you mean production?'],
    [
      'production sinse 2d',
      'stray-word',
      'Write /kong-audit [run, gateway or @person] [since 2d or 2026-11-01] [until …]',
    ],
    [
      'since soon',
      'unknown-time',
      'Write 2h, 7d, 2w, today, yesterday, a day like 2026-11-01 or a time like 2026-11-01T08:00Z',
    ],
    [
      'since 2026-13-45',
      'unknown-time',
      'Write 2h, 7d, 2w, today, yesterday, a day like 2026-11-01 or a time like 2026-11-01T08:00Z',
    ],
  ])('/kong-audit %s is refused', (text, code, hint) => {
    expect(parseAudit(text, ['production'], NOW)).toMatchObject({ refused: true, code, hint });
  });

  test('nothing that can be typed breaks the parsers', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 300 }), (text) => {
        expect(typeof parseBackup(text)).toBe('object');
        expect(typeof parseStatus(text)).toBe('object');
        expect(typeof parseAudit(text, ['production'], NOW)).toBe('object');
      }),
    );
  });
});

describe('text', () => {
  test('a cut never leaves half an entity, half a token or half a character', () => {
    const token = fc.constantFrom('&amp;', '&lt;', '<!date^1^{time}|x>', '<@U01ALICE>', '😀', 'word ', 'é');
    fc.assert(
      fc.property(fc.array(token, { maxLength: 30 }), fc.integer({ min: 20, max: 80 }), (parts, max) => {
        const text = cut(parts.join(''), max);
        expect(text.length).toBeLessThanOrEqual(max);
        expect(text.isWellFormed()).toBe(true);
        expect(text.replaceAll(/<[^<>]*>/g, '')).not.toMatch(/[<>]/);
        expect(text.replaceAll(/&(?:amp|lt|gt);/g, '')).not.toContain('&');
      }),
    );
  });

  test('lists that are too long say how many are left', () => {
    expect(listed(['a', 'b', 'c'])).toBe('a, b and c');
    expect(
      listed(
        Array.from({ length: 12 }, (_, index) => `${index}`),
        3,
      ),
    ).toBe('0, 1, 2 … and 9 more');
    expect(
      lines(
        Array.from({ length: 30 }, () => 'x'.repeat(20)),
        100,
      ),
    ).toMatch(/… and 27 more$/);
  });

  test('no mark that turns the direction of text comes through', () => {
    expect(escape('a\u061Cb\u200E\u200Fc\u202A\u202Ed\u2066\u2069e')).toBe('abcde');
  });

  test('a reason cannot dress up as the words of the bot: neither bold nor ticks', () => {
    expect(escape('*Approved by Bob.* :white_check_mark: at 12:30:05')).toBe(
      '∗Approved by Bob.∗ ꞉white_check_mark꞉ at 12:30:05',
    );
  });

  test('plain words of strangers stay plain: no address becomes a link, no @channel a mention', () => {
    const text = { type: 'mrkdwn', text: '@channel https://evil.example', verbatim: true };
    expect(section(text.text)).toEqual({ type: 'section', text });
    expect(context(text.text)).toEqual({ type: 'context', elements: [text] });
  });

  test('secrets do not reach Slack, whoever wrote them (10.5)', () => {
    expect(escape('token xoxb-1234-abcd and postgres://kong:hunter2@db/kong')).toBe(
      'token *** and postgres://kong:***@db/kong',
    );
  });

  test.each([
    [0, '0 bytes'],
    [999, '999 bytes'],
    [40_163_000, '40.2 MB'],
    [999_999_999, '1.0 GB'],
  ])('%d bytes are %s', (value, text) => {
    expect(bytes(value)).toBe(text);
  });

  test.each([
    [0.4, 'less than a second'],
    [12, '12 s'],
    [125, '2 min 5 s'],
    [11_400, '3 h 10 min'],
    [187_200, '2 days 4 h'],
  ])('%d seconds are %s', (value, text) => {
    expect(duration(value)).toBe(text);
  });
});

describe('what a failed call means', () => {
  const platform = (error: string) => new WebAPIPlatformError({ ok: false, error });
  const request = (code: string) => new WebAPIRequestError(Object.assign(new Error('x'), { cause: { code } }));
  test.each([
    ['a refusal is certain', platform('not_in_channel'), { kind: 'refused', why: 'not_in_channel' }],
    ['a 429 did nothing', new WebAPIRateLimitedError(7), { kind: 'not-done', why: 'ratelimited', afterMs: 7000 }],
    [
      'a refused connection did nothing',
      request('ECONNREFUSED'),
      { kind: 'not-done', why: 'ECONNREFUSED', afterMs: 10_000 },
    ],
    ['a lost connection may have done it', request('ECONNRESET'), { kind: 'unknown', why: 'ECONNRESET' }],
    ['an internal error may have done it', platform('internal_error'), { kind: 'unknown', why: 'internal_error' }],
    ['a 503 may have done it', new WebAPIHTTPError(503, 'x', {}), { kind: 'unknown', why: 'HTTP 503' }],
    [
      'a bad token is mended by people',
      platform('token_revoked'),
      { kind: 'not-done', why: 'token_revoked', afterMs: 60_000 },
    ],
    ['anything else may have done it', new Error('x'), { kind: 'unknown', why: 'Error' }],
  ])('%s', (_, error, expected) => {
    expect(failureOf(error)).toEqual(expected);
  });
});

describe('who pressed', () => {
  test.each([
    ['a command', { user_id: 'U1', team_id: 'T1' }, 'T1', 'T1/U1'],
    ['a click', { user: { id: 'U1', team_id: 'T1' }, team: { id: 'T1' } }, 'T1', 'T1/U1'],
    ['a click by a stranger in our channel', { user: { id: 'U9', team_id: 'T9' }, team: { id: 'T1' } }, 'T1', 'T9/U9'],
    [
      'a click on an enterprise grid',
      { user: { id: 'W1', team_id: 'T1' }, team: { id: 'T1', enterprise_id: 'E1' } },
      'E1',
      'E1/W1',
    ],
    [
      'a stranger on an enterprise grid',
      { user: { id: 'U9', team_id: 'T9' }, team: { id: 'T1', enterprise_id: 'E1' } },
      'E1',
      'T9/U9',
    ],
    ['nobody', {}, 'T1', '/'],
  ])('%s', (_, body, team, person) => {
    expect(callerOf(body, team)).toEqual({ person, via: 'slack' });
  });
});
