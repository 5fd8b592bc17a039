import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';

/** A message as it lies in the tiny Slack. */
export interface TinyMessage {
  readonly channel: string;
  readonly ts: string;
  readonly thread_ts?: string;
  readonly user: string;
  text: string;
  blocks: readonly { readonly type: string; readonly block_id?: string }[];
  edits: number;
}

export interface TinySlack {
  /** For `SLACK_API_URL`. */
  readonly apiUrl: string;
  readonly messages: readonly TinyMessage[];
  readonly calls: Map<string, number>;
  /** The body of every call, in order. */
  readonly traffic: readonly string[];
  stop(): Promise<void>;
}

type Arguments = Readonly<Record<string, string>>;
type Method = (given: Arguments) => object;

/**
 * The few Web API methods that the bot calls in the background, over real HTTP: for stories that are told a hundred
 * times. It has no rate limits, no scopes and no people but members; the strict stand-in (src/sandbox/slack) has those.
 */
export async function startTinySlack(): Promise<TinySlack> {
  const messages: TinyMessage[] = [];
  const calls = new Map<string, number>();
  const traffic: string[] = [];
  const methods = methodsOn(messages);
  const server = createServer((request, response) => {
    void answer(request).then((body) => {
      response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(body));
    });
  });
  const answer = async (request: IncomingMessage): Promise<object> => {
    const name = (request.url ?? '').replace(/^\/api\//, '');
    const body = await text(request);
    traffic.push(body);
    const given = Object.fromEntries(new URLSearchParams(body));
    calls.set(name, (calls.get(name) ?? 0) + 1);
    if (request.headers.authorization?.startsWith('Bearer xoxb-') !== true) return { ok: false, error: 'not_authed' };
    return methods[name]?.(given) ?? { ok: false, error: 'unknown_method' };
  };
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    apiUrl: `http://127.0.0.1:${(server.address() as AddressInfo).port}/api/`,
    messages,
    calls,
    traffic,
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

function methodsOn(messages: TinyMessage[]): Readonly<Record<string, Method>> {
  const find = ({ channel, ts }: Arguments) => messages.find((one) => one.channel === channel && one.ts === ts);
  const blocksOf = (given: Arguments) => JSON.parse(given['blocks'] ?? '[]') as TinyMessage['blocks'];
  return {
    'auth.test': () => ({
      ok: true,
      bot_id: 'B0BOT',
      user_id: 'U0BOT',
      team_id: 'T01LOCAL',
      url: 'http://slack.test/',
    }),
    'users.info': ({ user = '' }) => ({ ok: true, user: { id: user, team_id: 'T01LOCAL' } }),
    'conversations.info': ({ channel = '' }) => ({ ok: true, channel: { id: channel, is_member: true } }),
    'chat.postMessage': (given) => {
      const { channel = '', text: words = '', thread_ts } = given;
      if (!words) return { ok: false, error: 'no_text' };
      const ts = `${1_763_690_000 + messages.length}.000100`;
      const place = channel.startsWith('U') ? `D${channel.slice(1)}` : channel;
      const thread = thread_ts === undefined ? {} : { thread_ts };
      messages.push({ channel: place, ts, ...thread, user: 'U0BOT', text: words, blocks: blocksOf(given), edits: 0 });
      return { ok: true, channel: place, ts };
    },
    'chat.update': (given) => {
      const message = find(given);
      if (message === undefined) return { ok: false, error: 'message_not_found' };
      Object.assign(message, { text: given['text'] ?? '', blocks: blocksOf(given), edits: message.edits + 1 });
      return { ok: true, channel: message.channel, ts: message.ts };
    },
    'conversations.history': ({ channel }) => ({
      ok: true,
      has_more: false,
      messages: messages.filter((one) => one.channel === channel && one.thread_ts === undefined).map(asSlack),
    }),
    'conversations.replies': ({ channel, ts }) => ({
      ok: true,
      has_more: false,
      messages: messages
        .filter((one) => one.channel === channel && (one.ts === ts || one.thread_ts === ts))
        .map(asSlack),
    }),
    'conversations.open': ({ users = '' }) => ({ ok: true, channel: { id: `D${users.slice(1)}` } }),
    'views.publish': () => ({ ok: true, view: { id: 'V1' } }),
  };
}

function asSlack(message: TinyMessage): object {
  return { ...message, type: 'message', bot_id: 'B0BOT' };
}
