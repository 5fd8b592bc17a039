import type { WebClient } from '@slack/web-api';
import { failureOf } from '../outcome.ts';
import type { BotIdentity } from './ports.ts';

/** Where a message of ours is, or why nobody can say. */
export type Look =
  | { readonly found: 'here'; readonly channel: string; readonly ts: string }
  | { readonly found: 'absent' }
  | { readonly found: 'unreadable'; readonly why: string }
  | { readonly found: 'later'; readonly afterMs: number };

interface Where {
  /** A channel, or a user id for the direct messages with that person. */
  readonly to: string;
  readonly thread?: string;
  /** Every block_id of the message begins with it. */
  readonly mark: string;
  /** Not older than this (ISO). */
  readonly since: string;
}

interface Message {
  readonly ts?: string | undefined;
  readonly user?: string | undefined;
  readonly bot_id?: string | undefined;
  readonly blocks?: readonly { readonly block_id?: string | undefined }[] | undefined;
}

/** Enough for a busy channel; a message that is further back than 1,000 others counts as unreadable, not as absent. */
const PAGES = 5;
const PAGE = 200;

/** Looks for our own message in the channel's or the thread's history, by author and block_id (decision 21). */
export async function lookForOwn(client: WebClient, bot: BotIdentity, where: Where): Promise<Look> {
  try {
    const channel = await channelOf(client, where.to);
    if (channel === null) return { found: 'unreadable', why: 'no direct message channel' };
    // A minute of slack: our clock and Slack's need not agree.
    const oldest = String(Date.parse(where.since) / 1000 - 60);
    let cursor: string | undefined;
    for (let page = 0; page < PAGES; page += 1) {
      const found = await readPage(client, channel, where.thread, oldest, cursor);
      const own = found.messages.find((message) => isOwn(message, bot, where.mark));
      if (own?.ts !== undefined) return { found: 'here', channel, ts: own.ts };
      if (found.next === undefined) return { found: 'absent' };
      cursor = found.next;
    }
    return { found: 'unreadable', why: 'too many messages' };
  } catch (error) {
    const failure = failureOf(error);
    if (failure.kind === 'refused') return { found: 'unreadable', why: failure.why };
    return { found: 'later', afterMs: failure.kind === 'not-done' ? failure.afterMs : 5000 };
  }
}

async function channelOf(client: WebClient, to: string): Promise<string | null> {
  if (!/^[UW]/.test(to)) return to;
  const { channel } = await client.conversations.open({ users: to });
  return channel?.id ?? null;
}

async function readPage(
  client: WebClient,
  channel: string,
  thread: string | undefined,
  oldest: string,
  cursor: string | undefined,
): Promise<{ messages: readonly Message[]; next: string | undefined }> {
  const asked = { channel, oldest, inclusive: true, limit: PAGE, ...(cursor === undefined ? {} : { cursor }) };
  const answer =
    thread === undefined
      ? await client.conversations.history(asked)
      : await client.conversations.replies({ ...asked, ts: thread });
  const next = answer.response_metadata?.next_cursor;
  return { messages: answer.messages ?? [], next: next === '' ? undefined : next };
}

function isOwn(message: Message, bot: BotIdentity, mark: string): boolean {
  const ours = message.bot_id === bot.botId || message.user === bot.userId;
  return ours && message.blocks?.some(({ block_id }) => block_id?.startsWith(mark) === true) === true;
}
