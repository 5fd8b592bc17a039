import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { KnownBlock } from '@slack/types';
import { openGate } from '../../../src/runs/rules/gate.ts';
import type { Run } from '../../../src/runs/run.ts';
import { owedMessages } from '../../../src/slack/publish/owed.ts';
import { auditAnswer } from '../../../src/slack/views/audit.ts';
import { helpAnswer } from '../../../src/slack/views/help.ts';
import { homeView } from '../../../src/slack/views/home.ts';
import { ACTIONS } from '../../../src/slack/views/kit/action-ids.ts';
import type { Drawing } from '../../../src/slack/views/kit/blocks.ts';
import { ownMark } from '../../../src/slack/views/kit/blocks.ts';
import type { ViewContext } from '../../../src/slack/views/kit/context.ts';
import {
  backupModal,
  INPUTS,
  noGoModal,
  OWN_VOTE,
  ownVoteFaults,
  ownVoteModal,
} from '../../../src/slack/views/modals.ts';
import { card } from '../../../src/slack/views/run/card.ts';
import { busy, refusal, staleButton } from '../../../src/slack/views/run/notices.ts';
import { runAnswer, statusAnswer } from '../../../src/slack/views/status.ts';
import { refuse } from '../../../src/runs/refusal.ts';
import { arbitraryStory, standingOf } from '../../support/arbitrary-run.ts';
import { ALICE, BOB, CAROL } from '../../support/story.ts';
import { blockFaults, buttonsOf, rawTokens } from '../../support/slack/slack-limits.ts';

const NAMES = { [ALICE]: 'Alice', [BOB]: 'Bob <!channel>', [CAROL]: 'Carol & Co' };
const progress = fc.option(
  fc.record({
    step: fc.constantFrom('dump-database', 'verify-set', 'preflight'),
    attempt: fc.integer({ min: 1, max: 3 }),
    done: fc.nat(5_000_000_000),
    total: fc.option(fc.nat(5_000_000_000)),
    unit: fc.constantFrom('bytes', 'tables', 'files'),
    note: fc.string({ maxLength: 400 }),
    at: fc.constant('2026-11-21T02:00:00.000Z'),
  }),
);
const context = fc.record({
  names: fc.constant(NAMES),
  progress,
  link: fc.option(fc.constant('https://acme.slack.com/archives/C02OPS/p1')),
  head: fc.option(fc.constant({ seq: 7, hash: 'f'.repeat(64) })),
}) as fc.Arbitrary<ViewContext>;

/** Hostile text in every place where a gateway or a person can put text. */
const hostile = fc.oneof(
  fc.constantFrom(
    '<!channel>',
    '<@U01ALICE>',
    '&lt;!here&gt;',
    '`x`',
    '<https://evil|click>',
    '\u202Egnp',
    'a'.repeat(9000),
  ),
  fc.string({ unit: 'binary', maxLength: 300 }),
);

function poisoned(run: Run, poison: string): Run {
  const steps = Object.fromEntries(
    Object.entries(run.steps).map(([id, step]) => [
      id,
      step.fault === undefined ? step : { ...step, fault: { ...step.fault, message: poison, hint: poison } },
    ]),
  );
  return {
    ...run,
    steps,
    plan: { ...run.plan, gateway: poison, environment: poison },
    reason: poison,
    ...(run.fault === undefined ? {} : { fault: { code: 'x', message: poison, hint: poison } }),
    ...(run.cancelReason === undefined ? {} : { cancelReason: poison }),
    gates: run.gates.map((gate) => ({
      ...gate,
      ...(gate.reason === undefined ? {} : { reason: poison }),
      votes: gate.votes.map((vote) => ({ ...vote, comment: poison })),
    })),
  };
}

function drawingsOf(run: Run, events: Parameters<typeof owedMessages>[1], view: ViewContext, now: Date): Drawing[] {
  const posted = {
    ...run,
    messages: { card: { status: 'posted', channel: 'C02OPS', ts: '1.2', intendedAt: 'x' } as const },
  };
  const refused = refuse('busy', 'It is busy', 'Wait');
  return [
    ...owedMessages(posted, events, undefined, now).map((owed) => owed.draw(view, now)),
    busy(refused, run, view),
    staleButton(refused, run, run.gates.at(-1), view),
    runAnswer(run, now, view),
    statusAnswer(
      [{ gateway: run.plan.gateway, environment: 'x', lastVerified: null, lastEnded: run, locked: run, active: [run] }],
      now,
      view,
    ),
  ];
}

const VOTES: readonly string[] = [ACTIONS.go, ACTIONS.noGo, ACTIONS.ownVote];

describe('whatever happened to a run', () => {
  test('every message keeps Slack’s limits and has a sentence for screen readers (10.4)', () => {
    fc.assert(
      fc.property(arbitraryStory, context, ({ runs, events, now }, view) => {
        const run = runs.at(-1) as Run;
        for (const drawn of drawingsOf(run, events, view, now)) {
          expect(blockFaults(drawn.blocks, 50)).toEqual([]);
          expect(drawn.text.length).toBeGreaterThan(10);
          expect(drawn.text.length).toBeLessThanOrEqual(4000);
          expect(drawn.text).toMatch(/[.!?…”]$/);
        }
      }),
      { numRuns: 60 },
    );
  });

  test('no text of a gateway or a person can ping anybody or break a limit (10.5)', () => {
    fc.assert(
      fc.property(arbitraryStory, context, hostile, ({ runs, events, now }, view, poison) => {
        const run = poisoned(runs.at(-1) as Run, poison);
        for (const drawn of drawingsOf(run, events, view, now)) {
          expect(blockFaults(drawn.blocks, 50)).toEqual([]);
          const mentionable = [ALICE, ...run.eligible].map((person) => `<@${person.split('/')[1] ?? ''}>`);
          expect(rawTokens(drawn).filter((token) => !allowed(token, mentionable))).toEqual([]);
        }
      }),
      { numRuns: 60 },
    );
  });

  test('go, no-go and the own vote are on the card exactly while a gate is open, and carry the gate’s id and nothing else (2.9)', () => {
    fc.assert(
      fc.property(arbitraryStory, context, ({ runs, now }, view) => {
        for (const run of runs) {
          const gate = openGate(run);
          const buttons = buttonsOf(card(run, now, view).blocks);
          const votes = buttons.filter(({ action_id: id }) => VOTES.includes(id ?? ''));
          expect(votes.map(({ value }) => value)).toEqual(gate === undefined ? [] : VOTES.map(() => gate.gate));
          expect(votes.every((button) => button.accessibility_label?.includes(run.id))).toBe(true);
        }
      }),
      { numRuns: 60 },
    );
  });

  test('the card never offers votes where the channel may not show them (1.2)', () => {
    fc.assert(
      fc.property(arbitraryStory, context, ({ runs, now }, view) => {
        for (const run of runs) {
          const drawn = card(run, now, { ...view, noVotesHere: 'The channel is shared.' });
          expect(buttonsOf(drawn.blocks).filter(({ action_id: id }) => VOTES.includes(id ?? ''))).toEqual([]);
        }
      }),
      { numRuns: 30 },
    );
  });

  test('block ids are unique and begin with run and slot, so that our own message can be found again', () => {
    fc.assert(
      fc.property(arbitraryStory, context, ({ runs, events, now }, view) => {
        const run = { ...(runs.at(-1) as Run), messages: {} };
        for (const owed of owedMessages(run, events, undefined, now)) {
          const ids = owed.draw(view, now).blocks.map((block) => block.block_id ?? '');
          expect(new Set(ids).size).toBe(ids.length);
          expect(ids.filter((id) => !id.startsWith(ownMark(run.id, owed.slot)))).toEqual([]);
        }
      }),
      { numRuns: 60 },
    );
  });

  test('the window for the own vote keeps the limits and pings nobody, whatever gateways and comments say', () => {
    fc.assert(
      fc.property(arbitraryStory, hostile, ({ runs }, poison) => {
        for (const run of runs.map((one) => poisoned(one, poison))) {
          for (const gate of run.gates) {
            const { blocks } = ownVoteModal(run, gate, gate.votes[0]?.person ?? BOB, {});
            expect(blockFaults(blocks as KnownBlock[], 100)).toEqual([]);
            expect(rawTokens({ text: '', blocks: blocks as KnownBlock[] })).toEqual([]);
          }
        }
      }),
      { numRuns: 40 },
    );
  });

  test('App Home keeps the limits for everybody', () => {
    fc.assert(
      fc.property(fc.array(arbitraryStory, { maxLength: 12 }), context, (stories, view) => {
        const runs = stories.map(({ runs }) => runs.at(-1) as Run);
        const gateways = runs.map((run) => ({
          gateway: run.plan.gateway,
          environment: 'production',
          lastVerified: null,
          lastEnded: run,
          locked: run,
          active: runs,
        }));
        const home = homeView(
          { person: standingOf(BOB), waitingForYou: runs, running: runs, recent: runs, gateways },
          new Date(),
          view,
          () => 'https://acme.slack.com/x',
        );
        expect(blockFaults(home.blocks as KnownBlock[], 100)).toEqual([]);
      }),
      { numRuns: 20 },
    );
  });

  test('the audit answer keeps the limits, whatever the rows say', () => {
    fc.assert(
      fc.property(arbitraryStory, fc.array(hostile, { maxLength: 5 }), ({ events }, garbage) => {
        const rows = [...events.map((event) => JSON.stringify(event)), ...garbage].map((body, index) => ({
          seq: index + 1,
          runId: 'B-142',
          body,
          hash: 'a'.repeat(64),
        }));
        const drawn = auditAnswer(
          { rows, more: true, about: 'of <!channel>', next: '{}', all: '{}' },
          { names: NAMES },
        );
        expect(blockFaults(drawn.blocks, 50)).toEqual([]);
        expect(rawTokens(drawn).filter((token) => !allowed(token, []))).toEqual([]);
      }),
      { numRuns: 60 },
    );
  });
});

test.each([
  [undefined, 'x', { [INPUTS.ownVoteChoice.block]: 'Choose one of the two.' }],
  [
    OWN_VOTE.go,
    '',
    { [INPUTS.ownVoteComment.block]: 'Write a comment, or press Go on the card for a go without one.' },
  ],
  [
    OWN_VOTE.go,
    'x'.repeat(2001),
    { [INPUTS.ownVoteComment.block]: 'A comment has at most 2000 characters; this has 2001.' },
  ],
  [OWN_VOTE.go, 'change 4711', null],
  [OWN_VOTE.withdraw, '', null],
  [OWN_VOTE.withdraw, 'x', { [INPUTS.ownVoteComment.block]: 'A withdrawal takes no comment: leave this empty.' }],
])('the window for the own vote, sent with %s and %s', (choice, comment, faults) => {
  expect(ownVoteFaults(choice, comment)).toEqual(faults);
});

test('windows keep the limits with a hundred gateways and long names', () => {
  const gateways = Array.from({ length: 130 }, (_, index) => ({
    name: `gateway-${index}`,
    environment: 'e'.repeat(200),
  }));
  expect(blockFaults(backupModal(gateways, {}).blocks as KnownBlock[], 100)).toEqual([]);
  expect(blockFaults(noGoModal('B-142.g1', 'B-142', {}).blocks as KnownBlock[], 100)).toEqual([]);
  expect(blockFaults(helpAnswer(gateways.map(({ name }) => name)).blocks, 50)).toEqual([]);
});

test('a refusal names people and times as people read them, and never pings by what somebody typed (10.6)', () => {
  const refused = refuse(
    'busy',
    `It is run by ${BOB} since 2026-11-21T02:00:00.000Z`,
    'Ask <!here> or T01LOCAL/U99EVIL',
  );
  expect(refusal(refused, { names: { [BOB]: 'Bob' } }).text).toBe(
    'It is run by Bob since <!date^1795226400^{date_short_pretty} {time}|2026-11-21 02:00 UTC>. Ask &lt;!here&gt; or T01LOCAL/U99EVIL.',
  );
});

/** Date tokens, channel links, links to our own cards, and mentions of people of the run are ours; nothing else is. */
function allowed(token: string, mentions: readonly string[]): boolean {
  return (
    /^<!date\^\d+\^\{date_short_pretty\} \{time\}\|[^<>|]*>$/.test(token) ||
    /^<https:\/\/acme\.slack\.com\/[^<>|]*\|Open>$/.test(token) ||
    mentions.includes(token) ||
    /^<@U0[1-5](?:ALICE|BOB|CAROL|DORA|GUS)>$/.test(token)
  );
}
