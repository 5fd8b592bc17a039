import { App } from '@slack/bolt';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ALICE, OPS } from '../../../src/sandbox/slack/cast.ts';
import { freePort } from '../../../src/sandbox/with-parent.ts';
import { need } from '../../support/need.ts';
import { botClient, strictSlack, tinyBot, type TestSlack, type TinyBot } from '../../support/slack/slack.ts';

describe.skipIf(!need('local-slack'))('what people do reaches the bot as with Slack', () => {
  let slack: TestSlack;
  let bot: TinyBot;
  const seen: string[] = [];
  const triggers: string[] = [];
  const responses: string[] = [];
  let hold: Promise<void> = Promise.resolve();
  beforeAll(async () => {
    slack = await strictSlack();
    bot = await tinyBot(slack, (app) => {
      app.command('/kong-status', async ({ ack, command }) => {
        await hold;
        seen.push(command.text);
        triggers.push(command.trigger_id);
        responses.push(command.response_url);
        await ack();
      });
    });
  });
  afterAll(async () => {
    await bot?.stop();
    await slack?.stop();
  });
  const typed = async (text: string) => {
    await slack.control.command({ user: ALICE, channel: OPS, command: '/kong-status', text });
    return { trigger_id: triggers.at(-1) ?? '', response_url: responses.at(-1) ?? '' };
  };
  const view = {
    type: 'modal',
    title: { type: 'plain_text', text: 'Status' },
    blocks: [{ type: 'section', text: { type: 'mrkdwn', text: 'all is well' } }],
  };

  test('a trigger opens one modal and no second', async () => {
    const { trigger_id } = await typed('modal');
    const open = () => botClient(slack).apiCall('views.open', { trigger_id, view });
    await expect(open()).resolves.toMatchObject({ ok: true });
    await expect(open()).rejects.toMatchObject({ data: { error: 'exchanged_trigger_id' } });
    await slack.control.closeModal(ALICE);
  });

  test('a modal keeps its id through updates, and a stale hash is refused', async () => {
    const { trigger_id } = await typed('update');
    const opened = (await botClient(slack).apiCall('views.open', { trigger_id, view })) as unknown as {
      view: { id: string; hash: string };
    };
    const update = (hash: string) =>
      botClient(slack).apiCall('views.update', { view_id: opened.view.id, hash, view }) as unknown as Promise<{
        view: { id: string };
      }>;
    expect((await update(opened.view.hash)).view.id).toBe(opened.view.id);
    await expect(update(opened.view.hash)).rejects.toMatchObject({ data: { error: 'hash_conflict' } });
    await slack.control.closeModal(ALICE);
  });

  test('a response URL answers privately unless told otherwise, five times', async () => {
    const { response_url } = await typed('respond');
    const respond = (body: object) =>
      fetch(response_url, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(body),
      });
    for (let use = 1; use <= 5; use += 1) expect((await respond({ text: `use ${use}` })).status).toBe(200);
    expect((await respond({ text: 'use 6' })).status).toBe(404);
    const uses = (await slack.control.messages(OPS)).filter((one) => one.text.startsWith('use '));
    expect(uses).toHaveLength(5);
    expect(uses.every((one) => one.ephemeral_to === ALICE)).toBe(true);
  });

  test.each([1, 125, 126, 65_000, 70_000])('a text of %i characters arrives whole', async (size) => {
    const text = 'ä'.repeat(size);
    await typed(text);
    expect(seen.at(-1)).toBe(text);
  });

  test('what people type is escaped, and a mention becomes an id', async () => {
    await typed('1 < 2 & 3 > 2 by @bob and @nobody');
    expect(seen.at(-1)).toBe('1 &lt; 2 &amp; 3 &gt; 2 by <@U02BOB|bob> and @nobody');
    await typed('<@U02BOB|bob>');
    expect(seen.at(-1)).toBe('<@U02BOB|bob>');
  });

  test('a command that the manifest does not declare reaches nobody', async () => {
    await slack.control.command({ user: ALICE, channel: OPS, command: '/kong-cutover', text: 'x' });
    expect((await slack.control.messages(OPS)).at(-1)).toMatchObject({
      ephemeral_to: ALICE,
      text: '/kong-cutover is not a valid command.',
    });
  });

  test('a delivery can come twice', async () => {
    slack.faults.deliverTwice();
    await typed('twice');
    expect(seen.filter((text) => text === 'twice')).toHaveLength(2);
  });

  test('with two connections each command goes to one of them', async () => {
    const second = await tinyBot(slack, (app) => {
      app.command('/kong-status', async ({ ack, command }) => {
        seen.push(command.text);
        await ack();
      });
    });
    await typed('shared 1');
    await typed('shared 2');
    expect(seen.filter((text) => text.startsWith('shared'))).toEqual(['shared 1', 'shared 2']);
    await second.stop();
  });

  test('a recycled connection comes back', async () => {
    const opened = () => slack.calls.filter((one) => one.method === 'apps.connections.open').length;
    const before = opened();
    slack.faults.recycleSockets();
    await slack.control.until('a new connection', () => (opened() > before && slack.connections() === 1) || null);
    await typed('after the recycling');
    expect(seen.at(-1)).toBe('after the recycling');
  });

  test('the time to each acknowledgement is on record', async () => {
    await typed('timed');
    expect(slack.deliveries.at(-1)).toEqual({ type: 'slash_commands', ackMs: expect.any(Number) });
  });

  test('in HTTP mode deliveries are signed, so that Bolt takes them', async () => {
    const port = await freePort();
    const app = new App({
      token: slack.tokens.bot,
      signingSecret: slack.tokens.signingSecret,
      clientOptions: { slackApiUrl: slack.apiUrl },
      convoStore: false,
      deferInitialization: true,
    });
    await app.init();
    app.command('/kong-status', async ({ ack }) => ack('by HTTP'));
    await app.start(port);
    slack.setRequestUrl(`http://127.0.0.1:${port}/slack/events`);
    await slack.control.command({ user: ALICE, channel: OPS, command: '/kong-status' });
    expect((await slack.control.messages(OPS)).at(-1)).toMatchObject({ text: 'by HTTP', ephemeral_to: ALICE });
    slack.setRequestUrl(null);
    await app.stop();
  });

  test('without an acknowledgement within 3 s the person is told that the command failed', async () => {
    let release = (): void => {};
    hold = new Promise((resolve) => (release = resolve));
    await typed('never');
    expect((await slack.control.messages(OPS)).at(-1)).toMatchObject({
      ephemeral_to: ALICE,
      text: '/kong-status failed with the error "operation_timeout"',
    });
    expect(slack.deliveries.at(-1)).toEqual({ type: 'slash_commands', ackMs: null });
    release();
    hold = Promise.resolve();
  });

  test('a trigger older than 3 s opens nothing', async () => {
    // The one of the command above waited 3 s for its acknowledgement.
    await slack.control.until('the held command', () => (seen.includes('never') ? true : null));
    const trigger_id = triggers.at(-1) ?? '';
    await expect(botClient(slack).apiCall('views.open', { trigger_id, view })).rejects.toMatchObject({
      data: { error: 'expired_trigger_id' },
    });
  });
});
