import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import type { StoredSet } from '../../../src/engine/ports.ts';
import { ALICE, BOB, CAROL } from '../../../src/sandbox/slack/cast.ts';
import { ACTIONS, MODALS } from '../../../src/slack/views/kit/action-ids.ts';
import { need } from '../../support/need.ts';
import { drawnWindow, sendBack, type DrawnWindow } from '../../support/slack/forged-window.ts';
import { PRODUCTION, STAGING } from '../../support/slack/slack-world.ts';
import { restorable } from '../../support/restorable.ts';
import { chosen, form, OTHER_SET, SET, stored, typed } from '../../support/slack/restore-form.ts';
import { slackStage } from '../../support/slack/slack-stage.ts';

describe.skipIf(!need('local-slack'))('windows that come back otherwise than they were shown', () => {
  const sets: StoredSet[] = [];
  const gateways = [PRODUCTION, STAGING].map((gateway) => restorable(gateway));
  const stage = slackStage({ gateways, sets, withAdmin: true });
  const { type, click, answer, card } = stage.hands;
  beforeEach(() => void sets.splice(0, sets.length, stored(SET), stored(OTHER_SET)));
  afterEach(() => {
    stage.slack.setPerson(ALICE, {});
    vi.useRealTimers();
  });
  /** The window that the bot drew, once it is there. */
  const shown = async (callback: string, says = ''): Promise<DrawnWindow> => {
    await stage.slack.control.until(`the window ${callback}`, () => {
      const modal = stage.slack.control.modal();
      return modal?.callback_id === callback && JSON.stringify(modal.blocks).includes(says) ? true : null;
    });
    return drawnWindow(stage.slack, callback);
  };
  const restoreWindow = async (gateway = 'production', user = ALICE): Promise<DrawnWindow> => {
    await type(user, '/kong-restore', gateway);
    return await shown(MODALS.restore, `Type ${gateway} to confirm`);
  };
  const changed = (view: DrawnWindow, more: object): object => ({
    ...(JSON.parse(view.private_metadata) as object),
    ...more,
  });
  const runs = async (): Promise<string[]> => (await stage.world.store.findRuns({ limit: 10 })).map(({ id }) => id);
  const refusals = (): unknown[] => stage.world.store.system.map(({ data }) => (data as { code?: string }).code);
  const troubles = (): unknown[] => stage.world.logged.filter(({ level }) => level === 'error');

  /** A restore that waits for a go; its card. */
  const asked = async (gateway: string, set: string) => {
    const values = form(gateway, { 'restore/set': { set: chosen(set) } });
    const sent = await sendBack(stage.slack, stage.world, ALICE, {
      view: await restoreWindow(gateway),
      values,
      id: `V-${gateway}`,
    });
    expect(sent).toEqual({ status: 200, errors: null });
    await stage.slack.control.closeModal(ALICE);
    const told = await answer(ALICE, new RegExp(`^Restore R-\\d+ of ${gateway} is under way\\.`));
    const id = /R-\d+/.exec(told.text)?.[0] ?? '';
    await stage.world.play(id);
    return { id, ts: (await card(id)).ts };
  };
  const goLive = async ({ id, ts }: { readonly id: string; readonly ts: string }): Promise<void> => {
    await click(BOB, ts, ACTIONS.go, `${id}.g1`);
    await answer(BOB, `Your go on ${id} counts.`);
    await stage.world.play(id);
  };

  test('a window of a restore is refused beside the field that is not as it was shown, and starts nothing', async () => {
    const view = await restoreWindow();
    const cannot = 'That cannot have come from this window. Close it and open it again.';
    const closeIt =
      'This window does not say any more what it is about, so nothing was done. Close it and open it again.';
    const wrong: readonly (readonly [object, Record<string, string>])[] = [
      // Of another gateway than the person read and typed.
      [
        { metadata: changed(view, { gateway: 'staging' }) },
        { 'restore/name': '“production” is not the gateway. Type staging to confirm.' },
      ],
      [
        { metadata: changed(view, { gateway: 'staging' }), values: form('staging') },
        {
          'restore/set': `staging has no set "${SET}" in its destinations. The newest are ${OTHER_SET}.`,
        },
      ],
      [{ metadata: 'not ours' }, { 'restore/name': closeIt }],
      [{ metadata: changed(view, { gateway: 7 }) }, { 'restore/name': closeIt }],
      // Sets and ways that it never offered.
      [{ values: form('production', { 'restore/set': { set: chosen(OTHER_SET) } }) }, { 'restore/set': cannot }],
      [{ values: form('production', { 'restore/set': { set: chosen('latest') } }) }, { 'restore/set': cannot }],
      [
        { values: form('production', { 'restore/strategy': { strategy: chosen('__proto__') } }) },
        { 'restore/strategy': cannot },
      ],
      // Other types, and nothing at all.
      [{ values: form('production', { 'restore/set': { set: chosen(['x']) } }) }, { 'restore/set': cannot }],
      [{ values: form('production', { 'restore/safety': 5 }) }, { 'restore/safety': cannot }],
      [{ values: form('production', { 'restore/name': { name: typed(5) } }) }, { 'restore/name': cannot }],
      [{ values: form('production', { 'restore/only': { only: typed({}) } }) }, { 'restore/only': cannot }],
      [{ values: {} }, { 'restore/name': 'Nothing was typed. Type production to confirm.' }],
      [{ values: null }, { 'restore/name': 'Nothing was typed. Type production to confirm.' }],
    ];
    for (const [how, errors] of wrong) {
      expect(await sendBack(stage.slack, stage.world, ALICE, { view, values: form('production'), ...how })).toEqual({
        status: 200,
        errors,
      });
    }
    expect(await runs()).toEqual([]);
    expect(troubles()).toEqual([]);
  });

  test('a window of a restore whose set is gone, or whose person may not ask any more, is refused (2.9, 1.2)', async () => {
    const view = await restoreWindow();
    const send = async (user: string) =>
      (await sendBack(stage.slack, stage.world, user, { view, values: form('production') })).errors;
    // Passed on to somebody who never might.
    expect(await send(BOB)).toEqual({
      'restore/name':
        'You may not request a restore: that needs the role operator. Ask an operator, or have yourself added to a group with the role operator.',
    });
    stage.slack.setPerson(ALICE, { deleted: true });
    // What Slack said of a person is believed for a minute.
    vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + 61_000 });
    expect(await send(ALICE)).toEqual({
      'restore/name': 'This account is deactivated. Ask a member of the platform team to do it.',
    });
    stage.slack.setPerson(ALICE, {});
    vi.setSystemTime(Date.now() + 61_000);
    sets.splice(0, 1);
    expect(await send(ALICE)).toEqual({
      'restore/set': `production has no set "${SET}" in its destinations. Make a backup first.`,
    });
    expect(await runs()).toEqual([]);
    expect(refusals()).toEqual(['not-allowed', 'not-a-member:deactivated']);
  });

  test('a window that is sent twice at once makes one run, of what was proposed in it where nobody chose', async () => {
    const view = await restoreWindow();
    // As from a client that sends no choice that nobody changed; what the window carries counts less than what it shows.
    const values = { 'restore/name': { name: typed('production') } };
    const metadata = changed(view, { set: OTHER_SET });
    const twice = await Promise.all(
      [0, 1].map(() => sendBack(stage.slack, stage.world, ALICE, { view, id: 'V-ONE', metadata, values })),
    );
    expect(twice.filter(({ errors }) => errors === null)).not.toEqual([]);
    const [only, ...others] = await runs();
    expect(others).toEqual([]);
    expect((await stage.world.run(only ?? '')).plan.parameters).toMatchObject({
      set: SET,
      strategy: 'database',
      safety: 'backup',
    });
    expect(troubles()).toEqual([]);
  });

  test('a calm window that comes back as an emergency breaks no glass', async () => {
    const view = await restoreWindow('production', CAROL);
    const metadata = changed(view, { emergency: true });
    // Nobody was asked for these words there, so they count for nothing.
    const values = form('production', {
      'restore/incident': { incident: typed('INC-4711') },
      'restore/unverified': { unverified: typed('UNVERIFIED') },
      'restore/reason': { reason: typed('every route answers 404') },
    });
    expect(await sendBack(stage.slack, stage.world, CAROL, { view, metadata, values })).toEqual({
      status: 200,
      errors: null,
    });
    const told = await answer(CAROL, SET);
    expect(told.text).toBe(
      `${SET} was never read back and compared, so nobody knows whether it is whole. Choose a verified set; if there is none, confirm that you want this one unverified.`,
    );
    expect(await runs()).toEqual([]);
  });

  test('a window of an undo acts on the run that it showed, as it showed it, or not at all', async () => {
    const production = await asked('production', SET);
    const staging = await asked('staging', OTHER_SET);
    await click(ALICE, production.ts, ACTIONS.rollback, production.id);
    const early = await shown(MODALS.rollback, 'It has changed nothing that is live');
    const values = { 'rollback/name': { name: typed('production') } };
    const other = { view: early, metadata: changed(early, { run: staging.id }), values };
    expect((await sendBack(stage.slack, stage.world, ALICE, other)).errors).toEqual({
      'rollback/name': `This window names production, and ${staging.id} is a run of staging, so nothing was done. Open it again from the card of the run.`,
    });
    await goLive(production);
    expect((await sendBack(stage.slack, stage.world, ALICE, { view: early, values })).errors).toEqual({
      'rollback/name': `${production.id} has changed production since this window was opened, so nothing was done: to undo it now is more than to stop it. Open it again: it says what comes back and what is lost.`,
    });
    expect((await stage.world.run(production.id)).rollback).toBeUndefined();
    await stage.slack.control.closeModal(ALICE);
    await click(ALICE, production.ts, ACTIONS.rollback, production.id);
    const late = await shown(MODALS.rollback, '*Lost:*');
    const twice = await Promise.all(
      [0, 1].map(async () => (await sendBack(stage.slack, stage.world, ALICE, { view: late, values })).errors),
    );
    expect(new Set(twice)).toEqual(
      new Set([
        null,
        {
          'rollback/name': `${production.id} is already being rolled back, asked by Alice. Its card says when it has ended.`,
        },
      ]),
    );
    expect(
      (await stage.world.store.load(production.id)).filter(({ type: what }) => what === 'rollback.requested'),
    ).toHaveLength(1);
    expect((await stage.world.run(staging.id)).cancel).toBeUndefined();
    expect(troubles()).toEqual([]);
  });

  test('a window that closes a run drops nothing that was not chosen in it, and a late one is told so', async () => {
    const production = await asked('production', SET);
    const staging = await asked('staging', OTHER_SET);
    await goLive(production);
    await goLive(staging);
    await click(ALICE, production.ts, ACTIONS.close, production.id);
    const view = await shown(MODALS.close, 'kong_old');
    const send = async (how: object) => (await sendBack(stage.slack, stage.world, ALICE, { view, ...how })).errors;
    const drop = { 'close/drop': { drop: chosen('drop') }, 'close/name': { name: typed('production') } };
    expect(await send({ metadata: changed(view, { run: staging.id }), values: drop })).toEqual({
      'close/drop': `This window names production, and ${staging.id} is a run of staging, so nothing was done. Open it again from the card of the run.`,
    });
    expect(await send({ metadata: changed(view, { run: undefined }), values: drop })).toEqual({
      'close/drop':
        'This window does not say any more what it is about, so nothing was done. Close it and open it again.',
    });
    expect(await send({ values: { 'close/drop': { drop: chosen('DROP') } } })).toEqual({
      'close/drop': 'That cannot have come from this window. Close it and open it again.',
    });
    expect(await send({ values: { 'close/drop': { drop: chosen('drop') } } })).toEqual({
      'close/name': 'Nothing was typed. Type production to confirm.',
    });
    expect(await send({ values: {} })).toBeNull();
    await answer(ALICE, `Restore ${production.id} of production is being closed: it cannot be rolled back any more.`);
    expect(await send({ values: drop })).toEqual({
      'close/drop': `${production.id} is not held, so there is nothing to close. Wait until it holds, or cancel it.`,
    });
    const closes = (await stage.world.store.load(production.id)).filter(({ type: what }) => what === 'close.requested');
    expect(closes.map(({ data }) => data)).toMatchObject([{ drop: false }]);
    expect((await stage.world.run(staging.id)).hold).toBeDefined();
    // A window without that choice has no place beside it.
    const bare = { ...view, blocks: view.blocks.slice(0, 1) };
    expect(await sendBack(stage.slack, stage.world, ALICE, { view: bare, id: 'V-BARE' })).toEqual({
      status: 200,
      errors: null,
    });
    await answer(
      ALICE,
      `${production.id} is not held, so there is nothing to close. Wait until it holds, or cancel it.`,
    );
    expect(troubles()).toEqual([]);
  });

  test('a button of a drill that names no set starts none', async () => {
    await type(ALICE, '/kong-backups', 'production');
    const list = await answer(ALICE, 'production has 1 set.');
    await click(ALICE, list.ts, ACTIONS.drill, 'production');
    await answer(ALICE, 'This button belongs to another version of the bot, so nothing was done.');
    await click(ALICE, list.ts, ACTIONS.drill, `production ${OTHER_SET}`);
    await answer(ALICE, `production has no set "${OTHER_SET}" in its destinations. The newest are ${SET}.`);
    expect(await runs()).toEqual([]);
    expect(troubles()).toEqual([]);
  });
});
