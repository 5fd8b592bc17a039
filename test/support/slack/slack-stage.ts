import { afterAll, afterEach, beforeAll, beforeEach } from 'vitest';
import { BOB } from '../../../src/sandbox/slack/cast.ts';
import { hands } from './slack-hands.ts';
import { strictSlack, type TestSlack } from './slack.ts';
import { BOT_SCOPES, ready, slackWorld, type SlackWorld, type WorldOptions } from './slack-world.ts';

/**
 * For a whole `describe`: one strict Slack, and for each test a bot of its own in HTTP mode, so that every command, click
 * and window is a real, signed HTTP request.
 */
export function slackStage(defaults: WorldOptions = {}) {
  let slack: TestSlack | undefined;
  let world: SlackWorld | undefined;
  const stage = {
    get slack(): TestSlack {
      if (slack === undefined) throw new Error('Slack is there within tests alone');
      return slack;
    },
    get world(): SlackWorld {
      if (world === undefined) throw new Error('the bot is there within tests alone');
      return world;
    },
    /** Another bot in the place of the one before. */
    open: async (options: WorldOptions = {}): Promise<void> => {
      await world?.stop();
      world = await slackWorld(stage.slack, { http: true, ...defaults, ...options });
      await ready(world);
      stage.slack.setRequestUrl(`http://127.0.0.1:${world.port ?? 0}/slack/events`);
    },
  };
  beforeAll(async () => {
    slack = await strictSlack({ scopes: BOT_SCOPES });
  });
  beforeEach(async () => {
    await stage.slack.control.reset();
    await stage.open();
  });
  afterEach(async () => {
    stage.slack.faults.clear();
    stage.slack.setPerson(BOB, {});
    stage.slack.setScopes(BOT_SCOPES);
    stage.slack.setRequestUrl(null);
    await world?.stop();
  });
  afterAll(async () => {
    await slack?.stop();
  });
  const its = hands(
    () => stage.slack,
    () => stage.world,
  );
  return Object.assign(stage, { hands: its });
}
