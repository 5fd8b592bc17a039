import { WebAPIPlatformError, WebAPIRateLimitedError, WebAPIRequestError } from '@slack/web-api';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { ALICE, BOB, BOT_USER, GENERAL, GUS, OPS, TEAM } from '../../../src/sandbox/slack/cast.ts';
import { appManifest } from '../../../src/sandbox/slack/manifest.ts';
import { need } from '../../support/need.ts';
import { botClient, strictSlack, type TestSlack } from '../../support/slack/slack.ts';

const SCOPES = appManifest().scopes;

const section = (text: string, block_id?: string) => ({
  type: 'section',
  ...(block_id === undefined ? {} : { block_id }),
  text: { type: 'mrkdwn', text },
});

describe.skipIf(!need('local-slack'))('a Slack that refuses like the original', () => {
  let slack: TestSlack;
  beforeAll(async () => {
    slack = await strictSlack();
  });
  afterAll(() => slack?.stop());
  afterEach(() => {
    slack.faults.clear();
    slack.setScopes(SCOPES);
    slack.setChannel(OPS, { isExtShared: false, isArchived: false, bot: true });
  });

  const call = (method: string, args: Record<string, unknown> = {}, token?: string) =>
    botClient(slack, token).apiCall(method, args) as unknown as Promise<Record<string, unknown>>;
  const refusal = async (method: string, args: Record<string, unknown> = {}, token?: string) => {
    try {
      await call(method, args, token);
    } catch (error) {
      if (error instanceof WebAPIPlatformError) return error.data;
      throw error;
    }
    throw new Error(`${method} was not refused`);
  };
  const post = (text: string, more: object = {}) =>
    call('chat.postMessage', { channel: OPS, text, ...more }) as unknown as Promise<{ ts: string; channel: string }>;

  describe('tokens and scopes', () => {
    test('a wrong token is refused', async () => {
      expect(await refusal('auth.test', {}, 'xoxb-wrong')).toMatchObject({ error: 'invalid_auth' });
    });
    test('no token is refused', async () => {
      const answer = await fetch(`${slack.apiUrl}auth.test`, { method: 'POST' });
      expect(await answer.json()).toEqual({ ok: false, error: 'not_authed' });
    });
    test('an app token cannot do what a bot token does', async () => {
      const answer = await refusal('chat.postMessage', { channel: OPS, text: 'x' }, slack.tokens.app);
      expect(answer).toMatchObject({ error: 'not_allowed_token_type' });
    });
    test('a missing scope is named, with what is there', async () => {
      slack.setScopes(['commands', 'users:read']);
      expect(await refusal('chat.postMessage', { channel: OPS, text: 'x' })).toMatchObject({
        error: 'missing_scope',
        needed: 'chat:write',
        provided: 'commands,users:read',
      });
    });
    test('auth.test names the scopes in a header: those of the manifest', async () => {
      const answer = await botClient(slack).auth.test();
      expect(answer.response_metadata?.scopes).toEqual([...SCOPES]);
      expect(answer).toMatchObject({ team_id: TEAM, user_id: BOT_USER });
    });
    test('a method that the stand-in does not know is refused', async () => {
      expect(await refusal('pins.add')).toMatchObject({ error: 'unknown_method' });
    });
  });

  describe('messages', () => {
    test('a section over 3,000 characters refuses the whole message and says where', async () => {
      const answer = await refusal('chat.postMessage', {
        channel: OPS,
        text: 'x',
        blocks: [section('fine'), section('x'.repeat(3001))],
      });
      expect(answer).toMatchObject({
        error: 'invalid_blocks',
        response_metadata: {
          messages: ['[ERROR] Too big: expected string to have <=3000 characters [json-pointer:/blocks/1/text/text]'],
        },
      });
    });
    test.each([
      ['51 blocks', Array.from({ length: 51 }, () => ({ type: 'divider' }))],
      ['a block that local Slack cannot draw', [{ type: 'plan', title: 'x' }]],
      ['a repeated block id', [section('a', 'same'), section('b', 'same')]],
      ['a header over 150 characters', [{ type: 'header', text: { type: 'plain_text', text: 'x'.repeat(151) } }]],
      ['an unknown property', [{ ...section('a'), colour: 'red' }]],
      ['empty text', [section('')]],
      [
        'a button label over 75 characters',
        [{ type: 'actions', elements: [{ type: 'button', text: { type: 'plain_text', text: 'x'.repeat(76) } }] }],
      ],
      [
        'two buttons of one action id',
        [
          {
            type: 'actions',
            elements: ['a', 'b'].map((text) => ({
              type: 'button',
              action_id: 'go',
              text: { type: 'plain_text', text },
            })),
          },
        ],
      ],
    ])('%s is refused', async (_what, blocks) => {
      expect(await refusal('chat.postMessage', { channel: OPS, text: 'x', blocks })).toMatchObject({
        error: 'invalid_blocks',
      });
    });
    test('a message without text and blocks is refused', async () => {
      expect(await refusal('chat.postMessage', { channel: OPS })).toMatchObject({ error: 'no_text' });
    });
    test('the bot posts nowhere that it is not in', async () => {
      expect(await refusal('chat.postMessage', { channel: GENERAL, text: 'x' })).toMatchObject({
        error: 'not_in_channel',
      });
    });
    test('an edit whose text passes 4,000 characters is refused', async () => {
      const { ts } = await post('short');
      expect(await refusal('chat.update', { channel: OPS, ts, text: 'x'.repeat(4001) })).toMatchObject({
        error: 'msg_too_long',
      });
    });
    test('an edit without blocks removes the old ones', async () => {
      const { ts } = await post('with a block', { blocks: [section('a')] });
      await call('chat.update', { channel: OPS, ts, text: 'without' });
      const message = (await slack.control.messages(OPS)).find((one) => one.ts === ts);
      expect(message?.text).toBe('without');
      expect(message?.blocks).toBeUndefined();
    });
    test('only the bot’s own messages can be edited', async () => {
      const { ts } = await post('mine');
      expect(await refusal('chat.update', { channel: OPS, ts: '1.000001', text: 'x' })).toMatchObject({
        error: 'message_not_found',
      });
      expect(await refusal('chat.update', { channel: ALICE, ts, text: 'x' })).toMatchObject({
        error: 'channel_not_found',
      });
    });
    test('every block gets an id', async () => {
      const { ts } = await post('x', { blocks: [section('a'), section('b', 'mine')] });
      const message = (await slack.control.messages(OPS)).find((one) => one.ts === ts);
      expect(message?.blocks?.map((block) => block.block_id)).toEqual([expect.any(String), 'mine']);
    });
    test('an ephemeral message needs the person in the channel', async () => {
      const answer = await refusal('chat.postEphemeral', { channel: OPS, user: 'U99NOBODY', text: 'x' });
      expect(answer).toMatchObject({ error: 'user_not_in_channel' });
    });
  });

  describe('channels and people', () => {
    test('a channel tells whether it is shared with another company and whether the bot is in it', async () => {
      slack.setChannel(OPS, { isExtShared: true });
      expect(await call('conversations.info', { channel: OPS })).toMatchObject({
        channel: { is_ext_shared: true, is_member: true },
      });
      expect(await call('conversations.info', { channel: GENERAL })).toMatchObject({
        channel: { is_ext_shared: false, is_member: false },
      });
    });
    test('history shows neither ephemeral messages nor thread replies, newest first', async () => {
      const first = await post('first');
      await post('reply', { thread_ts: first.ts });
      await call('chat.postEphemeral', { channel: OPS, user: ALICE, text: 'secret' });
      const second = await post('second');
      const answer = (await call('conversations.history', {
        channel: OPS,
        oldest: first.ts,
        inclusive: true,
      })) as unknown as { messages: { text: string }[] };
      expect(answer.messages.map((one) => one.text)).toEqual(['second', 'first']);
      const limited = await call('conversations.history', { channel: OPS, limit: 1, latest: second.ts });
      expect(limited).toMatchObject({ has_more: true, messages: [{ text: 'first', reply_count: 1 }] });
    });
    test('a thread is its parent and its replies', async () => {
      const parent = await post('parent');
      await post('one', { thread_ts: parent.ts });
      await post('two', { thread_ts: parent.ts });
      expect(await call('conversations.replies', { channel: OPS, ts: parent.ts })).toMatchObject({
        messages: [{ text: 'parent' }, { text: 'one' }, { text: 'two' }],
      });
      expect(await refusal('conversations.replies', { channel: OPS, ts: '1.000001' })).toMatchObject({
        error: 'thread_not_found',
      });
    });
    test('guests, strangers, leavers and bots are told apart', async () => {
      slack.setPerson('U05EVE', { is_stranger: true, team_id: 'T99OTHER' });
      slack.setPerson('U06DAVE', { deleted: true });
      const flags = async (user: string) => (await call('users.info', { user }))['user'];
      expect(await flags(GUS)).toMatchObject({ is_restricted: true, team_id: TEAM });
      expect(await flags('U05EVE')).toMatchObject({ is_stranger: true, team_id: 'T99OTHER' });
      expect(await flags('U06DAVE')).toMatchObject({ deleted: true });
      expect(await flags(BOT_USER)).toMatchObject({ is_bot: true });
      expect(await flags(BOB)).toMatchObject({ deleted: false, is_bot: false, is_restricted: false, team_id: TEAM });
      expect(await refusal('users.info', { user: 'U99NOBODY' })).toMatchObject({ error: 'user_not_found' });
    });
    test('a user group lists its members', async () => {
      slack.setUserGroup('S01APPROVERS', [BOB]);
      expect(await call('usergroups.users.list', { usergroup: 'S01APPROVERS' })).toMatchObject({ users: [BOB] });
      expect(await refusal('usergroups.users.list', { usergroup: 'S99' })).toMatchObject({ error: 'no_such_subteam' });
    });
  });

  describe('files', () => {
    const announce = () => call('files.getUploadURLExternal', { filename: 'rows.ndjson', length: 3 });
    const share = (more: object) => call('files.completeUploadExternal', { files: [{ id: 'F1' }], ...more });
    test('are announced by name and size, and shared into a conversation where the bot is', async () => {
      expect(await refusal('files.getUploadURLExternal', { filename: 'rows.ndjson', length: 0 })).toMatchObject({
        error: 'invalid_arguments',
      });
      await expect(announce()).resolves.toMatchObject({ ok: true });
      const id = { files: [{ id: 'F1' }] };
      const complete = 'files.completeUploadExternal';
      expect(await refusal(complete, { channel_id: OPS })).toMatchObject({ error: 'invalid_arguments' });
      expect(await refusal(complete, { ...id, channel_id: BOB })).toMatchObject({ error: 'channel_not_found' });
      expect(await refusal(complete, { ...id, channel_id: GENERAL })).toMatchObject({ error: 'not_in_channel' });
    });
    test('need files:write', async () => {
      slack.setScopes(['chat:write']);
      await expect(announce()).rejects.toMatchObject({ data: { error: 'missing_scope', needed: 'files:write' } });
      await expect(share({ channel_id: OPS })).rejects.toMatchObject({ data: { error: 'missing_scope' } });
    });
  });

  describe('bad days', () => {
    test('a 429 says how long to wait', async () => {
      slack.faults.rateLimit('chat.postMessage', 7);
      await expect(post('x')).rejects.toThrow(WebAPIRateLimitedError);
      await expect(post('x')).resolves.toMatchObject({ ok: true });
    });
    test('a lost response means done, and the caller cannot know', async () => {
      slack.faults.loseResponse('chat.postMessage');
      await expect(post('posted all the same')).rejects.toBeInstanceOf(WebAPIRequestError);
      expect((await slack.control.messages(OPS)).map((one) => one.text)).toContain('posted all the same');
    });
    test('an outage refuses connections, and the same address works again afterwards', async () => {
      await slack.faults.outage('refused');
      await expect(call('auth.test')).rejects.toBeInstanceOf(WebAPIRequestError);
      await slack.faults.restore();
      await expect(call('auth.test')).resolves.toMatchObject({ ok: true });
    });
    test('an unavailable Slack answers 503', async () => {
      await slack.faults.outage('unavailable');
      expect((await fetch(`${slack.apiUrl}auth.test`, { method: 'POST' })).status).toBe(503);
      await slack.faults.restore();
    });
    test('a chosen error comes once', async () => {
      slack.faults.fail('users.info', 'internal_error');
      expect(await refusal('users.info', { user: ALICE })).toMatchObject({ error: 'internal_error' });
      await expect(call('users.info', { user: ALICE })).resolves.toMatchObject({ ok: true });
    });
    test('each call is on record with its answer', async () => {
      const before = slack.calls.length;
      slack.faults.rateLimit('auth.test', 1);
      await call('auth.test').catch(() => undefined);
      await call('auth.test');
      expect(slack.calls.slice(before).map((one) => [one.method, one.answer])).toEqual([
        ['auth.test', '429'],
        ['auth.test', 'ok'],
      ]);
    });
  });
});
