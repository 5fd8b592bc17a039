import { no, type Answer, type Args, type Edge, word } from '../edge.ts';
import { mustBeMember } from './method-conversations.ts';

/** A file is announced with its name and its exact size before its bytes are sent. */
export function checkAnnounced(_edge: Edge, args: Args): Answer | null {
  return word(args, 'filename') !== '' && Number(args['length']) > 0 ? null : no('invalid_arguments');
}

/** A file is shared into a conversation where the bot is; a person's id is none. */
export function checkShared(edge: Edge, args: Args): Answer | null {
  const files = args['files'];
  if (!Array.isArray(files) || files.length === 0) return no('invalid_arguments');
  if (word(args, 'channel_id').startsWith('U')) return no('channel_not_found');
  return mustBeMember(edge, { channel: args['channel_id'] });
}
