import { WebClient, WebClientEvent } from '@slack/web-api';
import type { SlackLog } from './log.ts';
import { libraryLogger } from './log.ts';

/**
 * Two clients with queues of their own: on a 429 a WebClient pauses its whole queue, so edits in the background must
 * never stand before the answer to a person. Neither retries: a retried `chat.postMessage` whose first answer was lost
 * posts twice, and whoever is behind the background client tries again by looking at what is owed.
 */
export interface Clients {
  /** Answers to a click or a command: gives up before a trigger_id dies. */
  readonly people: WebClient;
  /** Drawings, reminders, look-ups nobody waits for. */
  readonly background: WebClient;
}

export interface RateLimited {
  readonly client: 'people' | 'background';
  /** `chat.update` */
  readonly method: string;
  /** Seconds. */
  readonly retryAfter: number;
}

export interface ClientOptions {
  readonly token: string;
  /** Another Slack than slack.com, with the trailing slash. */
  readonly apiUrl?: string;
  readonly log: SlackLog;
  /** Called with every 429, for metrics. */
  readonly onRateLimited?: (facts: RateLimited) => void;
  readonly peopleTimeoutMs?: number;
  readonly backgroundTimeoutMs?: number;
}

/** Makes both clients; calls nobody. */
export function createClients(options: ClientOptions): Clients {
  return {
    people: client(options, 'people', options.peopleTimeoutMs ?? 2500),
    background: client(options, 'background', options.backgroundTimeoutMs ?? 10_000),
  };
}

function client(options: ClientOptions, name: 'people' | 'background', timeout: number): WebClient {
  const made = new WebClient(options.token, {
    timeout,
    retryConfig: { retries: 0 },
    rejectRateLimitedCalls: true,
    allowAbsoluteUrls: false,
    logger: libraryLogger(options.log, `slack-${name}`),
    ...(options.apiUrl === undefined ? {} : { slackApiUrl: options.apiUrl }),
  });
  made.on(WebClientEvent.RATE_LIMITED, (retryAfter: number, request: { readonly url?: string }) => {
    const method = request.url?.slice(request.url.lastIndexOf('/') + 1) ?? 'unknown';
    options.onRateLimited?.({ client: name, method, retryAfter });
  });
  return made;
}
