import { describe, expect, test } from 'vitest';
import { ALICE, BOB } from '../../../src/sandbox/slack/cast.ts';
import { MODALS } from '../../../src/slack/views/kit/action-ids.ts';
import { need } from '../../support/need.ts';
import { drawnWindow, sendBack, type DrawnWindow } from '../../support/slack/forged-window.ts';
import { PRODUCTION } from '../../support/slack/slack-world.ts';
import { restorable } from '../../support/restorable.ts';
import { chosen, form, SET, stored } from '../../support/slack/restore-form.ts';
import { slackStage } from '../../support/slack/slack-stage.ts';

const NEWER = 'production-20261121T0900Z-B-10';

describe.skipIf(!need('local-slack'))('windows that come back again, or after what they showed has changed', () => {
  const sets = [stored(SET), stored(NEWER)];
  const stage = slackStage({ gateways: [restorable(PRODUCTION)], sets, withAdmin: true });
  const { type, answer } = stage.hands;
  const shown = async (callback: string, says = ''): Promise<DrawnWindow> => {
    await stage.slack.control.until(`the window ${callback}`, () => {
      const modal = stage.slack.control.modal();
      return modal?.callback_id === callback && JSON.stringify(modal.blocks).includes(says) ? true : null;
    });
    return drawnWindow(stage.slack, callback);
  };
  const restoreWindow = async (): Promise<DrawnWindow> => {
    await type(ALICE, '/kong-restore', 'production');
    return await shown(MODALS.restore);
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
});
