import { Pass } from './pass.ts';
import { TIMES, type PublishPorts } from './ports.ts';

export interface Publisher {
  /**
   * Brings every message of the run up to date. Harmless at any time, in any number: calls at once become one pass and
   * one more. What cannot be done now (a limit, an unknown outcome) is done later by itself, or by the next sweep.
   */
  draw(runId: string): Promise<void>;
  /**
   * The same in a moment. A go is followed by its step within milliseconds: one pass draws both, and its own appends
   * do not race the step's start.
   */
  drawSoon(runId: string): void;
  /** Draws a card that somebody clicked on although it is out of date, be it the living one or an old copy. */
  repair(runId: string, place: { readonly channel: string; readonly ts: string }): Promise<void>;
  /** Cancels what waits and lets what is under way finish. */
  stop(): Promise<void>;
}

interface Waiting {
  readonly timer: NodeJS.Timeout;
  /** On the clock of `performance`. */
  readonly due: number;
}

interface Working {
  again: boolean;
  done: Promise<void>;
}

/** Draws runs into Slack: posts what is owed, edits what changed, settles what has ended. */
export function createPublisher(ports: PublishPorts): Publisher {
  const pass = new Pass(ports);
  const working = new Map<string, Working>();
  const timers = new Map<string, Waiting>();
  const { gatherMs } = { ...TIMES, ...ports.times };
  let stopped = false;

  const work = async (runId: string, state: Working): Promise<void> => {
    try {
      for (;;) {
        state.again = false;
        const later = await pass.once(runId);
        if (state.again && !stopped) continue;
        if (later !== null) schedule(runId, later);
        return;
      }
    } finally {
      // In the same turn as the last look at `again`: whoever calls from now on starts a pass of their own.
      working.delete(runId);
    }
  };

  const schedule = (runId: string, afterMs: number): void => {
    const due = performance.now() + afterMs;
    const known = timers.get(runId);
    if (stopped || (known !== undefined && known.due <= due)) return;
    clearTimeout(known?.timer);
    const timer = setTimeout(() => {
      timers.delete(runId);
      draw(runId).catch((error: unknown) =>
        ports.log.warn({ run: runId, error }, 'drawing failed; the sweep tries again'),
      );
    }, afterMs);
    timers.set(runId, { timer, due });
  };

  const draw = async (runId: string): Promise<void> => {
    if (stopped) return;
    const busy = working.get(runId);
    if (busy !== undefined) {
      busy.again = true;
      return await busy.done;
    }
    const state: Working = { again: false, done: Promise.resolve() };
    working.set(runId, state);
    state.done = work(runId, state);
    await state.done;
  };

  return {
    draw,
    drawSoon: (runId) => schedule(runId, gatherMs),
    repair: (runId, place) => pass.repair(runId, place, draw),
    stop: async () => {
      stopped = true;
      await finish(timers, working);
    },
  };
}

async function finish(timers: Map<string, Waiting>, working: ReadonlyMap<string, Working>): Promise<void> {
  for (const { timer } of timers.values()) clearTimeout(timer);
  timers.clear();
  await Promise.allSettled([...working.values()].map(({ done }) => done));
}
