import { HTTPReceiver, SocketModeReceiver } from '@slack/bolt';
import type { SlackLog } from './log.ts';
import { libraryLogger } from './log.ts';

/** How Slack's deliveries reach the bot: a socket that the bot opens, or an address that Slack calls. */
export type Delivering =
  | { readonly mode: 'socket'; readonly appToken: string; readonly apiUrl?: string }
  | { readonly mode: 'http'; readonly signingSecret: string; readonly port: number };

/**
 * One connection, on purpose. A second one would cover the moment of each refresh, which our own reconnecting (see
 * `connection.ts`) shortens from 5 s to the time of two calls; it would cost a second Bolt app. Two processes
 * (`start --only bot` twice) cover it wholly: Slack sends each payload to one of them.
 *
 * The client options are this receiver's alone, because socket-mode writes its own retry settings into shared ones.
 */
export function socketReceiver(delivering: Extract<Delivering, { mode: 'socket' }>, log: SlackLog): SocketModeReceiver {
  return new SocketModeReceiver({
    appToken: delivering.appToken,
    logger: libraryLogger(log, 'slack-socket'),
    clientPingTimeout: 5000,
    serverPingTimeout: 30_000,
    autoReconnectEnabled: false,
    installerOptions: {
      clientOptions: {
        timeout: 10_000,
        retryConfig: { retries: 0 },
        rejectRateLimitedCalls: true,
        ...(delivering.apiUrl === undefined ? {} : { slackApiUrl: delivering.apiUrl }),
      },
    },
  });
}

/** Signed requests on `/slack/events`: commands, clicks, windows and events alike. */
export function httpReceiver(delivering: Extract<Delivering, { mode: 'http' }>, log: SlackLog): HTTPReceiver {
  return new HTTPReceiver({
    signingSecret: delivering.signingSecret,
    port: delivering.port,
    endpoints: '/slack/events',
    logger: libraryLogger(log, 'slack-http'),
    // Ours are all acknowledged first; an answer that waits for the work would time out in front of the person.
    processBeforeResponse: false,
  });
}
