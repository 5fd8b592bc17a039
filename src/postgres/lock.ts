import { Client } from 'pg';
import { inStore } from './fault.ts';

export interface LockOptions {
  readonly url: string;
  /** How often the session is asked whether it still lives. */
  readonly heartbeatMs: number;
}

/** As `StepLock` of engine/ports.ts. */
export interface HeldLock {
  readonly lost: AbortSignal;
  release(): Promise<void>;
}

/**
 * Step ownership: a session advisory lock on a connection of its own, one per running step. `acquire` answers null when
 * another session holds it. As soon as the session ends, or is silent for longer than it takes the server to free the
 * lock for somebody else, `lost` aborts. Fits `StepLocks` of engine/ports.ts.
 */
export function createStepLocks(options: LockOptions): { acquire(runId: string): Promise<HeldLock | null> } {
  const timing = lockTiming(options.heartbeatMs);
  return {
    acquire: (runId) =>
      inStore(async () => {
        const client = lockClient(options.url, runId, timing);
        const lost = new AbortController();
        const lose = (why: string): void => lost.abort(new Error(`the lock on ${runId} was lost: ${why}`));
        client.on('error', () => lose('its database session broke'));
        client.on('end', () => lose('its database session ended'));
        try {
          await client.connect();
          if (!(await tryLock(client, runId))) {
            await client.end();
            return null;
          }
        } catch (error) {
          void client.end().catch(() => undefined);
          throw error;
        }
        const heartbeat = startHeartbeat(client, timing, lost.signal, lose);
        return { lost: lost.signal, release: () => release(client, runId, heartbeat, lost.signal) };
      }),
  };
}

interface LockTiming {
  readonly everyMs: number;
  /** No answer for so long means that the session counts as lost. */
  readonly answerMs: number;
  /** The server looks whether we are there after so much silence, so often, and gives up after `count` misses. */
  readonly server: { readonly idleSeconds: number; readonly intervalSeconds: number; readonly count: number };
}

/**
 * We give up after `everyMs + answerMs` of silence; the server must need longer to free the lock. With the default
 * heartbeat of 5 s that is 10 s here, and 10 + 3 * 5 = 25 s there, well within the 60 s in which a take-over must start.
 */
export function lockTiming(heartbeatMs: number): LockTiming {
  // A busy machine answers late: below a second, silence means nothing yet.
  const answerMs = Math.max(heartbeatMs, 1000);
  const idleSeconds = Math.ceil((heartbeatMs + answerMs) / 1000);
  return {
    everyMs: heartbeatMs,
    answerMs,
    server: { idleSeconds, intervalSeconds: Math.ceil(answerMs / 1000), count: 3 },
  };
}

function lockClient(url: string, runId: string, timing: LockTiming): Client {
  const { idleSeconds, intervalSeconds, count } = timing.server;
  return new Client({
    connectionString: url,
    application_name: `kong-chatops lock ${runId}`,
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

// 64 bits of the id's hash: two runs would have to collide and run at the same time to disturb each other.
const KEY = `hashtextextended('kong-chatops step ' || $1, 0)`;
const TRY_LOCK = `SELECT pg_try_advisory_lock(${KEY}) AS locked`;
const UNLOCK = `SELECT pg_advisory_unlock(${KEY})`;

async function tryLock(client: Client, runId: string): Promise<boolean> {
  const { rows } = await client.query<{ locked: boolean }>(TRY_LOCK, [runId]);
  return rows[0]?.locked === true;
}

interface Heartbeat {
  /** Stops asking; resolves when no question is open any more. */
  stop(): Promise<void>;
}

/** Asks every `everyMs`; calls `lose` when an answer is late or an error. */
function startHeartbeat(client: Client, timing: LockTiming, lost: AbortSignal, lose: (why: string) => void): Heartbeat {
  let question: Promise<void> | null = null;
  const ask = async (): Promise<void> => {
    let open = true;
    // Our own event loop may have been busy: an answer that already arrived is read before the verdict.
    const late = setTimeout(
      () => setImmediate(() => open && lose(`no answer for ${timing.answerMs} ms`)),
      timing.answerMs,
    );
    try {
      await client.query('SELECT 1');
    } catch {
      lose('its database session broke');
    }
    open = false;
    clearTimeout(late);
    question = null;
  };
  const timer = setInterval(() => {
    question ??= ask();
  }, timing.everyMs);
  // The session is left open: while the step is being aborted, a server that was merely slow must not free the lock.
  lost.addEventListener('abort', () => clearInterval(timer), { once: true });
  return {
    async stop() {
      clearInterval(timer);
      if (!lost.aborted) await question;
    },
  };
}

async function release(client: Client, runId: string, heartbeat: Heartbeat, lost: AbortSignal): Promise<void> {
  client.removeAllListeners('end');
  await heartbeat.stop();
  if (!lost.aborted) {
    // Fails only with the session, and then the lock is gone with it.
    await client.query(UNLOCK, [runId]).catch(() => undefined);
  }
  await client.end().catch(() => undefined);
}
