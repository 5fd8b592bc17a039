import { setTimeout as pause } from 'node:timers/promises';
import type { SocketModeReceiver } from '@slack/bolt';
import type { WebClient } from '@slack/web-api';
import type { SlackLog } from './log.ts';
import { failureOf } from './outcome.ts';
import type { BotIdentity } from './publish/ports.ts';

/** Whether people can use the bot now, and if not, why not and what to do. */
export type Readiness = { readonly ready: true } | NotReady;
interface NotReady {
  readonly ready: false;
  readonly why: string;
  readonly hint: string;
}

/** Where the bot's identity is kept once Slack has told it. */
export interface IdentityCell {
  readonly get: () => BotIdentity | null;
  set(known: BotIdentity): void;
}

export interface ConnectionOptions {
  readonly client: WebClient;
  /** Null in HTTP mode, where Slack comes to us. */
  readonly socket: SocketModeReceiver['client'] | null;
  readonly identity: IdentityCell;
  readonly team: string;
  readonly log: SlackLog;
  /** Pause between two attempts to reach Slack. */
  readonly retryMs?: number;
}

/** A socket that opens and then says nothing for so long is given up. */
const HELLO_MS = 20_000;

/**
 * Reaches Slack, keeps the socket open, and says whether it is. The library's own reconnecting is off: it waits 5 s at
 * every refresh of the connection, in which Slack has nobody to deliver to, and a refused token or a long outage ends
 * the process by a rejection that nobody can catch. Slack down at the start must not end the process either.
 */
export class Connection {
  readonly #options: ConnectionOptions;
  readonly #end = new AbortController();
  #reaching = false;
  #state: Readiness = notReady('Slack was not reached yet', 'Wait a moment; look at https://slack-status.com');

  constructor(options: ConnectionOptions) {
    this.#options = options;
    options.socket?.on('disconnected', () => {
      if (this.#reaching || this.#end.signal.aborted) return;
      this.#state = notReady('The socket to Slack is closed', 'It is being opened again');
      this.begin();
    });
  }

  /** Begins to reach Slack; returns at once. */
  begin(): void {
    this.#reaching = true;
    this.#reach()
      .catch((error: unknown) => this.#options.log.error({ error }, 'reaching Slack ended by a bug'))
      .finally(() => {
        this.#reaching = false;
      });
  }

  /** Closes the socket; Slack delivers to others from now on. */
  async end(): Promise<void> {
    this.#end.abort();
    this.#state = notReady('The bot is stopping', 'Nothing to do');
    await this.#close();
  }

  readiness(): Readiness {
    return this.#state;
  }

  revoked(): void {
    this.#state = notReady('Slack took the bot’s token away', 'Install the app again and set its new token');
  }

  async #reach(): Promise<void> {
    let told = false;
    while (!this.#end.signal.aborted) {
      const failed = (await this.#identify()) ?? (await this.#connect());
      this.#state = failed?.state ?? { ready: true };
      if (failed === null) return;
      if (!told) this.#options.log.warn(failed.state, 'Slack is not reached; it is tried again until it is');
      told = true;
      const ms = Math.max(this.#options.retryMs ?? 5000, failed.afterMs);
      await pause(ms, undefined, { signal: this.#end.signal }).catch(() => undefined);
    }
  }

  async #identify(): Promise<Failed | null> {
    const { client, identity, team } = this.#options;
    if (identity.get() !== null) return null;
    try {
      const known = await client.auth.test();
      if (known.team_id !== team && known.enterprise_id !== team) {
        const why = `The bot’s token belongs to team ${known.team_id ?? '?'}, the configuration says ${team}`;
        return {
          state: notReady(why, 'Set slack.team in kong-chatops.yaml to the team of the token'),
          afterMs: 60_000,
        };
      }
      identity.set(identityOf(known));
      return null;
    } catch (error) {
      return failedBy(error, 'Slack did not answer or accept auth.test', 'Check SLACK_BOT_TOKEN and the way to Slack');
    }
  }

  async #connect(): Promise<Failed | null> {
    const { socket } = this.#options;
    if (socket === null) return null;
    const silence = new AbortController();
    try {
      const silent = pause(HELLO_MS, undefined, { signal: silence.signal }).then(() => {
        throw new Error('Slack opened the socket and said nothing');
      });
      await Promise.race([socket.start(), silent]);
      return null;
    } catch (error) {
      await this.#close();
      return failedBy(error, 'The socket to Slack could not be opened', 'Check SLACK_APP_TOKEN (connections:write)');
    } finally {
      silence.abort();
    }
  }

  async #close(): Promise<void> {
    const closed = this.#options.socket?.disconnect() ?? Promise.resolve();
    // The library waits for a closing handshake that a dead connection never answers.
    await Promise.race([closed, pause(1000, undefined, { ref: false })]);
  }
}

interface Failed {
  readonly state: NotReady;
  readonly afterMs: number;
}

function failedBy(error: unknown, what: string, hint: string): Failed {
  const failure = failureOf(error);
  const afterMs = failure.kind === 'not-done' && failure.why === 'ratelimited' ? failure.afterMs : 0;
  return { state: notReady(`${what} (${failure.why})`, hint), afterMs };
}

function notReady(why: string, hint: string): NotReady {
  return { ready: false, why, hint };
}

function identityOf(known: {
  readonly bot_id?: string | undefined;
  readonly user_id?: string | undefined;
  readonly url?: string | undefined;
}): BotIdentity {
  return { botId: known.bot_id ?? '', userId: known.user_id ?? '', url: known.url ?? 'https://slack.com/' };
}
