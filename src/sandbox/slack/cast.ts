/** The sandbox's Slack workspace: who and what is in it. Ids are readable on purpose, so that a log can be read aloud. */

export const TEAM = 'T01LOCAL';
export const BOT_USER = 'U00KONGBOT';
export const APP_ID = 'A01KONGCHATOPS';

export const ALICE = 'U01ALICE';
export const BOB = 'U02BOB';
export const CAROL = 'U03CAROL';
export const GUS = 'U05GUS';

export const OPS = 'C02OPS';
export const GENERAL = 'C03GENERAL';

/** What `users.info` says of a person beyond name and id. Slack leaves out what is false; so does the stand-in. */
export interface PersonFlags {
  readonly deleted?: boolean;
  readonly is_bot?: boolean;
  /** Multi-channel guest. */
  readonly is_restricted?: boolean;
  /** Single-channel guest. */
  readonly is_ultra_restricted?: boolean;
  /** From another company's workspace, seen through Slack Connect. */
  readonly is_stranger?: boolean;
  readonly team_id?: string;
}

export interface CastPerson {
  readonly id: string;
  /** The handle, lower case. */
  readonly name: string;
  readonly real_name: string;
  readonly flags?: PersonFlags;
}

export interface CastChannel {
  readonly id: string;
  readonly name: string;
  readonly is_private?: boolean;
  readonly members: readonly string[];
}

export const PEOPLE: readonly CastPerson[] = [
  { id: ALICE, name: 'alice', real_name: 'Alice' },
  { id: BOB, name: 'bob', real_name: 'Bob' },
  { id: CAROL, name: 'carol', real_name: 'Carol' },
  { id: GUS, name: 'gus', real_name: 'Gus (guest)', flags: { is_restricted: true } },
];

export const CHANNELS: readonly CastChannel[] = [
  { id: OPS, name: 'ops', members: [BOT_USER, ALICE, BOB, CAROL, GUS] },
  // The bot is not in here: a command typed here is answered privately and the run goes to its gateway's channel.
  { id: GENERAL, name: 'general', members: [ALICE, BOB, CAROL, GUS] },
];

/** Credentials of a workspace that exists only on this machine. */
export interface SlackTokens {
  readonly bot: string;
  readonly app: string;
  readonly signingSecret: string;
}
export const TOKENS: SlackTokens = {
  bot: 'xoxb-sandbox-bot',
  app: 'xapp-sandbox-app',
  signingSecret: 'sandbox-signing-secret',
};
