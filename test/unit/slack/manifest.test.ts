import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { z } from 'zod';
import { EVENTS } from '../../../src/slack/app.ts';
import { COMMANDS } from '../../../src/slack/views/help.ts';

const ROOT = join(import.meta.dirname, '../../..');
const scope = z.string().regex(/^[a-z.]+(:[a-z.]+)?$/);

/** Slack's published constraints on a manifest (slackapi/manifest-schema v0.5.0), as far as ours goes. Unknown keys are refused. */
const schema = z.strictObject({
  display_information: z.strictObject({
    name: z.string().min(1).max(35),
    description: z.string().max(140),
    background_color: z.string().regex(/^#[0-9a-f]{6}$/),
  }),
  features: z.strictObject({
    app_home: z.strictObject({
      home_tab_enabled: z.boolean(),
      messages_tab_enabled: z.boolean(),
      messages_tab_read_only_enabled: z.boolean(),
    }),
    bot_user: z.strictObject({ display_name: z.string().regex(/^[a-z0-9._-]{1,80}$/), always_online: z.boolean() }),
    slash_commands: z
      .array(
        z.strictObject({
          command: z.string().regex(/^\/[a-z0-9-]{1,31}$/),
          description: z.string().min(1).max(2000),
          usage_hint: z.string().max(1000),
          should_escape: z.literal(true),
        }),
      )
      .max(50),
  }),
  oauth_config: z.strictObject({ scopes: z.strictObject({ bot: z.array(scope).max(255) }) }),
  settings: z.strictObject({
    event_subscriptions: z.strictObject({ bot_events: z.array(z.string()).max(100) }),
    interactivity: z.strictObject({ is_enabled: z.literal(true) }),
    org_deploy_enabled: z.boolean(),
    socket_mode_enabled: z.boolean(),
    token_rotation_enabled: z.literal(false),
  }),
});

/** The scopes that each Web API method needs (docs.slack.dev/reference/methods), for the places where we use it. */
const SCOPES: Readonly<Record<string, readonly string[]>> = {
  'auth.test': [],
  'chat.postMessage': ['chat:write'],
  'chat.postEphemeral': ['chat:write'],
  'chat.update': ['chat:write'],
  'conversations.history': ['channels:history', 'groups:history', 'im:history'],
  'conversations.info': ['channels:read', 'groups:read'],
  'conversations.open': ['im:write'],
  'conversations.replies': ['channels:history', 'groups:history'],
  // One call of the client, two of Slack's: files.getUploadURLExternal and files.completeUploadExternal.
  'files.uploadV2': ['files:write'],
  'usergroups.users.list': ['usergroups:read'],
  'users.info': ['users:read'],
  'views.open': [],
  'views.publish': [],
  'views.update': [],
};

const manifest = schema.parse(parse(readFileSync(join(ROOT, 'manifest.yml'), 'utf8')));

/** Every Web API method that the source calls: `client.chat.update(` is `chat.update`. */
function calledMethods(): string[] {
  const folder = join(ROOT, 'src/slack');
  const files = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.ts'));
  const call =
    /\.((?:chat|views|users|usergroups|conversations|auth|reactions|files|pins|bookmarks|apps)(?:\.\w+){1,2})\(/g;
  const found = files.flatMap((file) =>
    [...readFileSync(join(folder, file), 'utf8').matchAll(call)].map(([, method]) => method ?? ''),
  );
  return [...new Set(found)].sort();
}

describe('manifest.yml', () => {
  test('declares exactly the commands that the code registers', () => {
    expect(manifest.features.slash_commands.map(({ command }) => command)).toEqual(
      Object.values(COMMANDS).map(({ command }) => command),
    );
    expect(manifest.features.slash_commands.map(({ usage_hint: hint }) => hint)).toEqual(
      Object.values(COMMANDS).map(({ usage }) => usage),
    );
  });

  test('subscribes to exactly the events that the code listens to', () => {
    expect(manifest.settings.event_subscriptions.bot_events).toEqual([...EVENTS]);
  });

  test('asks for exactly the scopes that the called methods need', () => {
    expect(calledMethods()).toEqual(Object.keys(SCOPES).sort());
    const needed = new Set(['commands', ...Object.values(SCOPES).flat()]);
    expect([...manifest.oauth_config.scopes.bot].sort()).toEqual([...needed].sort());
  });

  test('has every scope explained in docs/slack.md', () => {
    const docs = readFileSync(join(ROOT, 'docs/slack.md'), 'utf8');
    expect(manifest.oauth_config.scopes.bot.filter((one) => !docs.includes(`\`${one}\``))).toEqual([]);
  });
});
