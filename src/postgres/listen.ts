import { setTimeout as sleep } from 'node:timers/promises';
import { Client } from 'pg';
import { inStore } from './fault.ts';

/** Channels that the store notifies; the payload is a run id. */
export const RUNS_CHANNEL = 'kong_chatops_runs';
export const PROGRESS_CHANNEL = 'kong_chatops_progress';

export interface ListenOptions {
  readonly url: string;
  readonly channels: readonly string[];
  readonly onNotify: (channel: string, payload: string) => void;
  /** It was deaf for a while and hears again: whatever happened meanwhile was missed, so look at every active run. */
  readonly onReconnect: () => void;
  /** The connection was lost, or a try to come back failed. For the log. */
  readonly onLost: (error: Error) => void;
  /** How often the connection is asked whether it still lives. Default 10 s. */
  readonly heartbeatMs?: number;
  /** No answer for so long means that the line is dead. Default 10 s. */
  readonly answerMs?: number;
}

export interface Listener {
  close(): Promise<void>;
}

const FIRST_PAUSE_MS = 100;
const LONGEST_PAUSE_MS = 5_000;

/**
 * Listens on a connection of its own, outside the pool, and comes back by itself after a lost server.
 * Resolves when it hears; throws a StoreFault when the first connection fails.
 */
export async function listen(options: ListenOptions): Promise<Listener> {
  const closing = new AbortController();
  let current = await inStore(() => connect(options));
  const keepHearing = async (): Promise<void> => {
    for (;;) {
      const why = await current.lost;
      if (closing.signal.aborted) return;
      options.onLost(why);
      const next = await reconnect(options, closing.signal);
      if (next === null) return;
      current = next;
      options.onReconnect();
    }
  };
  const running = keepHearing();
  return {
    async close() {
      closing.abort();
      await current.end();
      await running;
    },
  };
}

interface Connection {
  /** Resolves with the reason once it is deaf. */
  readonly lost: Promise<Error>;
  end(): Promise<void>;
}

async function reconnect(options: ListenOptions, closing: AbortSignal): Promise<Connection | null> {
  for (let pause = FIRST_PAUSE_MS; ; pause = Math.min(pause * 2, LONGEST_PAUSE_MS)) {
    // Half of it at random: ten processes must not all come back in the same millisecond.
    await sleep(pause * (0.5 + Math.random() / 2), undefined, { signal: closing }).catch(() => undefined);
    if (closing.aborted) return null;
    try {
      const next = await connect(options);
      if (!closing.aborted) return next;
      await next.end();
      return null;
    } catch (error) {
      options.onLost(error instanceof Error ? error : new Error(String(error)));
    }
  }
}

async function connect(options: ListenOptions): Promise<Connection> {
  const client = new Client({
    connectionString: options.url,
    application_name: 'kong-chatops listener',
    connectionTimeoutMillis: options.answerMs ?? 10_000,
    keepAlive: true,
    keepAliveInitialDelayMillis: 10_000,
    // A heartbeat that gets no answer ends the wait instead of hanging on a dead line.
    query_timeout: options.answerMs ?? 10_000,
  });
  const lost = Promise.withResolvers<Error>();
  client.on('error', (error) => lost.resolve(error));
  client.on('end', () => lost.resolve(new Error('the connection ended')));
  client.on('notification', (message) => options.onNotify(message.channel, message.payload ?? ''));
  try {
    await client.connect();
    for (const channel of options.channels) await client.query(`LISTEN ${client.escapeIdentifier(channel)}`);
  } catch (error) {
    void client.end().catch(() => undefined);
    throw error;
  }
  let asking = false;
  const heartbeat = setInterval(() => {
    if (asking) return;
    asking = true;
    client.query('SELECT 1').then(
      () => (asking = false),
      (error: Error) => lost.resolve(error),
    );
  }, options.heartbeatMs ?? 10_000);
  void lost.promise.then(() => {
    clearInterval(heartbeat);
    void client.end().catch(() => undefined);
  });
  return {
    lost: lost.promise,
    async end() {
      clearInterval(heartbeat);
      await client.end().catch(() => undefined);
    },
  };
}
