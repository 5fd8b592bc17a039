import type { Run } from '../runs/run.ts';
import type { Next } from '../runs/next.ts';
import type { StepQueue } from '../runs/plan.ts';
import type { EngineDeps } from './deps.ts';
import type { StepLock } from './ports.ts';
import type { Attempt } from './attempt.ts';
import { fold } from '../runs/evolve.ts';
import { next } from '../runs/next.ts';
import { bot } from './deps.ts';
import { commit } from './commit.ts';
import { runAttempt, endDeadAttempt } from './attempt.ts';

/** How often a worker asks for a lock that a finishing owner is about to free, and how long it waits in between. */
const LOCK_TRIES = 20;
const LOCK_PAUSE_MS = 50;

export interface Engine {
  /**
   * Records what is due and wakes whoever must act. Never carries out a step. Harmless at any time, in any number.
   * `known`: the run as it was just appended to; saves a load.
   */
  coordinate(runId: string, known?: Run): Promise<void>;
  /** Carries out the run's steps of the queues this process serves, as long as there are any. Harmless likewise. */
  work(runId: string): Promise<void>;
  /** Something was appended to the run: a running step that is wanted no more is aborted. */
  changed(runId: string): Promise<void>;
  /** Looks again at every step that runs here: after a lost listener nobody knows what was missed. */
  changedAll(): Promise<void>;
  /** Ids of the runs whose steps run in this process now. */
  running(): readonly string[];
  /** Starts nothing more; waits so long for running steps to end, then interrupts them. Infinity: waits for them. */
  stop(graceMs: number): Promise<void>;
}

/** What one engine holds while it lives. `closing`: start nothing more; `shutdown`: interrupt what runs. */
interface Shop {
  readonly attempts: Map<string, Attempt>;
  readonly closing: AbortController;
  readonly shutdown: AbortController;
}

/** The one impure loop: load, ask `next`, do it, record, ask again. */
export function createEngine(deps: EngineDeps): Engine {
  const shop: Shop = { attempts: new Map(), closing: new AbortController(), shutdown: new AbortController() };
  const busy = new Set<Promise<void>>();
  const changed = async (runId: string): Promise<void> => await shop.attempts.get(runId)?.lookAgain();
  return {
    coordinate: (runId, known) => coordinate(deps, runId, known),
    work: async (runId) => {
      const doing = work(deps, shop, runId);
      busy.add(doing);
      try {
        await doing;
      } finally {
        busy.delete(doing);
      }
    },
    changed,
    changedAll: async () => {
      await Promise.all([...shop.attempts.keys()].map(changed));
    },
    running: () => [...shop.attempts.keys()],
    stop: async (graceMs) => {
      shop.closing.abort();
      const ended = Promise.allSettled(busy);
      if (Number.isFinite(graceMs)) {
        await Promise.race([ended, new Promise((resolve) => setTimeout(resolve, graceMs).unref())]);
        shop.shutdown.abort();
      }
      await ended;
    },
  };
}

async function coordinate(deps: EngineDeps, runId: string, known?: Run): Promise<void> {
  const run = await recordWhatIsDue(deps, runId, known);
  if (run !== null) await wakeFor(deps, run);
}

async function work(deps: EngineDeps, shop: Shop, runId: string): Promise<void> {
  // Asked for together with the run: most wakes bring a step, and a lock that was not needed is free again in a moment.
  const asked = deps.locks.acquire(runId);
  asked.catch(() => undefined);
  let lock: StepLock | null = null;
  try {
    const run = await recordWhatIsDue(deps, runId);
    if (run === null || shop.closing.signal.aborted) return;
    if (serves(deps, next(run, deps.clock())) !== null) {
      lock = (await asked) ?? (await lockFor(deps, runId));
      if (lock === null) return;
      let more = !shop.closing.signal.aborted && (await turn(deps, shop, run, lock));
      while (more && !shop.closing.signal.aborted) more = await turnAgain(deps, shop, runId, lock);
    }
  } finally {
    const held = lock ?? (await asked.catch(() => null));
    await held?.release();
  }
  // After the release: whoever was turned away by our lock would otherwise wait for the sweep.
  await coordinate(deps, runId);
}

/**
 * The first thing under the lock, on the run as it was before the lock was ours: a step can start from it, because its
 * start is appended on that version or not at all. Everything else must look again. True: ask again.
 */
async function turn(deps: EngineDeps, shop: Shop, before: Run, lock: StepLock): Promise<boolean> {
  const mine = serves(deps, next(before, deps.clock()));
  if (mine?.do !== 'step') return await turnAgain(deps, shop, before.id, lock);
  return await carryOut(deps, shop, { run: before, start: mine, lock });
}

/** One thing under the lock. True: ask again. */
async function turnAgain(deps: EngineDeps, shop: Shop, runId: string, lock: StepLock): Promise<boolean> {
  const run = await recordWhatIsDue(deps, runId);
  if (run === null || lock.lost.aborted) return false;
  const mine = serves(deps, next(run, deps.clock()));
  if (mine === null) return false;
  // We hold the lock, so whoever started this attempt is dead.
  if (mine.do !== 'step') return await endDeadAttempt(deps, run, mine);
  return await carryOut(deps, shop, { run, start: mine, lock });
}

interface Ours {
  readonly run: Run;
  readonly start: Extract<Next, { do: 'step' }>;
  readonly lock: StepLock;
}

async function carryOut(deps: EngineDeps, shop: Shop, { run, start, lock }: Ours): Promise<boolean> {
  return await runAttempt(deps, run, start, { lock, shutdown: shop.shutdown.signal, attempts: shop.attempts });
}

/** Records everything that follows from facts and clock alone; the run as it is then, null when there is none. */
async function recordWhatIsDue(deps: EngineDeps, runId: string, known?: Run): Promise<Run | null> {
  const first = known ?? fold(await deps.store.load(runId));
  if (first === null || next(first, deps.clock()).do !== 'record') return first;
  for (;;) {
    const committed = await commit(deps.store, runId, { actor: bot(deps), clock: deps.clock }, (run, now) => {
      const what = next(run, now);
      return { events: what.do === 'record' ? what.events : [] };
    });
    if (committed === null || !committed.changed) return committed?.run ?? null;
  }
}

type Mine = Extract<Next, { do: 'step' | 'running' | 'stop' }>;

function serves(deps: EngineDeps, what: Next): Mine | null {
  if (what.do !== 'step' && what.do !== 'running' && what.do !== 'stop') return null;
  return deps.serves.has(what.step.queue) ? what : null;
}

async function lockFor(deps: EngineDeps, runId: string): Promise<StepLock | null> {
  for (let tried = 0; tried < LOCK_TRIES; tried += 1) {
    const lock = await deps.locks.acquire(runId);
    if (lock !== null) return lock;
    const run = fold(await deps.store.load(runId));
    // A running step has a living owner. A step that waits to start under a held lock has an owner who is just leaving.
    if (run === null || next(run, deps.clock()).do !== 'step') return null;
    await new Promise((resolve) => setTimeout(resolve, LOCK_PAUSE_MS));
  }
  return null;
}

async function wakeFor(deps: EngineDeps, run: Run): Promise<void> {
  const what = next(run, deps.clock());
  if (what.do === 'nothing' || what.do === 'record') return;
  if (what.do === 'ask' || what.do === 'wait') {
    const delayMs = Math.max(0, Date.parse(what.until) - deps.clock().getTime());
    await deps.queue.wake({ queue: clockQueue(run), runId: run.id, version: run.version, name: 'clock', delayMs });
    return;
  }
  await deps.queue.wake({ queue: what.step.queue, runId: run.id, version: run.version, name: what.step.id });
}

/** The clock's wake-up goes to the queue of the run's steps: whoever hears it coordinates. */
function clockQueue(run: Run): StepQueue {
  return run.plan.steps[0]?.queue ?? 'backup';
}
