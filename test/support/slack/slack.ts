import { App, LogLevel, SocketModeReceiver, type Logger } from '@slack/bolt';
import { WebClient } from '@slack/web-api';
import { slackControl, type SlackControl } from '../../../src/sandbox/slack/control.ts';
import { startStrictSlack, type StrictSlack, type StrictSlackOptions } from '../../../src/sandbox/slack/strict.ts';

/** A strict Slack with the hands of its people: what a test starts and stops. */
export interface TestSlack extends StrictSlack {
  readonly control: SlackControl;
}

/** Starts local-slack and the strict stand-in. Check `need('local-slack')` first. About half a second. */
export async function strictSlack(options: StrictSlackOptions = {}): Promise<TestSlack> {
  const slack = await startStrictSlack(options);
  try {
    const control = await slackControl(slack.uiUrl);
    return {
      ...slack,
      control,
      stop: async () => {
        control.close();
        await slack.stop();
      },
    };
  } catch (error) {
    await slack.stop();
    throw error;
  }
}

const nothing = (): void => {};
/** Refusals that a test provokes need not stand in its output. */
const SILENT: Logger = {
  debug: nothing,
  info: nothing,
  warn: nothing,
  error: nothing,
  setLevel: nothing,
  getLevel: () => LogLevel.ERROR,
  setName: nothing,
};

/** A client of the bot that neither retries nor waits out a 429. */
export function botClient(slack: StrictSlack, token: string = slack.tokens.bot): WebClient {
  return new WebClient(token, {
    slackApiUrl: slack.apiUrl,
    retryConfig: { retries: 0 },
    rejectRateLimitedCalls: true,
    logger: SILENT,
    timeout: 5000,
  });
}

export interface TinyBot {
  readonly app: App;
  stop(): Promise<void>;
}

/** A Bolt app over Socket Mode against the stand-in; `build` registers what it listens to. */
export async function tinyBot(slack: StrictSlack, build: (app: App) => void): Promise<TinyBot> {
  const clientOptions = { slackApiUrl: slack.apiUrl };
  const receiver = new SocketModeReceiver({
    appToken: slack.tokens.app,
    clientPingTimeout: 100,
    logLevel: LogLevel.ERROR,
    installerOptions: { clientOptions },
  });
  const app = new App({
    token: slack.tokens.bot,
    receiver,
    clientOptions,
    convoStore: false,
    deferInitialization: true,
    logLevel: LogLevel.ERROR,
  });
  await app.init();
  build(app);
  await app.start();
  return {
    app,
    stop: async () => {
      await receiver.client.disconnect();
    },
  };
}
