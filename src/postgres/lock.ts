import { setTimeout as pause } from 'node:timers/promises';
import type { Client } from 'pg';
import { inStore } from './fault.ts';
import { openSession, warmSession, type Session } from './lock-session.ts';
import { lockTiming, silenceMs, type LockTiming } from './lock-timing.ts';

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

/** Fits `StepLocks` of engine/ports.ts. `close` ends the connection that is kept warm; held locks are not its own. */
export interface StepLockSource {
  acquire(runId: string): Promise<HeldLock | null>;
  close(): Promise<void>;
}

/**
 * Step ownership: a session advisory lock on a connection of its own, one per running step. `acquire` answers null when
 * another session holds it. As soon as the session ends, or is silent for longer than it takes the server to free the
 * lock for somebody else, `lost` aborts. The connection of a released lock stays warm for the next one: making a new one
 * costs several times what everything else between a go and its step costs.
 */
export function createStepLocks(options: LockOptions): StepLockSource {
  const timing = lockTiming(options.heartbeatMs);
  const warm = warmSession(timing);
  const lockedSession = async (runId: string): Promise<Session | null> => {
    const kept = warm.take();
    const tried = kept === null ? 'silent' : await tryWarm(kept, runId, timing);
    if (kept !== null && tried === 'locked') return kept;
    if (kept !== null && tried === 'held') return warm.keep(kept);
    kept?.end();
    const session = await openSession(options.url, timing);
    try {
      if (await tryLock(session.client, runId, timing)) return session;
    } catch (error) {
      session.end();
      throw error;
    }
    return warm.keep(session);
  };
  return {
    acquire: (runId) =>
      inStore(async () => {
        const session = await lockedSession(runId);
        return session === null ? null : hold(session, runId, timing, (free) => warm.keep(free));
      }),
    close: () => warm.close(),
  };
}

function hold(session: Session, runId: string, timing: LockTiming, keep: (session: Session) => null): HeldLock {
  const lost = new AbortController();
  const lose = (why: string): void => lost.abort(new Error(`the lock on ${runId} was lost: ${why}`));
  session.onBroken(lose);
  const heartbeat = startHeartbeat(session.client, timing, lost.signal, lose);
  return {
    lost: lost.signal,
    async release() {
      session.onBroken(() => undefined);
      await heartbeat.stop();
      // Fails only with the session, and then the lock is gone with it.
      const freed = !lost.signal.aborted && (await unlock(session.client, runId));
      if (freed) keep(session);
      else await session.ended();
    },
  };
}

// 64 bits of the id's hash: two runs would have to collide and run at the same time to disturb each other.
const KEY = `hashtextextended('kong-chatops step ' || $1, 0)`;
const NAME = `set_config('application_name', $2, false)`;
// A frozen process answers keepalives, its kernel does: only its silence as a session tells that nobody is at home.
const IDLE = `set_config('idle_session_timeout', $3, false)`;
const TRY_LOCK = `SELECT ${NAME}, ${IDLE}, pg_try_advisory_lock(${KEY}) AS done`;
const UNLOCK = `SELECT ${NAME}, ${IDLE}, pg_advisory_unlock(${KEY}) AS done`;
/** A warm connection that does not answer in this time is not waited for: a new one is made instead. */
const WARM_ANSWER_MS = 1000;

async function tryLock(client: Client, runId: string, timing: LockTiming): Promise<boolean> {
  const settings = [`kong-chatops lock ${runId}`, String(silenceMs(timing))];
  const { rows } = await client.query<{ done: boolean }>({
    name: 'try_lock',
    text: TRY_LOCK,
    values: [runId, ...settings],
  });
  return rows[0]?.done === true;
}

async function unlock(client: Client, runId: string): Promise<boolean> {
  try {
    const values = [runId, 'kong-chatops lock', '0'];
    const { rows } = await client.query<{ done: boolean }>({ name: 'unlock', text: UNLOCK, values });
    return rows[0]?.done === true;
  } catch {
    return false;
  }
}

async function tryWarm({ client }: Session, runId: string, timing: LockTiming): Promise<'locked' | 'held' | 'silent'> {
  const asked = tryLock(client, runId, timing).then(
    (locked) => (locked ? 'locked' : 'held'),
    () => 'silent' as const,
  );
  const patience = new AbortController();
  const late = pause(WARM_ANSWER_MS, 'silent' as const, { signal: patience.signal }).catch(() => 'silent' as const);
  const answer = await Promise.race([asked, late]);
  patience.abort();
  return answer;
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
