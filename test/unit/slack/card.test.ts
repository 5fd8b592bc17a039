import { describe, expect, test } from 'vitest';
import type { KnownBlock } from '@slack/types';
import type { EventBody } from '../../../src/runs/event.ts';
import type { Run } from '../../../src/runs/run.ts';
import { owedMessages } from '../../../src/slack/publish/owed.ts';
import { card } from '../../../src/slack/views/run/card.ts';
import { needsYou } from '../../../src/slack/views/run/notices.ts';
import { buttonsOf } from '../../support/slack/slack-limits.ts';
import {
  ALICE,
  BOB,
  CAROL,
  did,
  events,
  minutes,
  preflightDone,
  requestedBody,
  planOf,
  stepStarted,
  story,
  TWO_APPROVERS,
} from '../../support/story.ts';

const NAMES = { [ALICE]: 'Alice', [BOB]: 'Bob', [CAROL]: 'Carol' };
const VIEW = { names: NAMES, link: 'https://acme.slack.com/archives/C02OPS/p1' };
const UNTIL = '<!date^1795230000^{date_short_pretty} {time}|2026-11-21 03:00 UTC>';

const opened: EventBody = {
  type: 'gate.opened',
  data: {
    gate: 'B-142.g1',
    step: 'dump-database',
    attempt: 1,
    policy: TWO_APPROVERS,
    digest: 'ab12cd34ef56'.padEnd(64, '0'),
    evidence: ['preflight:3'],
    observed: { kongVersion: '3.9.1' },
    expiresAt: minutes(60).toISOString(),
  },
};
const goBy = (person: string): EventBody => ({ type: 'vote.cast', data: { gate: 'B-142.g1', person, choice: 'go' } });
const waiting = [requestedBody(planOf(TWO_APPROVERS)), ...preflightDone, opened, goBy(BOB)];
const places = [{ destination: 'main', path: '/var/backups/kong/production/B-142' }];
const artifact = {
  kind: 'database',
  name: 'database.tar.zst',
  bytes: 40_100_000,
  sha256: 'a'.repeat(64),
  tool: 'pg_dump',
  toolVersion: '15.18',
  seconds: 3,
  facts: { tables: 31, rows: 5120 },
};
const gap = { kind: 'keys', count: 3, what: '3 keys are not in the declarative file', why: 'decK knows no keys' };
const partial = {
  kind: 'sessions',
  count: 2,
  what: '2 sessions are not in the declarative file',
  why: 'they are in the database dump',
  onlyIn: 'database',
};
const open = { kind: 'encryption', count: null, what: 'NOT ENCRYPTED', why: 'no recipients' };
const savedWith = (...gaps: readonly object[]): readonly EventBody[] => [
  requestedBody(planOf(null)),
  ...preflightDone,
  ...did('dump-database', { artifacts: [artifact], gaps: [] }),
  ...did('publish-set', { set: 'B-142', bytes: 40_100_000, manifestSha256: 'b', gaps, places }),
];
const saved = savedWith(gap, partial, open);
const proven: readonly EventBody[] = [
  ...did('verify-set', { set: 'B-142', verifiedAt: minutes(3).toISOString(), bytesRead: 40_100_000, places }),
  { type: 'run.succeeded', data: {} },
];
const verified = [...saved, ...proven];
const fault = {
  code: 'permission',
  message: 'pg_dump was refused',
  hint: 'Grant SELECT on all tables, then try again',
};
const failed = (...before: readonly EventBody[]): readonly EventBody[] => [
  ...before,
  stepStarted('dump-database'),
  { type: 'step.failed', data: { step: 'dump-database', attempt: 1, fault } },
];

function textsOf(blocks: readonly KnownBlock[]): string[] {
  return blocks.flatMap((block) => {
    if (block.type === 'section' || block.type === 'header') return [block.text?.text ?? ''];
    return block.type === 'context' ? block.elements.flatMap((one) => ('text' in one ? [one.text] : [])) : [];
  });
}
const drawn = (run: Run, now = minutes(2)) => card(run, now, VIEW);

describe('the card', () => {
  test('that waits says first what it needs, from whom and until when', () => {
    const { text, blocks } = drawn(story(...waiting));
    expect(text).toBe(
      `Backup B-142 of production, asked for by Alice, waits for a go: it needs 2 approvals from approvers. Carol can still vote. Press Go or No-go on this message, before ${UNTIL}.`,
    );
    expect(textsOf(blocks).slice(0, 3)).toEqual([
      '✋ Backup of production · B-142',
      `*Waiting for a go.* Needs 1 more approval from approvers. Carol can still vote. Open until ${UNTIL}.`,
      '*Go or no-go?* Needs 2 approvals from approvers; one no-go stops it.\n• Bob says *go*\nAfter the go: “Dump the database” starts on production. A backup only reads from the gateway.',
    ]);
    const [go, noGo, ownVote, cancel] = buttonsOf(blocks);
    expect(go).toMatchObject({
      style: 'primary',
      value: 'B-142.g1',
      accessibility_label: 'Go for B-142 on production',
      confirm: {
        title: { text: 'Go for B-142 on production?' },
        text: { text: 'After the go: “Dump the database” starts on production. A backup only reads from the gateway.' },
      },
    });
    expect(noGo).toMatchObject({ style: 'danger', accessibility_label: 'No-go for B-142 on production' });
    expect(ownVote).toMatchObject({
      text: { text: 'Comment or withdraw…' },
      value: 'B-142.g1',
      accessibility_label: 'Go with a comment for B-142 on production, or withdraw your vote',
    });
    expect(cancel?.confirm?.title?.text).toBe('Cancel B-142 on production?');
  });

  test('that runs shows done, total and an estimate (4.5)', () => {
    const run = story(requestedBody(planOf(null)), ...preflightDone, stepStarted('dump-database'));
    const progress = { step: 'dump-database', attempt: 1, done: 10, total: 40, unit: 'tables', at: '', note: 'routes' };
    const lines = textsOf(card(run, minutes(1), { ...VIEW, progress }).blocks).join('\n');
    expect(lines).toContain(
      '⏳ *Dump the database*: running\n       ▓▓░░░░░░░░ 25 % · 10 of 40 tables · about 2 min 51 s left · routes',
    );
  });

  test('of a verified backup says what was saved, what was not, where it lies, and that it is not encrypted', () => {
    const { text, blocks } = drawn(story(...verified));
    expect(text).toBe(
      'Backup B-142 of production, asked for by Alice, is verified, with gaps. Every byte was read back and compared. 1 kind of data is not in it. 40.1 MB lie in main. Not in it: 3 keys are not in the declarative file. It is NOT ENCRYPTED.',
    );
    expect(textsOf(blocks).slice(2, 5)).toEqual([
      '*Saved:* set `B-142`, 40.1 MB\n• `database.tar.zst`: 40.1 MB, 31 tables, 5,120 rows (pg_dump 15.18)',
      '*Not in it:* 1 kind of data\n• 3 keys are not in the declarative file (decK knows no keys)\n' +
        '*Only in the database dump:* 1 kind of data\n• 2 sessions are not in the declarative file (they are in the database dump)',
      '*Where:* main `/var/backups/kong/production/B-142`\n*Proof:* verified: 40.1 MB read back from 1 place and compared, <!date^1795226580^{date_short_pretty} {time}|2026-11-21 02:03 UTC>.\n⚠️ *NOT ENCRYPTED*: whoever can read the place can read the data, secrets included.',
    ]);
  });

  test('of an encrypted backup says so, and does not warn', () => {
    const { text, blocks } = drawn(story(...savedWith(gap), ...proven));
    expect(text).toMatch(/ It is encrypted\.$/);
    expect(textsOf(blocks)[4]).toMatch(/\n🔒 \*Encrypted:\* only whoever holds the identity can open it\.$/);
    expect(JSON.stringify(blocks)).not.toContain('NOT ENCRYPTED');
  });

  test('of a backup with gaps never says complete', () => {
    expect(JSON.stringify(drawn(story(...verified)))).not.toMatch(/complete/i);
  });

  test('of a failure says why, what was changed, what was not and what to do next, and offers to try again (4.7)', () => {
    const run = story(...failed(requestedBody(planOf(null)), ...preflightDone), ...did('discard-set'), {
      type: 'run.failed',
      data: { step: 'dump-database', fault },
    });
    const { text, blocks } = drawn(run);
    expect(text).toBe(
      'Backup B-142 of production, asked for by Alice, has failed. At “Dump the database”: pg_dump was refused. What to do next: Grant SELECT on all tables, then try again.',
    );
    expect(textsOf(blocks).slice(1, 4)).toEqual([
      '*Failed.* At “Dump the database”: pg_dump was refused.',
      '*Changed:* nothing: what had been written was removed again. No backup came out of this run.\n*Not changed:* production itself: a backup only reads from the gateway. Earlier backups are as they were.',
      '*What to do next:* Grant SELECT on all tables, then try again.',
    ]);
    expect(buttonsOf(blocks).map(({ text: label }) => label.text)).toEqual(['Try again']);
  });

  test('of a backup that could not be verified says that the set exists and is not verified', () => {
    const run = story(
      ...saved,
      stepStarted('verify-set'),
      { type: 'step.failed', data: { step: 'verify-set', attempt: 1, fault } },
      { type: 'run.failed', data: { step: 'verify-set', fault } },
    );
    expect(textsOf(drawn(run).blocks)[2]).toContain(
      '*Changed:* the set `B-142` exists (main `/var/backups/kong/production/B-142`), but it is *not verified*.',
    );
  });

  test('shows who voted by CLI, from which host and as which user (1.6, decision 5)', () => {
    const list = events(waiting);
    const last = list.at(-1);
    const byCli = { kind: 'person', person: BOB, via: 'cli', host: 'bastion', systemUser: 'bob' } as const;
    const run = { ...story(...waiting) };
    const gates = run.gates.map((gate) => ({ ...gate, votes: gate.votes.map((vote) => ({ ...vote, by: byCli })) }));
    expect(last?.type).toBe('vote.cast');
    expect(textsOf(drawn({ ...run, gates }).blocks)[2]).toContain('• Bob says *go* (via CLI, bastion, bob)');
  });
});

describe('what a run owes', () => {
  const slots = (run: Run, list: readonly EventBody[], hidden?: string) =>
    owedMessages(run, events(list), hidden, minutes(5)).map(({ slot, to }) => `${slot} > ${to}`);

  test('while a gate is open: the card, one mention, the evidence; reminders by direct message to who can still vote', () => {
    const list: readonly EventBody[] = [
      ...waiting,
      { type: 'gate.reminded', data: { gate: 'B-142.g1', percent: 50 } },
      { type: 'gate.reminded', data: { gate: 'B-142.g1', percent: 80 } },
    ];
    expect(slots(story(...list), list)).toEqual([
      'card > C02OPS',
      'needs-you:B-142.g1 > C02OPS',
      `reminder:B-142.g1:80:${CAROL} > U03CAROL`,
      'thread:4 > C02OPS',
      'thread:5 > C02OPS',
    ]);
  });

  test('in a shared channel: no mention there, but direct messages to the approvers and to the requester', () => {
    expect(slots(story(...waiting), waiting, 'It is shared.')).toEqual([
      'card > C02OPS',
      `needs-you:B-142.g1:${CAROL} > U03CAROL`,
      'not-here:B-142.g1 > U01ALICE',
      'thread:5 > C02OPS',
    ]);
  });

  test('at the end: the requester and whoever asked are told, a failure goes into the channel too (4.7)', () => {
    const list: readonly EventBody[] = [
      requestedBody(planOf(null)),
      { type: 'watcher.added', data: { person: BOB } },
      { type: 'run.failed', data: { step: null, fault } },
    ];
    expect(slots(story(...list), list)).toEqual([
      'card > C02OPS',
      'thread:3 > C02OPS',
      'failed > C02OPS',
      `ended:${BOB} > U02BOB`,
      'ended > U01ALICE',
    ]);
  });

  test('the mention names everybody once and says what was decided afterwards (10.2)', () => {
    const before = story(...waiting);
    const [gate] = before.gates;
    if (gate === undefined) throw new Error('no gate');
    expect(needsYou(before, gate, VIEW).text).toBe(
      `<@U02BOB> and <@U03CAROL>: Backup B-142 of production, asked for by Alice, needs your go or no-go before ${UNTIL}. It takes 2 approvals from approvers.`,
    );
    const after = story(...waiting, goBy(CAROL), {
      type: 'gate.decided',
      data: { gate: 'B-142.g1', outcome: 'go', by: [BOB, CAROL] },
    });
    const [decided] = after.gates;
    if (decided === undefined) throw new Error('no gate');
    expect(needsYou(after, decided, VIEW).text).toMatch(
      /^Go was decided by Bob and Carol for B-142 on production, <!date\^.*>\. Nothing more to do here\.$/,
    );
  });
});
