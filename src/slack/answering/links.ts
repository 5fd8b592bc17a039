import type { Run } from '../../runs/run.ts';
import type { BotIdentity } from '../publish/ports.ts';

/**
 * Address of a message: `https://acme.slack.com/archives/C01/p1700000000000100`, as Slack's own "Copy link" makes it.
 * Made here, because `chat.getPermalink` would be one more call in front of an answer.
 */
export function messageLink(bot: BotIdentity | null, channel: string, ts: string): string | null {
  if (bot === null) return null;
  const base = bot.url.endsWith('/') ? bot.url : `${bot.url}/`;
  return `${base}archives/${encodeURIComponent(channel)}/p${ts.replace('.', '')}`;
}

/** Address of a run's card; null while it is not posted. */
export function cardLink(bot: BotIdentity | null, run: Pick<Run, 'messages'>): string | null {
  const card = run.messages['card'];
  return card?.ts === undefined ? null : messageLink(bot, card.channel, card.ts);
}
