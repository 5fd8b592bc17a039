import type { EngineDeps } from './deps.ts';
import type { Engine } from './advance.ts';

/**
 * Looks at every open run again and again: covers a crash between an append and its wake-up, a flushed Redis, and a
 * bot that was down. Also looks at the steps that run here, in case a notification was lost.
 */
export function startSweep(
  deps: Pick<EngineDeps, 'store' | 'queue' | 'log'>,
  engine: Pick<Engine, 'coordinate' | 'changedAll'>,
  everySeconds: number,
): { once(): Promise<void>; stop(): Promise<void> } {
  let stopped = false;
  let timer: NodeJS.Timeout | undefined;
  let sweeping: Promise<void> = Promise.resolve();

  const once = async (): Promise<void> => {
    await engine.changedAll();
    for (const index of await deps.store.openRuns()) {
      if (stopped) return;
      if (index.active) await engine.coordinate(index.id);
      await deps.queue.wake({ queue: 'publish', runId: index.id, version: index.version, name: 'draw' });
    }
  };
  const again = (): void => {
    if (stopped) return;
    timer = setTimeout(() => {
      sweeping = once()
        .catch((error: unknown) => deps.log.warn({ error }, 'sweep failed; the next one tries again'))
        .finally(again);
    }, everySeconds * 1000);
  };
  again();
  return {
    once,
    stop: async () => {
      stopped = true;
      clearTimeout(timer);
      await sweeping;
    },
  };
}
