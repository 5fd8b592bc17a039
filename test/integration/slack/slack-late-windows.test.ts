import { describe, expect, test } from 'vitest';
import { ALICE, BOB, CAROL, GUS, TEAM } from '../../../src/sandbox/slack/cast.ts';
import { ACTIONS, MODALS } from '../../../src/slack/views/kit/action-ids.ts';
import { OWN_VOTE } from '../../../src/slack/views/modals.ts';
import { need } from '../../support/need.ts';
import { drawnWindow, sendBack, type DrawnWindow } from '../../support/slack/forged-window.ts';
import { PRODUCTION } from '../../support/slack/slack-world.ts';
import { restorable } from '../../support/restorable.ts';
import { chosen, form, SET, stored, typed } from '../../support/slack/restore-form.ts';
import { inSlack } from '../../support/story.ts';
import { slackStage } from '../../support/slack/slack-stage.ts';

const by = (user: string) => inSlack(`${TEAM}/${user}`);
const NEWER = 'production-20261121T0900Z-B-10';

describe.skipIf(!need('local-slack'))('windows that come back again, or after what they showed has changed', () => {
  const sets = [stored(SET), stored(NEWER)];
  const stage = slackStage({ gateways: [restorable(PRODUCTION)], sets, withAdmin: true });
  const { type, answer, click } = stage.hands;
  const shown = async (callback: string, says = ''): Promise<DrawnWindow> => {
    await stage.slack.control.until(`the window ${callback}`, () => {
      const modal = stage.slack.control.modal();
      return modal?.callback_id === callback && JSON.stringify(modal.blocks).includes(says) ? true : null;
    });
    return drawnWindow(stage.slack, callback);
  };
  const restoreWindow = async (): Promise<DrawnWindow> => {
    await type(ALICE, '/kong-restore', 'production');
    const view = await shown(MODALS.restore);
    await stage.slack.control.closeModal(ALICE);
    return view;
  };
  const runs = async (): Promise<string[]> => (await stage.world.store.findRuns({ limit: 10 })).map(({ id }) => id);
  const refusals = (): unknown[] => stage.world.store.system.map(({ data }) => (data as { code?: string }).code);
  const troubles = (): unknown[] => stage.world.logged.filter(({ level }) => level === 'error');

  test('a window that is sent again is answered with the run that it made, and never starts another choice (2.10)', async () => {
    const view = await restoreWindow();
    const send = async (id: string, set: string, user = ALICE) =>
      await sendBack(stage.slack, stage.world, user, {
        view,
        id,
        values: form('production', { 'restore/set': { set: chosen(set) } }),
      });
    expect((await send('V-ONE', SET)).errors).toBeNull();
    await answer(ALICE, 'Restore R-142 of production is under way. Its card is in <#');
    // Under the id that a second delivery has, or under another one.
    for (const id of ['V-ONE', 'V-TWO']) {
      expect((await send(id, SET)).errors).toBeNull();
      const told = await answer(
        ALICE,
        'Restore R-142 of production was asked for already: it waits. Its card is in <#',
      );
      expect(JSON.stringify(told.blocks)).toContain('Open R-142');
    }
    expect((await send('V-ONE', NEWER)).errors).toEqual({
      'restore/name': `This was sent before with other choices and made R-142, which restores ${SET} by the strategy "database", so nothing else was started. Follow R-142 on its card; to ask for something else, ask anew.`,
    });
    // The same words in another window, or from another person, are another request.
    expect((await send('V-ONE', SET, BOB)).errors).toMatchObject({
      'restore/name': expect.stringMatching(/^You may not request a restore/),
    });
    expect(await runs()).toEqual(['R-142']);
    expect(refusals()).toEqual(['asked-already', 'not-allowed']);
    const other = await sendBack(stage.slack, stage.world, ALICE, {
      view: await restoreWindow(),
      values: form('production'),
    });
    expect(other.errors?.['restore/name']).toMatch(
      /^production is being restored by R-142, asked for by Alice \(.*\)\. Follow it on its card, or be told when it ends\.$/,
    );
    expect(refusals()).toEqual(['asked-already', 'not-allowed', 'busy']);
    expect(troubles()).toEqual([]);
  });

  /** A restore that went live and was rolled back: it locks the gateway. */
  const rolledBack = async (): Promise<string> => {
    const view = await restoreWindow();
    await sendBack(stage.slack, stage.world, ALICE, { view, values: form('production') });
    const [id = ''] = await runs();
    await stage.world.play(id);
    await stage.world.operations.vote({ gate: `${id}.g1`, choice: 'go' }, by(BOB));
    await stage.world.play(id);
    await stage.world.operations.rollback(id, undefined, by(ALICE));
    expect((await stage.world.play(id)).outcome).toBe('rolled-back');
    return id;
  };
  const changed = (view: DrawnWindow, more: object): object => ({
    ...(JSON.parse(view.private_metadata) as object),
    ...more,
  });

  test('a cause is recorded for the rollback that the window named, and for no later one', async () => {
    await type(ALICE, '/kong-unlock', 'production');
    await stage.slack.control.until('the window says so', () =>
      JSON.stringify(stage.slack.control.modal()?.blocks ?? '').includes('production is not locked') ? true : null,
    );
    await stage.slack.control.closeModal(ALICE);
    const first = await rolledBack();
    await type(ALICE, '/kong-unlock', 'production');
    const view = await shown(MODALS.unlock, `is locked because ${first} was rolled back`);
    await stage.slack.control.closeModal(ALICE);
    const send = async (metadata: object) =>
      (
        await sendBack(stage.slack, stage.world, ALICE, {
          view,
          metadata,
          values: { 'unlock/cause': { cause: typed('it was the set of the wrong week') } },
        })
      ).errors;
    expect(await send(changed(view, { run: undefined }))).toEqual({
      'unlock/cause':
        'This window does not say any more what it is about, so nothing was done. Close it and open it again.',
    });
    await type(ALICE, '/kong-unlock', 'production the route was deleted on purpose');
    await answer(ALICE, 'production is unlocked: it may be changed again.');
    const second = await rolledBack();
    expect((await send(changed(view, {})))?.['unlock/cause']).toMatch(
      new RegExp(
        `^Alice recorded the cause of ${first} at .*Z, after this window was opened, so nothing was done: “the route was deleted on purpose”\\. If production is locked again, another run did it: open the window from the card of that one\\.$`,
      ),
    );
    expect((await stage.world.run(second)).unlocked).toBeUndefined();
    expect(await send(changed(view, { run: second }))).toBeNull();
    await answer(ALICE, `The cause stands in the audit trail of ${second}.`);
    expect(refusals()).toEqual(['window-unreadable', 'window-stale']);
    expect(troubles()).toEqual([]);
  });

  test('a finding is about the emergency as it stood when the window was opened, and there is one', async () => {
    const asked = {
      gateway: 'production',
      set: SET,
      strategy: 'database',
      reason: 'every route answers 404',
      emergency: { incident: 'INC-4711', unverified: true },
      delivery: { key: 'k' },
    } as const;
    expect(await stage.world.operations.requestRestore(asked, by(CAROL))).toMatchObject({ ok: true });
    const review = async (says: string): Promise<DrawnWindow> => {
      await type(BOB, '/kong-review', 'R-142');
      const view = await shown(MODALS.review, says);
      await stage.slack.control.closeModal(BOB);
      return view;
    };
    const send = async (user: string, view: DrawnWindow) =>
      (
        await sendBack(stage.slack, stage.world, user, {
          view,
          values: { 'review/finding': { finding: typed('It was needed: routes were gone.') } },
        })
      ).errors;
    const early = await review('INC-4711');
    await stage.world.play('R-142');
    expect(await send(BOB, early)).toEqual({
      'review/finding':
        'R-142 has changed since this window was opened, from running to holding, so nothing was recorded. Look at its card again, then open the window again from there.',
    });
    const late = await review('INC-4711');
    const older = { ...late, private_metadata: JSON.stringify(changed(late, { state: undefined })) };
    expect(await send(BOB, older)).toEqual({
      'review/finding':
        'This window does not say any more what it is about, so nothing was done. Close it and open it again.',
    });
    expect(await send(BOB, late)).toBeNull();
    await answer(BOB, 'Your review of the emergency R-142 is recorded.');
    expect((await send(BOB, late))?.['review/finding']).toMatch(
      /^Bob reviewed R-142 at .*Z, after this window was opened, so nothing was recorded: “It was needed: routes were gone\.”\. Nothing to do\.$/,
    );
    // Nobody reads by an old window what others wrote.
    expect(await send(GUS, late)).toEqual({
      'review/finding': 'Guests of the workspace may not use this bot. Ask a member of the platform team to do it.',
    });
    const reviews = (await stage.world.store.load('R-142')).filter(({ type: what }) => what === 'emergency.reviewed');
    expect(reviews).toHaveLength(1);
    expect(refusals()).toEqual(['window-stale', 'window-unreadable', 'window-stale', 'not-a-member:guest']);
    expect(troubles()).toEqual([]);
  });

  test('a no-go and a comment count for the gate that the window showed, and for nothing else', async () => {
    const { runId, ts } = await stage.hands.waiting();
    const gate = `${runId}.g1`;
    const noGo = { 'no-go/reason': { reason: typed('it is the wrong evening') } };
    const comment = {
      'own-vote/choice': { choice: chosen(OWN_VOTE.go) },
      'own-vote/comment': { comment: typed('change 4711') },
    };
    for (const [action, callback, values] of [
      [ACTIONS.noGo, MODALS.noGo, noGo],
      [ACTIONS.ownVote, MODALS.ownVote, comment],
    ] as const) {
      await click(BOB, ts, action, gate);
      const view = await shown(callback);
      await stage.slack.control.closeModal(BOB);
      for (const [metadata, says] of [
        [
          changed(view, { digest: 'f'.repeat(64) }),
          `What ${gate} asks is not what this window was opened on, so nothing was done. Open it again from the card of the run.`,
        ],
        [
          changed(view, { gate: undefined }),
          'This window does not say any more what it is about, so nothing was done.',
        ],
      ] as const) {
        await sendBack(stage.slack, stage.world, BOB, { view, metadata, values });
        await answer(BOB, says);
      }
    }
    // Their answers read alike, so the last of them is known by its row.
    await stage.slack.control.until('four refusals', () => (refusals().length === 4 ? true : null));
    expect(refusals()).toEqual(['window-changed', 'window-unreadable', 'window-changed', 'window-unreadable']);
    expect((await stage.world.run(runId)).gates[0]?.votes).toEqual([]);
    const view = drawnWindow(stage.slack, MODALS.noGo);
    await sendBack(stage.slack, stage.world, BOB, { view, values: noGo });
    await answer(BOB, `Your no-go on ${runId} counts.`);
    await sendBack(stage.slack, stage.world, BOB, { view: drawnWindow(stage.slack, MODALS.ownVote), values: comment });
    await answer(BOB, `Too late. No-go was decided by Bob for ${runId} on production`);
    expect(troubles()).toEqual([]);
  });
});
