import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { setTimeout as wait } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ALICE, BOB, OPS, TEAM } from '../../../src/sandbox/slack/cast.ts';
import type { SlackControl } from '../../../src/sandbox/slack/control.ts';
import { need } from '../../support/need.ts';
import { botClient, strictSlack, tinyBot, type TestSlack, type TinyBot } from '../../support/slack/slack.ts';

describe.skipIf(!need('local-slack'))('a Slack workspace on this machine', () => {
  let slack: TestSlack;
  let control: SlackControl;
  let bot: TinyBot;

  beforeAll(async () => {
    slack = await strictSlack();
    control = slack.control;
    bot = await tinyBot(slack, (app) => {
      app.command('/kong-help', async ({ ack, command }) => ack(`hello <@${command.user_id}>`));
      app.command('/kong-backup', async ({ ack, client, command }) => {
        await ack();
        await client.apiCall('chat.postMessage', {
          channel: command.channel_id,
          text: `${command.text} wants a go`,
          blocks: [
            { type: 'section', block_id: 'head', text: { type: 'mrkdwn', text: command.text } },
            {
              type: 'actions',
              block_id: 'gate',
              elements: [
                { type: 'button', action_id: 'go', text: { type: 'plain_text', text: 'Go' }, value: 'B-1.g1' },
                { type: 'button', action_id: 'no-go', text: { type: 'plain_text', text: 'No-go' }, value: 'B-1.g1' },
              ],
            },
          ],
        });
      });
      app.action('go', async ({ ack, body, client, respond }) => {
        await ack();
        await respond(`counted, <@${body.user.id}>`);
        if (body.type !== 'block_actions') return;
        const message = { channel: body.channel?.id ?? '', ts: body.message?.['ts'] as string };
        await client.chat.update({ ...message, text: 'decided', blocks: [] });
      });
      app.action('no-go', async ({ ack, body, client }) => {
        await ack();
        await client.views.open({
          trigger_id: 'trigger_id' in body ? body.trigger_id : '',
          view: {
            type: 'modal',
            callback_id: 'reason',
            title: { type: 'plain_text', text: 'No-go' },
            submit: { type: 'plain_text', text: 'Refuse' },
            blocks: [
              {
                type: 'input',
                block_id: 'reason',
                label: { type: 'plain_text', text: 'Why?' },
                element: { type: 'plain_text_input', action_id: 'text', multiline: true },
              },
            ],
          },
        });
      });
      app.view('reason', async ({ ack, view }) => {
        const said = view.state.values['reason']?.['text']?.value ?? '';
        if (said.length < 10) await ack({ response_action: 'errors', errors: { reason: 'at least 10 characters' } });
        else await ack();
      });
      app.event('app_home_opened', async ({ client, event }) => {
        await client.views.publish({
          user_id: event.user,
          view: {
            type: 'home',
            blocks: [{ type: 'section', block_id: 'who', text: { type: 'mrkdwn', text: `home of <@${event.user}>` } }],
          },
        });
      });
    });
  });
  afterAll(async () => {
    await bot?.stop();
    await slack?.stop();
  });

  test('a typed command is answered privately, as Slack does by default', async () => {
    await control.command({ user: ALICE, channel: OPS, command: '/kong-help' });
    const answer = (await control.messages(OPS)).find((one) => one.text === `hello <@${ALICE}>`);
    expect(answer).toMatchObject({ subtype: 'ephemeral', ephemeral_to: ALICE });
  });

  test('a button is pressed, the message is edited in place and the person is answered privately', async () => {
    await control.command({ user: ALICE, channel: OPS, command: '/kong-backup', text: 'production' });
    const card = await control.until('the card', async () =>
      (await control.messages(OPS)).find((one) => one.text === 'production wants a go'),
    );
    await control.click({ user: BOB, channel: OPS, ts: card.ts, action_id: 'go', block_id: 'gate', value: 'B-1.g1' });
    const edited = await control.until('the edit', async () =>
      (await control.messages(OPS)).find((one) => one.ts === card.ts && one.text === 'decided'),
    );
    expect(edited.blocks).toEqual([]);
    const answer = (await control.messages(OPS)).find((one) => one.text === `counted, <@${BOB}>`);
    expect(answer).toMatchObject({ ephemeral_to: BOB });
  });

  test('a modal opens, complains about a field, takes a better answer and closes', async () => {
    await control.command({ user: ALICE, channel: OPS, command: '/kong-backup', text: 'staging' });
    const card = await control.until('the card', async () =>
      (await control.messages(OPS)).find((one) => one.text === 'staging wants a go'),
    );
    await control.click({ user: BOB, channel: OPS, ts: card.ts, action_id: 'no-go', value: 'B-1.g1' });
    const modal = await control.until('the modal', () => control.modal());
    expect(modal.title?.text).toBe('No-go');
    const short = { reason: { text: { type: 'plain_text_input', value: 'no' } } };
    expect(await control.submit(BOB, short)).toEqual({ reason: 'at least 10 characters' });
    const long = { reason: { text: { type: 'plain_text_input', value: 'the freeze starts today' } } };
    expect(await control.submit(BOB, long)).toBeNull();
    expect(control.modal()).toBeNull();
  });

  test('App Home is drawn for the person who opens it', async () => {
    await control.openHome(ALICE);
    const home = await control.until('the home', () => control.home(ALICE));
    expect(home.blocks).toMatchObject([{ type: 'section', text: { text: `home of <@${ALICE}>` } }]);
    expect(control.home(BOB)).toBeNull();
  });

  test('a message to a person arrives as a direct message', async () => {
    await botClient(slack).apiCall('chat.postMessage', { channel: BOB, text: 'production is backed up' });
    expect((await control.directMessages(BOB)).map((one) => one.text)).toEqual(['production is backed up']);
  });

  test('the team of the workspace is the one that the configuration names', async () => {
    expect((await botClient(slack).auth.test()).team_id).toBe(TEAM);
  });
});

describe.skipIf(!need('local-slack'))('the end of local Slack', () => {
  test('it ends when its owner is killed by SIGKILL', async () => {
    const script = `
      import { startLocalSlack } from '${new URL('../../../src/sandbox/slack/local-slack.ts', import.meta.url).href}';
      const slack = await startLocalSlack({ requestUrl: 'http://127.0.0.1:9/inbound' });
      console.log(slack.url);
      setInterval(() => {}, 1000);`;
    const owner = spawn(process.execPath, ['--input-type=module', '-e', script], {
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    const [url] = (await once(createInterface({ input: owner.stdout }), 'line')) as [string];
    expect((await fetch(`${url}/_control/state`)).ok).toBe(true);
    owner.kill('SIGKILL');
    await expect.poll(() => answers(url), { timeout: 5000, interval: 20 }).toBe(false);
  });
});

async function answers(url: string): Promise<boolean> {
  try {
    await fetch(`${url}/_control/state`, { signal: AbortSignal.timeout(500) });
    return true;
  } catch {
    await wait(0);
    return false;
  }
}
