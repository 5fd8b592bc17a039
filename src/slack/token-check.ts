import type { WebClient } from '@slack/web-api';
import { Fault } from '../runs/fault.ts';
import { isPlatformError } from './outcome.ts';

/** What Slack says of a token that nobody but a person can mend. */
const REFUSED = ['invalid_auth', 'not_authed', 'account_inactive', 'token_revoked', 'token_expired'] as const;

/**
 * Asks Slack once whose token this is. Throws a Fault when Slack refuses it, or knows it as another team's: a bot that
 * starts so would look alive and hear nobody. Slack being down is no such reason; the connection goes on trying then.
 */
export async function checkToken(client: WebClient, team: string): Promise<void> {
  let known: { readonly team_id?: string | undefined; readonly enterprise_id?: string | undefined };
  try {
    known = await client.auth.test();
  } catch (error) {
    const code = REFUSED.find((one) => isPlatformError(error, one));
    if (code === undefined) return;
    throw new Fault(
      'slack.token-refused',
      `Slack refuses the bot's token (${code})`,
      'Set SLACK_BOT_TOKEN to the Bot User OAuth Token of the installed app (OAuth & Permissions), then start again',
      { cause: error },
    );
  }
  if (known.team_id === team || known.enterprise_id === team) return;
  throw new Fault(
    'slack.other-team',
    `The bot's token belongs to team ${known.team_id ?? 'unknown'}, but slack.team in the configuration is ${team}`,
    'Set slack.team to the team of the token, or use the token of the right workspace',
  );
}
