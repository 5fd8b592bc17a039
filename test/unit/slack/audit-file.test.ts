import { describe, expect, test } from 'vitest';
import { partOf, trailLine } from '../../../src/runs/words/trail-line.ts';
import { auditFile, fileLine, fileNotSent, fileSent } from '../../../src/slack/views/audit-file.ts';

const row = (seq: number, body = `{"type":"watcher.added","seq":${seq}}`) => ({
  seq,
  runId: 'B-142',
  version: seq,
  body,
  prevHash: 'b'.repeat(64),
  hash: 'a'.repeat(64),
});
const facts = {
  lines: [row(1), row(2)].map(fileLine),
  more: false,
  filtered: false,
  about: 'of everything',
  subject: 'all',
  now: new Date('2026-11-21T09:40:12.000Z'),
};

describe('the file of an audit answer', () => {
  test('with the whole trail is an export, and says how to check it', () => {
    expect(auditFile(facts)).toEqual({
      name: 'kong-audit-all-20261121T0940Z.ndjson',
      content: trailLine(row(1)) + trailLine(row(2)),
      says:
        'Audit trail of everything: 2 rows as NDJSON, oldest first, one row a line, as `kong-chatops audit export` writes them.\n' +
        'This is the whole trail. Check it anywhere: `kong-chatops audit verify --file kong-audit-all-20261121T0940Z.ndjson`',
    });
  });

  test('with a part of the trail says so in its name, its first line and its message', () => {
    const { name, content, says } = auditFile({ ...facts, filtered: true, about: 'of B-142', subject: 'B-142' });
    expect(name).toBe('kong-audit-B-142-part-20261121T0940Z.ndjson');
    const [first, ...rest] = content.split('\n');
    expect(JSON.parse(first ?? '')).toEqual({
      part: 'of B-142',
      note: 'A part of the audit trail: it cannot prove that no row is missing. The whole export can: kong-chatops audit export, then kong-chatops audit verify --file.',
    });
    expect(rest.join('\n')).toBe(trailLine(row(1)) + trailLine(row(2)));
    expect(says).toBe(
      'Audit trail of B-142: 2 rows as NDJSON, oldest first, one row a line, as `kong-chatops audit export` writes them.\n' +
        'This is a part of the trail, so it cannot prove that no row is missing. The whole export can: `kong-chatops audit export`, then `kong-chatops audit verify --file`.',
    );
  });

  test('that was cut says which rows are in it, in file, message and answer', () => {
    const { content, says } = auditFile({ ...facts, more: true });
    expect(partOf(JSON.parse(content.split('\n')[0] ?? ''))).toBe('the newest 2 rows');
    const cut = 'Only the newest 2 rows are in it. Ask for a shorter period to have the older ones.';
    expect(says).toContain(`\n⚠️ ${cut}\n`);
    expect(fileSent({ lines: facts.lines, more: true }, 'x.ndjson')).toBe(
      `2 rows went to your direct messages with the bot as \`x.ndjson\`. ${cut}`,
    );
  });

  test('masks what looks like a secret, says so, and is then no export to verify (10.5)', () => {
    const secret = row(2, '{"data":{"reason":"use xoxb-1234-abcd","password":"hunter22"}}');
    const { content, says } = auditFile({ ...facts, lines: [row(1), secret].map(fileLine) });
    expect(content).not.toMatch(/xoxb-1234|hunter22/);
    expect(partOf(JSON.parse(content.split('\n')[0] ?? ''))).toBe('1 row masked');
    expect(says).toContain('⚠️ 1 row held what looks like a secret; it is masked in this file.');
  });

  test('leaves a row that holds no secret as it is stored, byte for byte, also one that is no JSON', () => {
    for (const body of ['{"b":1, "a":2.0}', 'not json <!channel>']) {
      expect(fileLine(row(1, body))).toEqual({ text: trailLine(row(1, body)), masked: false });
    }
  });

  test('is named harmlessly, whatever it is about', () => {
    const { name } = auditFile({ ...facts, subject: '../../etc/passwd <!here' });
    expect(name).toBe('kong-audit-..-..-etc-passwd-here-20261121T0940Z.ndjson');
  });
});

describe('a file that Slack did not take is answered with what to do', () => {
  test.each([
    [
      { kind: 'refused', why: 'missing_scope' } as const,
      'Slack did not take the file (missing_scope), so nothing was sent',
      'Give the Slack app the scope files:write and install it again (docs/slack.md); until then run `kong-chatops audit export` on the bot’s host',
    ],
    [
      { kind: 'refused', why: 'file_upload_size_restricted' } as const,
      'Slack did not take the file (file_upload_size_restricted), so nothing was sent',
      'To have the rows, run `kong-chatops audit export` on the bot’s host',
    ],
    [
      { kind: 'not-done', why: 'ratelimited', afterMs: 30_000 } as const,
      'Slack did not take the file (ratelimited), so nothing was sent',
      'Try again in 30 s, or run `kong-chatops audit export` on the bot’s host',
    ],
    [
      { kind: 'unknown', why: 'HTTP 503' } as const,
      'Slack did not confirm the file (HTTP 503), so it may or may not have come',
      'Look into your direct messages with the bot; if it is not there, run `kong-chatops audit export` on the bot’s host',
    ],
  ])('%o', (failure, message, hint) => {
    expect(fileNotSent(failure)).toMatchObject({ message, hint });
  });
});
