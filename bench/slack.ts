import { createHmac } from 'node:crypto';
import { once } from 'node:events';
import { Agent, createServer, request, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { startTinySlack, type TinySlack } from '../test/support/slack/tiny-slack.ts';
import { CHANNEL, SIGNING_SECRET, TEAM } from './bot-config.ts';

/** What the bot sent to one `response_url`. */
export interface Answered {
  readonly text: string;
  /** `performance.now()` of its arrival. */
  readonly at: number;
}

/** A Slack that delivers by HTTP: signed requests to the bot, and an ear for its answers. */
export interface BenchSlack extends TinySlack {
  /** Delivers a slash command; answers milliseconds until the bot acknowledged it. Throws when it did not. */
  command(command: string, words: string, key: string, user: string): Promise<number>;
  /** Delivers a press of a button; answers as `command` does. */
  press(press: Press): Promise<number>;
  /** By the key of the command or press. */
  readonly answers: ReadonlyMap<string, readonly Answered[]>;
}

export interface Press {
  readonly actionId: string;
  readonly value: string;
  readonly user: string;
  readonly channel: string;
  readonly messageTs: string;
  readonly key: string;
}

/** `port`: of the bot's events endpoint. */
export async function startBenchSlack(port: () => number): Promise<BenchSlack> {
  const tiny = await startTinySlack();
  const ear = await startEar();
  // Slack keeps no connection of ours in mind, but it does not make a new one for each delivery either.
  const agent = new Agent({ keepAlive: true, maxSockets: 50 });
  const deliver = async (body: string): Promise<number> => await post(agent, port(), body);
  return {
    ...tiny,
    answers: ear.answers,
    command: (command, words, key, user) =>
      deliver(
        new URLSearchParams({
          command,
          text: words,
          trigger_id: key,
          user_id: user,
          user_name: user,
          team_id: TEAM,
          team_domain: 'bench',
          channel_id: CHANNEL,
          channel_name: 'ops',
          api_app_id: 'A0BENCH',
          response_url: ear.urlOf(key),
          token: 'unused',
        }).toString(),
      ),
    press: (press) =>
      deliver(`payload=${encodeURIComponent(JSON.stringify(blockActions(press, ear.urlOf(press.key))))}`),
    stop: async () => {
      agent.destroy();
      await ear.stop();
      await tiny.stop();
    },
  };
}

function blockActions({ actionId, value, user, channel, messageTs, key }: Press, responseUrl: string): object {
  return {
    type: 'block_actions',
    team: { id: TEAM, domain: 'bench' },
    user: { id: user, name: user, team_id: TEAM },
    api_app_id: 'A0BENCH',
    token: 'unused',
    container: { type: 'message', message_ts: messageTs, channel_id: channel, is_ephemeral: false },
    trigger_id: key,
    channel: { id: channel, name: 'ops' },
    response_url: responseUrl,
    actions: [{ type: 'button', action_id: actionId, block_id: 'gate', value, action_ts: messageTs }],
  };
}

/** Signed as Slack signs: https://docs.slack.dev/authentication/verifying-requests-from-slack */
async function post(agent: Agent, port: number, body: string): Promise<number> {
  const timestamp = String(Math.floor(Date.now() / 1000));
  const signature = createHmac('sha256', SIGNING_SECRET).update(`v0:${timestamp}:${body}`).digest('hex');
  const began = performance.now();
  const sent = request({
    agent,
    port,
    host: '127.0.0.1',
    path: '/slack/events',
    method: 'POST',
    headers: {
      'content-type': 'application/x-www-form-urlencoded',
      'content-length': Buffer.byteLength(body),
      'x-slack-request-timestamp': timestamp,
      'x-slack-signature': `v0=${signature}`,
    },
  });
  sent.end(body);
  const [answer] = (await once(sent, 'response')) as [IncomingMessage];
  const took = performance.now() - began;
  answer.resume();
  if (answer.statusCode !== 200) throw new Error(`the bot answered ${answer.statusCode}`);
  return took;
}

async function startEar() {
  const answers = new Map<string, Answered[]>();
  const server = createServer((incoming, response) => {
    void text(incoming).then((body) => {
      const key = decodeURIComponent((incoming.url ?? '').slice('/answer/'.length));
      const said = { text: (JSON.parse(body) as { text: string }).text, at: performance.now() };
      answers.set(key, [...(answers.get(key) ?? []), said]);
      response.end('ok');
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    answers: answers as ReadonlyMap<string, readonly Answered[]>,
    urlOf: (key: string) => `http://127.0.0.1:${port}/answer/${encodeURIComponent(key)}`,
    stop: async () => {
      const closed = once(server, 'close');
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}
