import type { WebClient } from '@slack/web-api';
import { failureOf } from '../outcome.ts';

/** Whether a gate may be shown in a channel: never in one shared with another organization (behaviour 1.2). */
export type ChannelCheck =
  | { readonly may: 'yes' }
  | { readonly may: 'no'; readonly why: string }
  | { readonly may: 'later'; readonly afterMs: number };

/** Asks `conversations.info`, remembers a yes or no for `believedMs`. Who cannot tell says no. */
export function createChannelCheck(
  client: WebClient,
  clock: () => Date,
  believedMs: number,
): (channel: string) => Promise<ChannelCheck> {
  const known = new Map<string, { readonly until: number; readonly check: ChannelCheck }>();
  return async (channel) => {
    const now = clock().getTime();
    const before = known.get(channel);
    if (before !== undefined && before.until > now) return before.check;
    const check = await ask(client, channel);
    if (check.may !== 'later') known.set(channel, { until: now + believedMs, check });
    return check;
  };
}

async function ask(client: WebClient, channel: string): Promise<ChannelCheck> {
  try {
    const { channel: facts } = await client.conversations.info({ channel });
    const shared = facts?.is_ext_shared === true || facts?.is_pending_ext_shared === true;
    return shared
      ? { may: 'no', why: 'The channel is shared with another organization, and gates are never shown to strangers.' }
      : { may: 'yes' };
  } catch (error) {
    const failure = failureOf(error);
    if (failure.kind !== 'refused')
      return { may: 'later', afterMs: failure.kind === 'not-done' ? failure.afterMs : 5000 };
    return {
      may: 'no',
      why: `Slack does not let the bot see whether the channel is shared with another organization (${failure.why}). Invite the bot to the channel, or give it the scopes in manifest.yml.`,
    };
  }
}
