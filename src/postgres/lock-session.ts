import { Client } from 'pg';
import type { LockTiming } from './lock-timing.ts';

function lockClient(url: string, timing: LockTiming): Client {
  const { idleSeconds, intervalSeconds, count } = timing.server;
  return new Client({
    connectionString: url,
    application_name: 'kong-chatops lock',
    connectionTimeoutMillis: 10_000,
    // A line that died under `release` must not hang it; later than `lost`, which is the one that counts.
    query_timeout: timing.answerMs * 2,
    keepAlive: true,
    keepAliveInitialDelayMillis: idleSeconds * 1000,
    // Server-side keepalives free the lock of a machine that vanished; without them it takes two hours.
    options: [
      `-c tcp_keepalives_idle=${idleSeconds}`,
      `-c tcp_keepalives_interval=${intervalSeconds}`,
      `-c tcp_keepalives_count=${count}`,
      '-c idle_session_timeout=0',
    ].join(' '),
  });
}

/** A connection that can hold a lock, and whether it still is one. */
export interface Session {
  readonly client: Client;
  /** Calls at once when it is broken already. */
  onBroken(then: (why: string) => void): void;
  end(): void;
  /** Resolves when it is gone. */
  ended(): Promise<void>;
}

export async function openSession(url: string, timing: LockTiming): Promise<Session> {
  const client = lockClient(url, timing);
  let broken: string | null = null;
  let then: (why: string) => void = () => undefined;
  const breaks = (why: string) => (): void => {
    broken ??= why;
    then(broken);
  };
  client.on('error', breaks('its database session broke'));
  client.on('end', breaks('its database session ended'));
  const ended = async (): Promise<void> => {
    await client.end().catch(() => undefined);
  };
  const session: Session = {
    client,
    onBroken(given) {
      then = given;
      if (broken !== null) then(broken);
    },
    end: () => void ended(),
    ended,
  };
  try {
    await client.connect();
  } catch (error) {
    session.end();
    throw error;
  }
  return session;
}

/** What is kept between two locks. */
export interface WarmSession {
  /** Null when there is none. The taker has to end it or give it back. */
  take(): Session | null;
  /** Null, so that whoever got no lock can say so in one breath. */
  keep(session: Session): null;
  close(): Promise<void>;
}

/** At most one idle connection, asked as often as a held one whether it lives: a dead one must not greet a click. */
export function warmSession(timing: LockTiming): WarmSession {
  let kept: Session | null = null;
  let closed = false;
  const drop = (session: Session): void => {
    if (kept === session) kept = null;
    session.end();
  };
  const timer = setInterval(() => {
    const session = kept;
    session?.client.query('SELECT 1').catch(() => drop(session));
  }, timing.everyMs).unref();
  return {
    take() {
      const session = kept;
      kept = null;
      session?.onBroken(() => undefined);
      return session;
    },
    keep(session) {
      if (closed || kept !== null) session.end();
      else {
        kept = session;
        session.onBroken(() => drop(session));
      }
      return null;
    },
    async close() {
      closed = true;
      clearInterval(timer);
      await kept?.ended();
      kept = null;
    },
  };
}
