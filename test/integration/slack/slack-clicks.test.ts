import { describe, expect, test } from 'vitest';
import { ALICE, BOB, CAROL, OPS } from '../../../src/sandbox/slack/cast.ts';
import { ACTIONS } from '../../../src/slack/views/kit/action-ids.ts';
import { INPUTS } from '../../../src/slack/views/modals.ts';
import { need } from '../../support/need.ts';
import { slackStage } from '../../support/slack/slack-stage.ts';

/** Bolt in HTTP mode: every command and click here is a real, signed HTTP request. */
describe.skipIf(!need('local-slack'))('what people press', () => {
  const stage = slackStage();
  const { type, click, answer, card, waiting } = stage.hands;

  test('the requester’s own go is refused with a reason, the approver’s counts, and the card says who (2.2)', async () => {
    const { runId, ts } = await waiting();
    stage.slack.setPerson(ALICE, {});
    await click(ALICE, ts, ACTIONS.go, `${runId}.g1`);
    await answer(
      ALICE,
      'You may not decide this gate: only approvers in the group approvers may. The card names who can still vote.',
    );
    await click(BOB, ts, ACTIONS.go, `${runId}.g1`);
    await answer(BOB, `Your go on ${runId} counts. Go was decided by Bob for ${runId} on production`);
    const drawn = await stage.slack.control.until('the card is drawn again', async () => {
      const now = await card(runId);
      return JSON.stringify(now.blocks).includes('Approved by Bob') ? now : null;
    });
    expect(JSON.stringify(drawn.blocks)).not.toContain(ACTIONS.go);
  });

  test('a click on a decided gate says who decided what and when, and the old card is repaired (2.9)', async () => {
    const { runId, ts } = await waiting();
    await click(BOB, ts, ACTIONS.go, `${runId}.g1`);
    await answer(BOB, 'counts');
    const before = stage.slack.calls.filter(({ method }) => method === 'chat.update').length;
    const start = Date.now();
    await click(CAROL, ts, ACTIONS.go, `${runId}.g1`);
    const told = await answer(CAROL, `Go was decided by Bob for ${runId} on production, today `);
    expect(Date.now() - start).toBeLessThan(1000);
    expect(told.text).toContain(`Backup ${runId} of production now`);
    await stage.slack.control.until('the card is repaired', () =>
      stage.slack.calls.filter(({ method }) => method === 'chat.update').length > before ? true : null,
    );
  });

  test('a click on a gate that never was is answered and recorded (2.9)', async () => {
    const { ts } = await waiting();
    await click(BOB, ts, ACTIONS.go, 'B-9.g9');
    const told = await answer(BOB, 'There is no run');
    expect(told.text).toBe('There is no run B-9.g9. Use /kong-status to see the runs there are.');
    expect(stage.world.store.system.map(({ data }) => (data as { code?: string }).code)).toEqual(['unknown-run']);
  });

  test('a button of another version is answered, recorded and its message drawn again (2.9)', async () => {
    const { ts } = await waiting();
    await click(BOB, ts, 'approve-v0', 'B-142.g1');
    const told = await answer(BOB, 'another version');
    expect(told.text).toBe(
      'This button belongs to another version of the bot, so nothing was done. Use /kong-status to see where things stand.',
    );
    expect(stage.world.store.system.map(({ data }) => (data as { code?: string }).code)).toEqual(['unknown-button']);
  });

  test('no-go asks for a reason in a window, refuses a short one there, and stops the run with a good one (2.5)', async () => {
    const { runId, ts } = await waiting();
    await click(BOB, ts, ACTIONS.noGo, `${runId}.g1`);
    await stage.slack.control.until('the window asks', () =>
      stage.slack.control.modal()?.callback_id === 'modal.no-go' ? true : null,
    );
    const reason = (value: string) => ({
      [INPUTS.noGoReason.block]: { [INPUTS.noGoReason.action]: { type: 'plain_text_input', value } },
    });
    expect(await stage.slack.control.submit(BOB, reason('too soon'))).toEqual({
      [INPUTS.noGoReason.block]: 'A reason needs at least 10 characters; this has 8.',
    });
    expect(await stage.slack.control.submit(BOB, reason('Not during the sale'))).toBeNull();
    await answer(BOB, `Your no-go on ${runId} counts. No-go was decided by Bob`);
    expect((await stage.world.run(runId)).gates[0]).toMatchObject({ status: 'no-go', reason: 'Not during the sale' });
  });

  test('no-go on a decided gate says so in the window instead of asking for a reason', async () => {
    const { runId, ts } = await waiting();
    await click(BOB, ts, ACTIONS.go, `${runId}.g1`);
    await answer(BOB, 'counts');
    await click(CAROL, ts, ACTIONS.noGo, `${runId}.g1`);
    const view = await stage.slack.control.until('the window tells', () => {
      const modal = stage.slack.control.modal();
      return JSON.stringify(modal?.blocks ?? '').includes('Go was decided by Bob') ? modal : null;
    });
    expect(JSON.stringify(view?.blocks)).not.toContain('plain_text_input');
    await stage.slack.control.closeModal(CAROL);
  });

  test('a stranger from another workspace is refused by their own team, whatever their user id (1.2)', async () => {
    const { runId, ts } = await waiting();
    stage.slack.setPerson(BOB, { team_id: 'T99OTHER', is_stranger: true });
    await click(BOB, ts, ACTIONS.go, `${runId}.g1`);
    await answer(BOB, 'People of another workspace may not use this bot');
    expect((await stage.world.run(runId)).gates[0]?.status).toBe('open');
  });

  test('a failed run offers to try again: a new run, linked, once however often it is pressed (4.1)', async () => {
    await type(ALICE, '/kong-backup', 'staging');
    await answer(ALICE, 'is under way');
    await stage.world.play('B-142', 'dump-database');
    const { ts } = await card('B-142');
    await click(ALICE, ts, ACTIONS.retry, 'B-142');
    await answer(ALICE, 'Backup B-143 of staging is under way.');
    await click(ALICE, ts, ACTIONS.retry, 'B-142');
    await stage.slack.control.until('the second press is answered', async () =>
      (await stage.slack.control.messages(OPS)).filter(
        (one) => one.ephemeral_to === ALICE && one.text.includes('B-143'),
      ).length === 2
        ? true
        : null,
    );
    expect((await stage.world.run('B-143')).retryOf).toBe('B-142');
    expect((await stage.world.store.findRuns({ limit: 10 })).length).toBe(2);
  });

  test('cancel stops the run and says so; a second cancel is answered', async () => {
    const { runId, ts } = await waiting();
    await click(ALICE, ts, ACTIONS.cancel, runId);
    await answer(ALICE, `Backup ${runId} of production is being cancelled.`);
    await click(ALICE, ts, ACTIONS.cancel, runId);
    await answer(ALICE, `${runId} is already being cancelled, asked by Alice.`);
    await stage.world.play(runId);
    const said = await stage.slack.control.until('the card says so', async () => {
      const { text } = await card(runId);
      return text.includes('was cancelled') ? text : null;
    });
    expect(said).toBe(`Backup ${runId} of production, asked for by Alice, was cancelled. Cancelled by Alice.`);
  });

  test('App Home shows what waits for me, and a click there counts', async () => {
    const { runId } = await waiting();
    await stage.slack.control.openHome(BOB);
    const home = await stage.slack.control.until('the page', () => {
      const view = stage.slack.control.home(BOB);
      return JSON.stringify(view?.blocks ?? '').includes('Waiting for you: 1') ? view : null;
    });
    expect(JSON.stringify(home?.blocks)).toContain(`${runId}.g1`);
    await stage.slack.control.clickHome({ user: BOB, action_id: ACTIONS.go, block_id: 'x', value: `${runId}.g1` });
    await stage.slack.control.until('the page is drawn again', () =>
      JSON.stringify(stage.slack.control.home(BOB)?.blocks ?? '').includes('Nothing waits for you.') ? true : null,
    );
    expect((await stage.world.run(runId)).gates[0]?.status).toBe('go');
  });

  test('a hundred parallel clicks of two approvers give one decision, and each is answered (2.10)', async () => {
    const { runId, ts } = await waiting();
    await Promise.all(
      Array.from({ length: 100 }, (_, index) => click(index % 2 === 0 ? BOB : CAROL, ts, ACTIONS.go, `${runId}.g1`)),
    );
    await stage.slack.control.until('each is answered', async () =>
      (await stage.slack.control.messages(OPS)).filter(({ ephemeral_to: to }) => to === BOB || to === CAROL).length >=
      100
        ? true
        : null,
    );
    const events = await stage.world.store.load(runId);
    expect(events.filter(({ type }) => type === 'gate.decided')).toHaveLength(1);
  });
});
