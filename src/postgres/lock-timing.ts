export interface LockTiming {
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

/** After so much silence of a session that holds a lock the server ends it, whatever its kernel still answers. */
export function silenceMs({ server: { idleSeconds, intervalSeconds, count } }: LockTiming): number {
  return (idleSeconds + intervalSeconds * count) * 1000;
}
