import type { AddressInfo } from 'node:net';
import type { HTTPReceiver } from '@slack/bolt';
import { App, SocketModeReceiver } from '@slack/bolt';
import { registerActions } from './actions/register.ts';
import { registerAcknowledge } from './alarms/acknowledge.ts';
import type { PayloadPlace } from './answering/answer.ts';
import { answer, bugAnswer, placeOf, reportBug } from './answering/answer.ts';
import { callerOf } from './answering/caller.ts';
import type { Readiness } from './connection.ts';
import { Connection } from './connection.ts';
import { registerCommands } from './commands/register.ts';
import type { SlackDeps } from './answering/deps.ts';
import type { Home } from './home.ts';
import { InFlight } from './answering/in-flight.ts';
import { libraryLogger } from './log.ts';
import { registerModals } from './modals/register.ts';
import { registerRestoreModals } from './modals/register-restores.ts';
import type { BotIdentity } from './publish/ports.ts';
import type { Delivering } from './receiver.ts';
import { httpReceiver, socketReceiver } from './receiver.ts';

export interface SlackApp {
  /** Begins to listen and to reach Slack; returns at once where Slack is down, and goes on trying. HTTP: the port. */
  start(): Promise<{ readonly port: number | null }>;
  /** Whether people can use the bot now, and if not, why not. For `/readyz`. */
  readiness(): Readiness;
  /** Takes nothing new, finishes what people wait for (at most `ms`), and closes. */
  stop(ms: number): Promise<void>;
}

/** Who the bot is in Slack; set once `auth.test` was answered, read by everybody. */
export class Identity {
  #known: BotIdentity | null = null;
  readonly get = (): BotIdentity | null => this.#known;

  set(known: BotIdentity): void {
    this.#known = known;
  }
}

export interface SlackAppOptions {
  readonly deps: SlackDeps;
  readonly home: Home;
  readonly identity: Identity;
  readonly token: string;
  readonly delivering: Delivering;
  /** False for a process that only draws: Slack delivers nothing to it. */
  readonly listens?: boolean;
  /** Draws the last message of an alarm again. */
  readonly redrawAlarm?: (alarm: string) => Promise<void>;
  /** Between two attempts to reach Slack at the start. */
  readonly retryMs?: number;
}

/** The events that the bot listens to; the manifest is tested against them. */
export const EVENTS = ['app_home_opened', 'app_uninstalled', 'tokens_revoked'] as const;

/** Builds the app and registers every handler. Calls nobody before `start`. */
export function createSlackApp(options: SlackAppOptions): SlackApp {
  const { deps } = options;
  const inFlight = new InFlight();
  const receiver = options.listens === false ? null : receiverOf(options);
  const connection = new Connection({
    client: deps.clients.background,
    socket: receiver instanceof SocketModeReceiver ? receiver.client : null,
    identity: options.identity,
    team: deps.team,
    log: deps.log,
    ...(options.retryMs === undefined ? {} : { retryMs: options.retryMs }),
  });
  const app = receiver === null ? null : boltApp(options, receiver, inFlight, connection);
  let port: number | null = null;

  return {
    start: async () => {
      await app?.init();
      connection.begin();
      port = await listen(app, options);
      return { port };
    },
    readiness: () => connection.readiness(),
    stop: async (ms) => {
      await connection.end();
      if (port !== null) await app?.stop();
      port = null;
      if (!(await inFlight.drain(ms))) {
        deps.log.warn({ count: inFlight.count }, 'stopped while people wait for an answer');
      }
    },
  };
}

function receiverOf({ delivering, deps }: SlackAppOptions): HTTPReceiver | SocketModeReceiver {
  return delivering.mode === 'http' ? httpReceiver(delivering, deps.log) : socketReceiver(delivering, deps.log);
}

/** The connection opens the socket; the HTTP server listens at once, whether or not Slack can be reached. */
async function listen(app: App | null, { delivering }: SlackAppOptions): Promise<number | null> {
  if (app === null || delivering.mode === 'socket') return null;
  const server = await app.start(delivering.port);
  return (server.address() as AddressInfo).port;
}

function boltApp(
  options: SlackAppOptions,
  receiver: HTTPReceiver | SocketModeReceiver,
  inFlight: InFlight,
  connection: Connection,
): App {
  const { deps } = options;
  const app = new App({
    receiver,
    logger: libraryLogger(deps.log, 'slack-bolt'),
    // A function instead of a token: Bolt then asks Slack nothing, neither at the start nor before an ack.
    authorize: async () => ({ botToken: options.token, ...botOf(options.identity.get()) }),
    deferInitialization: true,
    convoStore: false,
    extendedErrorHandler: true,
  });
  registerCommands(app, deps, inFlight);
  registerActions(app, deps, inFlight);
  registerModals(app, deps, inFlight);
  registerAcknowledge(app, deps, inFlight, options.redrawAlarm ?? (() => Promise.resolve()));
  registerRestoreModals(app, deps, inFlight);
  registerEvents(app, options, inFlight, connection);
  registerErrors(app, deps);
  return app;
}

function botOf(bot: BotIdentity | null): { botId?: string; botUserId?: string } {
  return bot === null ? {} : { botId: bot.botId, botUserId: bot.userId };
}

function registerEvents(app: App, { deps, home }: SlackAppOptions, inFlight: InFlight, connection: Connection): void {
  app.event(EVENTS[0], async ({ event }) => {
    if (event.tab !== 'home') return;
    await inFlight.run(async () => home.opened(event.user));
  });
  for (const name of [EVENTS[1], EVENTS[2]]) {
    app.event(name, async () => {
      deps.log.error({ event: name }, 'Slack took the bot’s token away');
      connection.revoked();
    });
  }
}

/** The last net: a failing ack, an event handler, a bug. The handlers of people answer their own. */
function registerErrors(app: App, deps: SlackDeps): void {
  app.error(async (args) => {
    // With `extendedErrorHandler` Bolt hands over an object, which its first overload does not say.
    const { error, body } = args as unknown as {
      readonly error: Error & { original?: Error };
      readonly body?: unknown;
    };
    const id = reportBug(deps, 'slack', error.original ?? error);
    const from = body as PayloadPlace | undefined;
    if (from?.response_url === undefined && from?.user === undefined) return;
    await answer(deps, callerOf(from, deps.team), placeOf(from), bugAnswer(id));
  });
}
