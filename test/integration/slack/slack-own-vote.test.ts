import { describe, expect, test } from 'vitest';
import { ALICE, BOB, CAROL, OPS } from '../../../src/sandbox/slack/cast.ts';
import { ACTIONS, MODALS } from '../../../src/slack/views/kit/action-ids.ts';
import { INPUTS, OWN_VOTE } from '../../../src/slack/views/modals.ts';
import { need } from '../../support/need.ts';
import { slackStage } from '../../support/slack/slack-stage.ts';
import { PRODUCTION } from '../../support/slack/slack-world.ts';
import { planOf, TWO_APPROVERS } from '../../support/story.ts';

/** Bolt in HTTP mode: every click and every window sent here is a real, signed HTTP request. */
describe.skipIf(!need('local-slack'))('a go with a comment, and a vote taken back', () => {
  const stage = slackStage({ gateways: [{ ...PRODUCTION, backupPlan: planOf(TWO_APPROVERS) }] });
  const { click, answer, card, waiting } = stage.hands;

  const fields = (choice: string | null, comment: string) => ({
    [INPUTS.ownVoteChoice.block]: {
      [INPUTS.ownVoteChoice.action]: {
        type: 'static_select',
        selected_option: choice === null ? null : { value: choice, text: { type: 'plain_text', text: 'x' } },
      },
    },
    [INPUTS.ownVoteComment.block]: {
      [INPUTS.ownVoteComment.action]: { type: 'plain_text_input', value: comment },
    },
  });
  const openWindow = async (user: string, ts: string, gate: string): Promise<string> => {
    await click(user, ts, ACTIONS.ownVote, gate);
    const view = await stage.slack.control.until('the window asks', () => {
      const modal = stage.slack.control.modal();
      return modal?.callback_id === MODALS.ownVote ? modal : null;
    });
    return JSON.stringify(view.blocks);
  };
  const inThread = async (ts: string, words: string): Promise<void> => {
    await stage.slack.control.until(`"${words}" in the thread`, async () =>
      (await stage.slack.control.messages(OPS)).find((one) => one.thread_ts === ts && one.text.includes(words)),
    );
  };

  test('a go may carry a comment, which stands on the card and in the thread (2.5)', async () => {
    const { runId, ts } = await waiting();
    expect(await openWindow(BOB, ts, `${runId}.g1`)).toContain('You have not voted yet.');
    expect(stage.slack.deliveries.at(-1)?.ackMs).toBeLessThan(500);
    expect(await stage.slack.control.submit(BOB, fields(OWN_VOTE.go, 'change 4711'))).toBeNull();
    await answer(BOB, `Your go on ${runId} counts.`);
    await inThread(ts, `Bob says go on ${runId}. “change 4711”`);
    await stage.slack.control.until('the card shows it', async () =>
      JSON.stringify((await card(runId)).blocks).includes('Bob says *go*: change 4711') ? true : null,
    );
    expect((await stage.world.run(runId)).gates[0]).toMatchObject({
      status: 'open',
      votes: [{ comment: 'change 4711' }],
    });
  });

  test('a go that was pressed plainly gets its comment later, and is still one vote', async () => {
    const { runId, ts } = await waiting();
    await click(BOB, ts, ACTIONS.go, `${runId}.g1`);
    await answer(BOB, `Your go on ${runId} counts.`);
    expect(await openWindow(BOB, ts, `${runId}.g1`)).toContain('Your vote so far is *go*.');
    expect(await stage.slack.control.submit(BOB, fields(OWN_VOTE.go, 'change 4711'))).toBeNull();
    await inThread(ts, `Bob says go on ${runId}. “change 4711”`);
    expect((await stage.world.run(runId)).gates[0]).toMatchObject({
      status: 'open',
      votes: [{ comment: 'change 4711' }],
    });
  });

  test('a vote is withdrawn until the gate is decided, with evidence in the thread, and may be cast again (2.4)', async () => {
    const { runId, ts } = await waiting();
    await click(BOB, ts, ACTIONS.go, `${runId}.g1`);
    await answer(BOB, `Your go on ${runId} counts.`);
    await openWindow(BOB, ts, `${runId}.g1`);
    expect(await stage.slack.control.submit(BOB, fields(OWN_VOTE.withdraw, ''))).toBeNull();
    const told = await answer(BOB, `Your vote on ${runId} is withdrawn.`);
    expect(told.text).toContain('Bob and Carol can still vote.');
    await inThread(ts, `Bob withdrew their vote on ${runId}.`);
    await click(CAROL, ts, ACTIONS.go, `${runId}.g1`);
    await answer(CAROL, `Your go on ${runId} counts.`);
    expect((await stage.world.run(runId)).gates[0]).toMatchObject({ status: 'open', votes: [{ choice: 'go' }] });
    await click(BOB, ts, ACTIONS.go, `${runId}.g1`);
    await answer(BOB, 'Go was decided by');
  });

  test('what is missing or too much is said beside its field, and nothing happens', async () => {
    const { runId, ts } = await waiting();
    await openWindow(BOB, ts, `${runId}.g1`);
    expect(await stage.slack.control.submit(BOB, fields(null, 'x'))).toEqual({
      [INPUTS.ownVoteChoice.block]: 'Choose one of the two.',
    });
    expect(await stage.slack.control.submit(BOB, fields(OWN_VOTE.go, ' '))).toEqual({
      [INPUTS.ownVoteComment.block]: 'Write a comment, or press Go on the card for a go without one.',
    });
    expect(await stage.slack.control.submit(BOB, fields(OWN_VOTE.withdraw, 'changed my mind'))).toEqual({
      [INPUTS.ownVoteComment.block]: 'A withdrawal takes no comment: leave this empty.',
    });
    await stage.slack.control.closeModal(BOB);
    expect((await stage.world.run(runId)).gates[0]?.votes).toEqual([]);
  });

  test('whoever has no vote to withdraw is told so, and the try is recorded (9.1)', async () => {
    const { runId, ts } = await waiting();
    await openWindow(CAROL, ts, `${runId}.g1`);
    expect(await stage.slack.control.submit(CAROL, fields(OWN_VOTE.withdraw, ''))).toBeNull();
    await answer(CAROL, `You have no vote on ${runId} to withdraw. Nothing to do.`);
    const refusals = (await stage.world.store.load(runId)).filter(({ type }) => type === 'refusal.recorded');
    expect(refusals.map(({ data }) => (data as { code?: string }).code)).toEqual(['no-vote']);
  });

  test('the requester’s own go does not count with a comment either (2.2)', async () => {
    const { runId, ts } = await waiting();
    await openWindow(ALICE, ts, `${runId}.g1`);
    await stage.slack.control.submit(ALICE, fields(OWN_VOTE.go, 'change 4711'));
    await answer(ALICE, 'You may not decide this gate');
    expect((await stage.world.run(runId)).gates[0]?.votes).toEqual([]);
  });

  test('a gate that was decided meanwhile is told in the window, and to whoever sends it later (2.9)', async () => {
    const { runId, ts } = await waiting();
    await openWindow(BOB, ts, `${runId}.g1`);
    for (const user of [BOB, CAROL]) {
      await click(user, ts, ACTIONS.go, `${runId}.g1`);
      await answer(user, `Your go on ${runId} counts.`);
    }
    expect(await stage.slack.control.submit(BOB, fields(OWN_VOTE.withdraw, ''))).toBeNull();
    await answer(BOB, `Go was decided by Bob and Carol for ${runId} on production, today `);
    expect((await stage.world.run(runId)).gates[0]?.status).toBe('go');
    await click(CAROL, ts, ACTIONS.ownVote, `${runId}.g1`);
    const view = await stage.slack.control.until('the window tells', () => {
      const modal = stage.slack.control.modal();
      return JSON.stringify(modal?.blocks ?? '').includes('Go was decided by Bob and Carol') ? modal : null;
    });
    expect(JSON.stringify(view.blocks)).not.toContain('static_select');
    await stage.slack.control.closeModal(CAROL);
  });

  test('App Home offers it to whoever has voted, because a gate is not shown in every channel', async () => {
    const { runId, ts } = await waiting();
    await stage.slack.control.openHome(BOB);
    await click(BOB, ts, ACTIONS.go, `${runId}.g1`);
    await answer(BOB, `Your go on ${runId} counts.`);
    await stage.slack.control.until('the page is drawn again', () => {
      const page = JSON.stringify(stage.slack.control.home(BOB)?.blocks ?? '');
      return page.includes('Nothing waits for you.') && page.includes(ACTIONS.ownVote) ? true : null;
    });
    await stage.slack.control.clickHome({ user: BOB, action_id: ACTIONS.ownVote, block_id: 'x', value: `${runId}.g1` });
    await stage.slack.control.until('the window asks', () =>
      stage.slack.control.modal()?.callback_id === MODALS.ownVote ? true : null,
    );
    await stage.slack.control.submit(BOB, fields(OWN_VOTE.withdraw, ''));
    await stage.slack.control.until('the vote is gone', async () =>
      (await stage.world.run(runId)).gates[0]?.votes.length === 0 ? true : null,
    );
    const [direct] = await stage.slack.control.directMessages(BOB);
    expect(direct?.text).toContain(`Your vote on ${runId} is withdrawn.`);
  });
});
