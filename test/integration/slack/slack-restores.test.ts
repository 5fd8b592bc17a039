import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { StoredSet } from '../../../src/engine/ports.ts';
import { ALICE, BOB, CAROL, GENERAL, OPS } from '../../../src/sandbox/slack/cast.ts';
import { ACTIONS, MODALS } from '../../../src/slack/views/kit/action-ids.ts';
import { restorable } from '../../support/restorable.ts';
import { need } from '../../support/need.ts';
import { hands } from '../../support/slack/slack-hands.ts';
import { strictSlack, type TestSlack } from '../../support/slack/slack.ts';
import { BOT_SCOPES, PRODUCTION, ready, slackWorld, type SlackWorld } from '../../support/slack/slack-world.ts';

const SET = 'production-20261121T0200Z-B-9';
const GATEWAY = restorable(PRODUCTION, 86_400);
const STORED: StoredSet = {
  set: SET,
  state: 'finished',
  createdAt: new Date(Date.now() - 3_600_000).toISOString(),
  ageSeconds: 3600,
  bytes: 41_200_000,
  gaps: 0,
  places: [{ destination: 'main', path: `/srv/sets/production/${SET}` }],
  missingFrom: [],
};

const typed = (value: string) => ({ type: 'plain_text_input', value });
const chosen = (value: string) => ({
  type: 'static_select',
  selected_option: { value, text: { type: 'plain_text', text: value } },
});
const form = (name: string, more: Record<string, Record<string, object>> = {}) => ({
  'restore/set': { set: chosen(SET) },
  'restore/strategy': { strategy: chosen('database') },
  'restore/safety': { safety: chosen('backup') },
  'restore/only': { only: typed('') },
  'restore/reason': { reason: typed('every route answers 404') },
  'restore/name': { name: typed(name) },
  ...more,
});

describe.skipIf(!need('local-slack'))('restores from Slack', () => {
  let slack: TestSlack;
  let world: SlackWorld;
  const { type, click, answer, card } = hands(
    () => slack,
    () => world,
  );
  beforeAll(async () => {
    slack = await strictSlack({ scopes: BOT_SCOPES });
  });
  afterEach(async () => {
    slack.setRequestUrl(null);
    await world?.stop();
    await slack.control.reset();
  });
  afterAll(async () => {
    await slack?.stop();
  });
  const open = async (): Promise<void> => {
    world = await slackWorld(slack, { http: true, gateways: [GATEWAY], sets: [STORED], withAdmin: true });
    await ready(world);
    slack.setRequestUrl(`http://127.0.0.1:${world.port ?? 0}/slack/events`);
  };
  const window = async (callback: string, says = ''): Promise<void> => {
    await slack.control.until(`the window ${callback}`, () => {
      const modal = slack.control.modal();
      return modal?.callback_id === callback && JSON.stringify(modal.blocks).includes(says) ? true : null;
    });
  };
  const told = async (words: RegExp) =>
    await slack.control.until(`a message that says ${String(words)}`, async () =>
      (await slack.control.messages(OPS)).find((one) => one.ephemeral_to === undefined && words.test(one.text)),
    );

  test('a restore is asked for in a window, goes live after a go, says so, is undone by its button, and unlocked', async () => {
    await open();
    await type(ALICE, '/kong-backups');
    const list = await answer(ALICE, 'production has 1 set.');
    await click(ALICE, list.ts, ACTIONS.restore, `production ${SET}`);
    await window(MODALS.restore, 'Nothing live changes yet');
    expect(await slack.control.submit(ALICE, form('prodution'))).toEqual({
      'restore/name': '“prodution” is not the gateway. Type production to confirm.',
    });
    const only = { 'restore/only': { only: typed('service:catalog') } };
    expect(await slack.control.submit(ALICE, form('production', only))).toEqual({
      'restore/only':
        'Entities cannot be restored alone by the strategy "database". Ask for the strategy "declarative".',
    });
    expect(await slack.control.submit(ALICE, form('production'))).toBeNull();
    await answer(ALICE, /^Restore R-142 of production is under way\./);
    await world.play('R-142');
    const gate = await card('R-142');
    await click(BOB, gate.ts, ACTIONS.go, 'R-142.g1');
    await answer(BOB, 'Your go on R-142 counts.');
    await world.play('R-142');
    const live = await told(
      /Restore R-142 .* is live and can be undone\. `kong` is the restored database\. The one before is kept as `kong_old`\. It can be rolled back until/,
    );
    await click(ALICE, live.ts, ACTIONS.close, 'R-142');
    await window(MODALS.close, 'cannot be rolled back');
    const drop = { 'close/drop': { drop: chosen('drop') }, 'close/name': { name: typed('staging') } };
    expect(await slack.control.submit(ALICE, drop)).toEqual({
      'close/name': '“staging” is not the gateway. Type production to confirm.',
    });
    await slack.control.closeModal(ALICE);
    await click(ALICE, live.ts, ACTIONS.rollback, 'R-142');
    await window(MODALS.rollback, 'kong_old');
    const undo = { 'rollback/name': { name: typed('production') }, 'rollback/reason': { reason: typed('') } };
    expect(await slack.control.submit(ALICE, undo)).toBeNull();
    await answer(ALICE, 'Restore R-142 of production is being rolled back.');
    await world.play('R-142');
    expect((await world.run('R-142')).outcome).toBe('rolled-back');
    const drawnForGood = (words: string) =>
      slack.control.until(`the card says for good: ${words}`, async () => {
        const settled = (await world.run('R-142')).messages['card']?.settled === true;
        return settled && JSON.stringify((await card('R-142')).blocks).includes(words) ? true : null;
      });
    await drawnForGood('is locked until');
    await type(ALICE, '/kong-restore');
    await window(MODALS.restore);
    const locked = await slack.control.submit(ALICE, form('production'));
    expect(locked?.['restore/name']).toMatch(
      /^production is locked since .* asked for by Alice .* was rolled back\. Find out the cause/,
    );
    await slack.control.closeModal(ALICE);
    await type(ALICE, '/kong-unlock', 'production it was the set of the wrong week', GENERAL);
    await answer(ALICE, 'production is unlocked: it may be changed again.', GENERAL);
    await drawnForGood('recorded the cause: “it was the set of the wrong week”.');
  });

  test('a drill and a comparison run from the list; a set of nobody is refused', async () => {
    await open();
    await type(ALICE, '/kong-drill', `production ${SET}`);
    await answer(ALICE, /^Restore drill D-142 of production is under way\./);
    await type(ALICE, '/kong-backups', `diff ${SET}`);
    await answer(ALICE, /^Comparison C-143 of production is under way\./);
    await type(ALICE, '/kong-backups', 'diff elsewhere-20261121T0200Z-B-9');
    await answer(ALICE, 'is no set of a configured gateway. /kong-backups lists the sets.');
    await type(BOB, '/kong-drill', 'production');
    await answer(BOB, 'You may not request a drill: that needs the role operator.');
    await type(ALICE, '/kong-drill');
    const refused = await answer(ALICE, 'production has no verified set in its destinations.');
    expect(refused.text).toContain(`The newest are ${SET}.`);
  });

  test('break glass is for admins, loud, needs a second word for a set without proof, and is reviewed by another (3)', async () => {
    await open();
    await type(ALICE, '/kong-break-glass');
    await slack.control.until('the window refuses', () =>
      JSON.stringify(slack.control.modal()?.blocks ?? '').includes('that needs the role admin') ? true : null,
    );
    await slack.control.closeModal(ALICE);
    await type(CAROL, '/kong-break-glass', 'production');
    await window(MODALS.restore, 'Nobody is asked');
    const words = {
      'restore/incident': { incident: typed('INC-4711') },
      'restore/unverified': { unverified: typed('') },
    };
    expect(await slack.control.submit(CAROL, form('production', words))).toEqual({
      'restore/unverified': `${SET} was never read back and compared, so nobody knows whether it is whole. Choose a verified set; if there is none, confirm that you want this one unverified.`,
    });
    const louder = { ...words, 'restore/unverified': { unverified: typed('UNVERIFIED') } };
    expect(await slack.control.submit(CAROL, form('production', louder))).toBeNull();
    await answer(CAROL, 'Restore R-142 of production is under way.');
    const loud = await told(
      /^<!channel> .*EMERGENCY INC-4711: Carol broke the glass, nobody was asked: “every route answers 404”\. The set was not verified\./s,
    );
    expect(
      (await slack.control.until('Bob is told', async () => (await slack.control.directMessages(BOB)).at(-1))).text,
    ).toContain('Your go was skipped.');
    expect((await world.play('R-142')).gates).toEqual([]);
    await type(CAROL, '/kong-review', 'R-142 I looked at it and all was well');
    await answer(CAROL, 'You broke the glass for R-142, so somebody else has to review it. Ask a colleague.');
    await click(BOB, loud.ts, ACTIONS.review, 'R-142');
    await window(MODALS.review, 'INC-4711');
    expect(await slack.control.submit(BOB, { 'review/finding': { finding: typed('fine') } })).toEqual({
      'review/finding': 'A reason needs at least 10 characters; this has 4.',
    });
    expect(
      await slack.control.submit(BOB, { 'review/finding': { finding: typed('It was needed: routes were gone.') } }),
    ).toBeNull();
    await answer(BOB, 'Your review of the emergency R-142 is recorded.');
    await slack.control.until('the card says who reviewed it', async () =>
      JSON.stringify((await card('R-142')).blocks).includes('Reviewed by Bob') ? true : null,
    );
  });
});
