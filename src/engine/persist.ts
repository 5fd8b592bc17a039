import type { EngineDeps } from './deps.ts';

/** How long an outcome is held in memory for a database that is away; afterwards take-over finds it out again. */
const PATIENCE_MS = 60_000;

/**
 * Runs `write` until it succeeds, waiting a little longer each time. False when patience or the process ended first:
 * the lock is free by then and whoever takes over looks at the world again.
 */
export async function persist(
  deps: Pick<EngineDeps, 'log'>,
  shutdown: AbortSignal,
  write: () => Promise<void>,
): Promise<boolean> {
  const until = Date.now() + PATIENCE_MS;
  for (let pause = 50; ; pause = Math.min(pause * 2, 2000)) {
    try {
      await write();
      return true;
    } catch (error) {
      deps.log.warn({ error }, 'an outcome could not be recorded yet');
      if (Date.now() > until || shutdown.aborted) return false;
      await new Promise((resolve) => setTimeout(resolve, pause));
    }
  }
}
