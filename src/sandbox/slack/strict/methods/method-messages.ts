import { checkMessageBlocks, type Complaints } from '../blocks.ts';
import { drawDates } from '../dates.ts';
import { messagesOf, no, type Answer, type Args, type Block, type Edge, word } from '../edge.ts';
import { isDirect, mustBeMember } from './method-conversations.ts';
import { newBlockId } from '../tickets.ts';

const POST_TEXT = 40_000;
const UPDATE_TEXT = 4000;

/** `invalid_blocks` with Slack's sentences, or null. */
export function blocksRefusal(blocks: unknown): Answer | null {
  if (blocks === undefined) return null;
  const complaints = checkMessageBlocks(blocks);
  return complaints.length === 0 ? null : invalid('invalid_blocks', complaints);
}

export function invalid(error: string, complaints: Complaints): Answer {
  return no(error, { errors: complaints, response_metadata: { messages: complaints } });
}

/** What Slack does to a message on its way in: text cut at 40,000, an id on every block; and its clients: dates drawn. */
export function prepareMessage(args: Args): Args {
  return drawDates(numbered(args));
}

function numbered(args: Args): Args {
  const text = typeof args['text'] === 'string' ? args['text'].slice(0, POST_TEXT) : undefined;
  const blocks = args['blocks'] as readonly Block[] | undefined;
  return {
    ...args,
    ...(text === undefined ? {} : { text }),
    ...(blocks === undefined ? {} : { blocks: blocks.map((block) => ({ block_id: newBlockId(), ...block })) }),
  };
}

function hasContent(args: Args): boolean {
  const blocks = args['blocks'];
  return (typeof args['text'] === 'string' && args['text'] !== '') || (Array.isArray(blocks) && blocks.length > 0);
}

/** Refuses what Slack refuses to post; null when it would be posted. */
export function checkPost(edge: Edge, args: Args): Answer | null {
  const place = word(args, 'channel');
  if (place.startsWith('U')) {
    const person = edge.people.get(place);
    if (person === undefined || place === edge.botUser) return no('channel_not_found');
    if (person.flags.deleted === true) return no('user_disabled');
  } else {
    const refusal = mustBeMember(edge, args);
    if (refusal !== null) return refusal;
  }
  if (!hasContent(args)) return no('no_text');
  return blocksRefusal(args['blocks']);
}

/** An ephemeral message needs both of them in the channel. */
export function checkEphemeral(edge: Edge, args: Args): Answer | null {
  const refusal = mustBeMember(edge, args);
  if (refusal !== null) return refusal;
  const place = word(args, 'channel');
  const user = word(args, 'user');
  if (!isDirect(place) && edge.channels.get(place)?.members.has(user) !== true) return no('user_not_in_channel');
  if (!hasContent(args)) return no('no_text');
  return blocksRefusal(args['blocks']);
}

/** Only messages of our own that everybody sees can be changed, and their text may not pass 4,000 characters. */
export async function checkUpdate(edge: Edge, args: Args): Promise<Answer | null> {
  // With the id of a person instead of the D… of the conversation, Slack finds nothing.
  if (word(args, 'channel').startsWith('U')) return no('channel_not_found');
  const refusal = mustBeMember(edge, args);
  if (refusal !== null) return refusal;
  const existing = await ownMessage(edge, args);
  if (existing !== null) return existing;
  if (!hasContent(args)) return no('no_text');
  if (typeof args['text'] === 'string' && args['text'].length > UPDATE_TEXT) return no('msg_too_long');
  return blocksRefusal(args['blocks']);
}

export async function checkDelete(edge: Edge, args: Args): Promise<Answer | null> {
  const refused = await ownMessage(edge, args);
  return refused?.error === 'cant_update_message' ? no('cant_delete_message') : refused;
}

async function ownMessage(edge: Edge, args: Args): Promise<Answer | null> {
  const all = await messagesOf(edge, word(args, 'channel'));
  const found = all.find((one) => one.ts === args['ts'] && one.ephemeral_to === undefined);
  if (found === undefined) return no('message_not_found');
  return found.user === edge.botUser ? null : no('cant_update_message');
}
