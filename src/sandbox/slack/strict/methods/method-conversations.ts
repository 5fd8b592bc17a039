import { messagesOf, no, type Answer, type Args, type Channel, type Edge, type SlackMessage, word } from '../edge.ts';

/** `channels`, `groups` or `im`: the word before `:read` and `:history` in the scope that a channel needs. */
export function scopeFamily(edge: Edge, channel: unknown): 'channels' | 'groups' | 'im' {
  if (typeof channel !== 'string') return 'channels';
  if (isDirect(channel)) return 'im';
  return edge.channels.get(channel)?.isPrivate === true ? 'groups' : 'channels';
}

export function isDirect(channel: string): boolean {
  return channel.startsWith('D');
}

/** The channel of a call; a refusal when there is none, or when it is private and the bot is not in it. */
export function channelOf(edge: Edge, args: Args): Channel | Answer {
  const channel = edge.channels.get(word(args, 'channel'));
  if (channel === undefined) return no('channel_not_found');
  // What a bot is not in and is private does not exist for it.
  if (channel.isPrivate && !channel.members.has(edge.botUser)) return no('channel_not_found');
  return channel;
}

/** Whether the bot may post into or read from the place; null when it may. */
export function mustBeMember(edge: Edge, args: Args): Answer | null {
  if (isDirect(word(args, 'channel'))) return null;
  const channel = channelOf(edge, args);
  if ('ok' in channel) return channel;
  if (channel.isArchived) return no('is_archived');
  return channel.members.has(edge.botUser) ? null : no('not_in_channel');
}

export function channelInfo(edge: Edge, args: Args): Answer {
  const id = word(args, 'channel');
  if (isDirect(id)) return { ok: true, channel: { id, is_im: true, is_ext_shared: false, is_archived: false } };
  const channel = channelOf(edge, args);
  if ('ok' in channel) return channel;
  return {
    ok: true,
    channel: {
      id: channel.id,
      name: channel.name,
      is_channel: !channel.isPrivate,
      is_group: channel.isPrivate,
      is_im: false,
      is_private: channel.isPrivate,
      is_archived: channel.isArchived,
      is_member: channel.members.has(edge.botUser),
      is_ext_shared: channel.isExtShared,
      is_shared: channel.isExtShared,
      is_org_shared: false,
      is_pending_ext_shared: false,
      num_members: channel.members.size,
      context_team_id: edge.team,
    },
  };
}

export function members(edge: Edge, args: Args): Answer {
  const channel = channelOf(edge, args);
  if ('ok' in channel) return channel;
  return { ok: true, members: [...channel.members], response_metadata: { next_cursor: '' } };
}

/** Newest first, without what was said in threads and without what only one person saw. */
export async function history(edge: Edge, args: Args): Promise<Answer> {
  const all = await messagesOf(edge, word(args, 'channel'));
  const parents = all.filter((one) => one.ephemeral_to === undefined && inHistory(one));
  const page = paged(
    parents.map((one) => withReplies(one, all)),
    args,
    'newest-first',
  );
  return { ok: true, ...page };
}

/** The parent and its replies, oldest first. */
export async function replies(edge: Edge, args: Args): Promise<Answer> {
  const ts = word(args, 'ts');
  const all = (await messagesOf(edge, word(args, 'channel'))).filter((one) => one.ephemeral_to === undefined);
  const parent = all.find((one) => one.ts === ts);
  if (parent === undefined) return no('thread_not_found');
  const thread = all.filter((one) => one.ts === ts || one.thread_ts === ts);
  return {
    ok: true,
    ...paged(
      thread.map((one) => (one.ts === ts ? withReplies(one, all) : asSlackShows(one))),
      args,
      'oldest-first',
    ),
  };
}

function inHistory(message: SlackMessage): boolean {
  return message.thread_ts === undefined || message.thread_ts === message.ts;
}

/** Slack's own history carries no channel, and the sandbox's ephemeral mark is not Slack's either. */
function asSlackShows(message: SlackMessage): SlackMessage {
  const { channel: _channel, ephemeral_to: _to, ...rest } = message;
  return rest as SlackMessage;
}

function withReplies(message: SlackMessage, all: readonly SlackMessage[]): SlackMessage {
  const thread = all.filter((one) => one.thread_ts === message.ts && one.ts !== message.ts);
  const shown = asSlackShows(message);
  if (thread.length === 0) return shown;
  const counts = { reply_count: thread.length, latest_reply: thread.at(-1)?.ts };
  return { ...shown, thread_ts: message.ts, ...counts };
}

/** Applies `oldest`, `latest`, `inclusive`, `limit` and `cursor` as Slack documents them. */
function paged(messages: readonly SlackMessage[], args: Args, order: 'newest-first' | 'oldest-first') {
  const inclusive = args['inclusive'] === true || args['inclusive'] === 'true';
  const oldest = Number(args['oldest'] ?? 0);
  const latest = Number(args['latest'] ?? Number.MAX_SAFE_INTEGER);
  const within = messages.filter((one) => {
    const ts = Number(one.ts);
    return inclusive ? ts >= oldest && ts <= latest : ts > oldest && ts < latest;
  });
  const ordered = order === 'newest-first' ? within.toReversed() : within;
  const limit = Math.min(Math.max(Number(args['limit'] ?? 100), 1), 999);
  const start = typeof args['cursor'] === 'string' && args['cursor'] !== '' ? Number(args['cursor']) : 0;
  const end = start + limit;
  const more = end < ordered.length;
  return {
    messages: ordered.slice(start, end),
    has_more: more,
    response_metadata: { next_cursor: more ? String(end) : '' },
  };
}
