import type { KnownBlock } from '@slack/types';
import { describe, expect, it } from 'vitest';
import { restoreFaults, restoreModal, restoreWords, UNVERIFIED } from '../../../src/slack/views/restore-modal.ts';
import { byProof, everySetsAnswer, setsAnswer, type ViewSet, type ViewWays } from '../../../src/slack/views/sets.ts';
import { STRATEGIES } from '../../../src/slack/views/strategies.ts';
import { parseDrill, parseRun, parseSets, parseUnlock } from '../../../src/slack/commands/parse-restores.ts';
import { COMMANDS } from '../../../src/slack/views/help.ts';
import { plainRefusal } from '../../../src/slack/views/kit/text.ts';
import { blockFaults } from '../../support/slack/slack-limits.ts';
import { ALICE, BOB, START, minutes } from '../../support/story.ts';

const set = (run: number, change: Partial<ViewSet> = {}): ViewSet => ({
  set: `production-20261121T0200Z-B-${run}`,
  state: 'verified',
  createdAt: minutes(0).toISOString(),
  ageSeconds: 3600,
  bytes: 41_200_000,
  gaps: 2,
  places: [{ destination: 'main', path: '/srv/sets/production' }],
  missingFrom: [],
  verifiedAt: minutes(1).toISOString(),
  restoredAt: null,
  safety: false,
  ...change,
});
const WAYS: ViewWays = {
  strategies: ['database', 'declarative', 'files'],
  noDrill: null,
  mayAsk: true,
  mayBreakGlass: false,
};
const page = (sets: readonly ViewSet[], ways = WAYS, from = 0) =>
  setsAnswer({ gateway: 'production', sets, ways, from, names: { [BOB]: 'Bob' } }, minutes(60));

describe('the list of sets', () => {
  it('says of each how it is proven, how old, what is missing and where it lies', () => {
    const sets = [
      set(4, { state: 'finished', verifiedAt: null, missingFrom: ['<!channel>'] }),
      set(3),
      set(2, { state: 'restored', restoredAt: minutes(5).toISOString() }),
      set(1, { state: 'damaged', createdAt: null, ageSeconds: null, bytes: null, gaps: null }),
    ];
    const { text, blocks } = page(sets);
    const all = JSON.stringify(blocks);
    expect(text).toMatch(/^production has 4 sets\. Newest verified: `production-20261121T0200Z-B-3`, taken 1 h ago/);
    for (const words of [
      'Finished, not verified',
      '*Verified*',
      'Restored in a drill',
      '*Damaged*',
      '41.2 MB',
      '2 gaps',
    ])
      expect(all).toContain(words);
    expect(all).toContain('*Missing in* &lt;!channel&gt;');
    expect(all.match(/Restore…/g)).toHaveLength(3);
  });

  it('keeps Slack’s limits with hundreds of sets, and pages', () => {
    const many = Array.from({ length: 300 }, (_, index) => set(index));
    expect(blockFaults(page(many).blocks, 50)).toEqual([]);
    expect(JSON.stringify(page(many).blocks)).toContain('Older sets (292 more)');
    expect(JSON.stringify(page(many, WAYS, 296).blocks)).not.toContain('Older sets');
    const gateways = Array.from({ length: 60 }, () => ({ gateway: 'production', sets: many, ways: WAYS }));
    expect(blockFaults(everySetsAnswer(gateways, minutes(60), {}).blocks, 50)).toEqual([]);
  });

  it('says of a held set for whom, since when, why and until when retention leaves it', () => {
    const hold = {
      set: set(3).set,
      gateway: 'production',
      person: BOB,
      reason: 'evidence <!here>',
      at: START.toISOString(),
    };
    const { text, blocks } = page([set(4), set(3, { hold })]);
    expect(text).toContain('B-3 is verified, taken 1 h ago (');
    expect(text).toMatch(/, and held: retention leaves it\.$/);
    const told = (blocks as readonly { readonly text?: { readonly text: string } }[]).map(
      (one) => one.text?.text ?? '',
    );
    expect(told.filter((words) => words.includes('📌'))).toEqual([
      expect.stringMatching(
        /\n📌 \*Held\* by Bob since <!date\^[^>]+>: “evidence &lt;!here&gt;”\. Retention leaves it until an admin ends this: `kong-chatops backup unhold`$/,
      ),
    ]);
    const long = { ...hold, reason: 'x'.repeat(2000) };
    expect(blockFaults(page(Array.from({ length: 30 }, (_, run) => set(run, { hold: long }))).blocks, 50)).toEqual([]);
  });

  it('offers nothing to somebody who may only see, and says how to make the first one', () => {
    const { blocks } = page([set(1)], { ...WAYS, mayAsk: false });
    expect(JSON.stringify(blocks)).not.toContain('"actions"');
    expect(page([]).text).toBe('production has no sets in its destinations. Make one: /kong-backup production');
  });
});

describe('the window of a restore', () => {
  const origin = { channel: 'C02OPS' };
  const modal = (emergency: boolean, chosen?: string) =>
    restoreModal({
      gateway: 'production',
      sets: [set(4, { state: 'finished' }), set(3), set(2, { safety: true }), set(1)],
      ways: WAYS,
      chosen,
      origin: { ...origin, emergency },
    });

  it('lists the best proven first, safety backups last, and proposes the guide’s order', () => {
    expect(
      byProof([set(4, { state: 'finished' }), set(3), set(2, { safety: true }), set(1)]).map((one) => one.set.at(-1)),
    ).toEqual(['3', '1', '4', '2']);
    const drawn = modal(false);
    const all = JSON.stringify(drawn);
    expect(blockFaults((drawn?.blocks ?? []) as readonly KnownBlock[], 100)).toEqual([]);
    expect(all).toContain(
      '"initial_option":{"text":{"type":"plain_text","text":"Verified · 1 h old · 41.2 MB · 2 gaps · B-3"',
    );
    expect(all).toContain('1. *Database* (proposed)');
    expect(all).not.toContain('Incident');
  });

  it('starts with the set whose button was pressed', () => {
    expect(JSON.stringify(modal(false, set(1).set))).toContain(
      'gaps · B-1","emoji":true},"value":"production-20261121T0200Z-B-1"},',
    );
  });

  it('is loud in an emergency: nobody is asked, everybody is told, somebody reviews', () => {
    const all = JSON.stringify(modal(true));
    for (const words of ['BREAK GLASS', 'Nobody is asked', 'within 72 hours', 'Incident', UNVERIFIED])
      expect(all).toContain(words);
  });

  it('asks for the gateway’s name exactly, and takes the proposed set where nobody changed it', () => {
    const values = { 'restore/name': { name: { value: 'prodution' } } };
    expect(restoreFaults(values, { gateway: 'production' })).toEqual({
      'restore/name': '“prodution” is not the gateway. Type production to confirm.',
    });
    expect(restoreFaults({ 'restore/name': { name: { value: 'production' } } }, { gateway: 'production' })).toBeNull();
    expect(restoreWords(values, { gateway: 'production', set: set(3).set, emergency: true })).toEqual({
      gateway: 'production',
      set: set(3).set,
      strategy: 'database',
      safety: 'backup',
      only: [],
      reason: '',
      emergency: { incident: '' },
    });
  });

  it('has words for every strategy that fit into a list of choices', () => {
    expect(Object.values(STRATEGIES).filter(({ label }) => label.length > 75)).toEqual([]);
  });
});

describe('what people type', () => {
  it.each([
    [parseSets('diff production-20261121T0200Z-B-1'), { diff: 'production-20261121T0200Z-B-1' }],
    [parseSets(''), {}],
    [parseDrill('staging —reason before the audit'), { gateway: 'staging', reason: 'before the audit' }],
    [parseRun('r-7 production', COMMANDS.rollback), { runId: 'R-7', rest: 'production' }],
    [parseUnlock('production it was "the wrong" week'), { gateway: 'production', cause: 'it was the wrong week' }],
  ])('%j', (parsed, expected) => expect(parsed).toEqual(expected));

  it.each([
    [parseSets('diff'), '“diff” came without a set', 'Write /kong-backups [gateway] or diff <set>'],
    [
      parseDrill('staging --raeson x'),
      '/kong-drill has no option --raeson',
      'Did you mean --reason? Write /kong-drill [gateway] [set] [--reason why]',
    ],
    [parseRun('', COMMANDS.review), '/kong-review came without a run', 'Write /kong-review <run> <finding>'],
    [parseUnlock(''), '/kong-unlock came without a gateway', 'Write /kong-unlock <gateway> <cause>'],
  ])('a mistake is answered with what to write: %j', (parsed, message, hint) => {
    expect(parsed).toMatchObject({ message, hint });
  });

  it('a refusal in a window names people, not ids, and pings nobody', () => {
    const refused = { message: `It is held by ${ALICE} <!channel>`, hint: 'Wait' };
    expect(plainRefusal(refused, { [ALICE]: 'Alice' })).toBe('It is held by Alice ‹!channel›. Wait.');
  });
});
