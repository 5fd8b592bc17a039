import type { EngineLog } from '../deps.ts';

/** Looks again and again, one look at a time. What a look throws is logged, and the next one tries again. */
export function startTicking(
  look: () => Promise<void>,
  everySeconds: number,
  log: Pick<EngineLog, 'warn'>,
): { stop(): Promise<void> } {
  let stopped = false;
  let timer: NodeJS.Timeout | undefined;
  let looking: Promise<void> = Promise.resolve();
  const once = (): void => {
    looking = look()
      .catch((error: unknown) =>
        log.warn({ error }, 'schedules and alarms could not be looked at; the next look tries again'),
      )
      .finally(() => {
        if (!stopped) timer = setTimeout(once, everySeconds * 1000);
      });
  };
  once();
  return {
    stop: async () => {
      stopped = true;
      clearTimeout(timer);
      await looking;
    },
  };
}
