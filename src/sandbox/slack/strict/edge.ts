import type { CastChannel, CastPerson, PersonFlags, SlackTokens } from '../cast.ts';
import type { AppManifest } from '../manifest.ts';
import type { FaultBook } from './faults.ts';
import type { SocketPool } from './socket-pool.ts';
import type { ResponseUrls, Triggers } from './tickets.ts';

export type Args = Readonly<Record<string, unknown>>;
/** A Web API answer. */
export type Answer = { readonly ok: boolean; readonly error?: string } & Readonly<Record<string, unknown>>;

/** A message as local-slack keeps it. */
export interface SlackMessage {
  readonly ts: string;
  readonly channel: string;
  readonly user?: string;
  readonly bot_id?: string;
  readonly text: string;
  readonly blocks?: readonly Block[];
  readonly thread_ts?: string;
  readonly subtype?: string;
  /** Set on a message that only this person sees. */
  readonly ephemeral_to?: string;
}
export interface Block {
  readonly type: string;
  readonly block_id?: string;
  readonly [key: string]: unknown;
}

export interface Channel {
  readonly id: string;
  readonly name: string;
  readonly isPrivate: boolean;
  readonly members: Set<string>;
  isExtShared: boolean;
  isArchived: boolean;
}

/** One call that the bot made, as it was answered. */
export interface Call {
  readonly method: string;
  readonly args: Args;
  /** Milliseconds since the epoch, when it arrived. */
  readonly at: number;
  /** `ok`, Slack's error code, or `429`, `503`, `lost`. */
  answer: string;
}

/** One command, click or event that went to the bot. `ackMs` is null when it was not acknowledged in 3 s. */
export interface Delivery {
  readonly type: 'slash_commands' | 'interactive' | 'events_api';
  readonly ackMs: number | null;
}

/** Everything the strict stand-in knows; local-slack behind it keeps messages, homes and modals. */
export interface Edge {
  readonly tokens: SlackTokens;
  readonly team: string;
  readonly botUser: string;
  readonly scopes: Set<string>;
  /** Event types that the app subscribed to. Others are not delivered. */
  readonly events: ReadonlySet<string>;
  /** Slash commands that the app declares. Others are not delivered. */
  readonly commands: AppManifest['commands'];
  readonly people: Map<string, CastPerson & { flags: PersonFlags }>;
  readonly channels: Map<string, Channel>;
  /** User group id to its members. */
  readonly userGroups: Map<string, readonly string[]>;
  readonly triggers: Triggers;
  readonly responses: ResponseUrls;
  readonly faults: FaultBook;
  readonly calls: Call[];
  readonly deliveries: Delivery[];
  /** Newest view per App Home owner, and per modal id as the bot knows it. */
  readonly homes: Map<string, Args>;
  readonly modals: Map<string, { readonly upstreamId: string; readonly hash: string }>;
  readonly sockets: SocketPool;
  /** Where deliveries go in HTTP mode; null in Socket Mode. */
  requestUrl: string | null;
  /** Address of local-slack, known once it runs. */
  upstream: string;
  /** Host and port of the stand-in itself. */
  base: string;
}

/** A text argument; empty when it is missing or something else. */
export function word(args: Args, name: string): string {
  const value = args[name];
  return typeof value === 'string' ? value : '';
}

/** Slack's way to refuse. */
export function no(error: string, more: Readonly<Record<string, unknown>> = {}): Answer {
  return { ok: false, error, ...more };
}

/** Calls a Web API method of local-slack. */
export async function forward(edge: Edge, method: string, args: Args): Promise<Answer> {
  const response = await fetch(`${edge.upstream}/api/${method}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${edge.tokens.bot}` },
    body: JSON.stringify(args),
  });
  return (await response.json()) as Answer;
}

/** Every message of a channel, ephemeral ones too, oldest first. */
export async function messagesOf(edge: Edge, channel: string): Promise<readonly SlackMessage[]> {
  const response = await fetch(`${edge.upstream}/_control/messages/${encodeURIComponent(channel)}`);
  const body = (await response.json()) as { messages: SlackMessage[] };
  return body.messages;
}

export function newChannel(channel: CastChannel): Channel {
  return {
    id: channel.id,
    name: channel.name,
    isPrivate: channel.is_private ?? false,
    members: new Set(channel.members),
    isExtShared: false,
    isArchived: false,
  };
}
