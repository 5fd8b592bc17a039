import { BOT_USER, CHANNELS, PEOPLE, TEAM, TOKENS, type PersonFlags, type SlackTokens } from './cast.ts';
import { startLocalSlack, type LocalSlack } from './local-slack.ts';
import { appManifest } from './manifest.ts';
import { newChannel, type Call, type Channel, type Delivery, type Edge } from './strict/edge.ts';
import { faultBook, type Faults } from './strict/faults.ts';
import { startEdgeServer } from './strict/server.ts';
import { socketPool } from './strict/socket-pool.ts';
import { responseUrls, triggers } from './strict/tickets.ts';

export interface StrictSlackOptions {
  /** Scopes of the bot's token, instead of those of manifest.yml. */
  readonly scopes?: readonly string[];
  /** Event types that the app is subscribed to, instead of those of manifest.yml. */
  readonly events?: readonly string[];
  /** Port of the workspace that people open in the browser; any free one by default. */
  readonly port?: number;
}

/** A Slack to talk to: local-slack for people, and in front of it a stand-in that refuses like the original. */
export interface StrictSlack {
  /** For `SLACK_API_URL`: ends with `/api/`. */
  readonly apiUrl: string;
  /** The workspace, for a browser and for the control client. */
  readonly uiUrl: string;
  readonly tokens: SlackTokens;
  readonly team: string;
  readonly faults: Faults;
  /** Every Web API call and response URL so far, oldest first. */
  readonly calls: readonly Call[];
  /** Every command, click and event so far. */
  readonly deliveries: readonly Delivery[];
  /** Socket Mode connections at this moment. */
  connections(): number;
  /** Changes what `users.info` says of a person; adds the person when unknown. */
  setPerson(id: string, flags: PersonFlags): void;
  setUserGroup(id: string, members: readonly string[]): void;
  /** `bot` says whether the bot is a member. */
  setChannel(id: string, change: ChannelChange): void;
  setScopes(scopes: readonly string[]): void;
  /** HTTP mode: deliveries go to this address from now on; null: back to Socket Mode. */
  setRequestUrl(url: string | null): void;
  stop(): Promise<void>;
}
export type ChannelChange = Partial<Pick<Channel, 'isExtShared' | 'isArchived'>> & { readonly bot?: boolean };

/** Starts both. Throws when local-slack is not on this machine. */
export async function startStrictSlack(options: StrictSlackOptions = {}): Promise<StrictSlack> {
  const edge = newEdge(options);
  const server = await startEdgeServer(edge);
  edge.base = `127.0.0.1:${server.port}`;
  let local: LocalSlack;
  try {
    const port = options.port === undefined ? {} : { port: options.port };
    local = await startLocalSlack({ requestUrl: `http://${edge.base}/inbound`, ...port });
  } catch (error) {
    await server.stop();
    throw error;
  }
  edge.upstream = local.url;
  return {
    apiUrl: `http://${edge.base}/api/`,
    uiUrl: local.url,
    tokens: edge.tokens,
    team: edge.team,
    calls: edge.calls,
    deliveries: edge.deliveries,
    faults: {
      ...edge.faults.planned,
      recycleSockets: () => edge.sockets.drop('recycle'),
      outage: (kind) => server.outage(kind),
      restore: () => server.restore(),
    },
    connections: () => edge.sockets.size(),
    ...settings(edge),
    stop: async () => {
      await server.stop();
      await local.stop();
    },
  };
}

function newEdge(options: StrictSlackOptions): Edge {
  const manifest = appManifest();
  const now = (): number => Date.now();
  const bot = { id: BOT_USER, name: 'kong-chatops', real_name: 'kong-chatops', flags: { is_bot: true } };
  return {
    tokens: TOKENS,
    team: TEAM,
    botUser: BOT_USER,
    scopes: new Set(options.scopes ?? manifest.scopes),
    events: new Set(options.events ?? manifest.events),
    commands: manifest.commands,
    people: new Map([...PEOPLE, bot].map((person) => [person.id, { ...person, flags: person.flags ?? {} }])),
    channels: new Map(CHANNELS.map((channel) => [channel.id, newChannel(channel)])),
    userGroups: new Map(),
    triggers: triggers(now),
    responses: responseUrls(now),
    sockets: socketPool(),
    faults: faultBook(),
    calls: [],
    deliveries: [],
    homes: new Map(),
    modals: new Map(),
    requestUrl: null,
    upstream: '',
    base: '',
  };
}

type Settings = Pick<StrictSlack, 'setPerson' | 'setUserGroup' | 'setChannel' | 'setScopes' | 'setRequestUrl'>;

function settings(edge: Edge): Settings {
  return {
    setPerson: (id, flags) => {
      const person = edge.people.get(id) ?? { id, name: id.toLowerCase(), real_name: id };
      edge.people.set(id, { ...person, flags });
    },
    setUserGroup: (id, members) => void edge.userGroups.set(id, members),
    setChannel: (id, { bot, ...change }) => {
      const channel = edge.channels.get(id);
      if (channel === undefined) throw new Error(`the sandbox has no channel ${id}`);
      Object.assign(channel, change);
      if (bot === true) channel.members.add(edge.botUser);
      if (bot === false) channel.members.delete(edge.botUser);
    },
    setScopes: (scopes) => {
      edge.scopes.clear();
      for (const scope of scopes) edge.scopes.add(scope);
    },
    setRequestUrl: (url) => void (edge.requestUrl = url),
  };
}
