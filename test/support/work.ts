import { setTimeout as pause } from 'node:timers/promises';
import type { Core } from '../../src/compose.ts';
import type { Run } from '../../src/runs/run.ts';
import { fold } from '../../src/runs/evolve.ts';
import { next } from '../../src/runs/next.ts';

const PATIENCE_MS = 45_000;

/**
 * Works until the run waits for people, for time or for ever; answers it as it is then. Looks again as the sweep of a
 * worker does: the lock of a killed worker is freed a moment after its death, and a starved machine may lose one.
 */
export async function workUntilQuiet(core: Core, runId: string): Promise<Run> {
  for (const giveUp = Date.now() + PATIENCE_MS; ;) {
    await core.engine.work(runId);
    const run = fold(await core.store.load(runId));
    if (run === null) throw new Error(`no run ${runId}`);
    const now = next(run, new Date());
    if (now.do === 'nothing' || now.do === 'ask' || now.do === 'wait') return run;
    if (Date.now() > giveUp) throw new Error(`${runId} does not get further: ${JSON.stringify(now)}`);
    await pause(50);
  }
}
