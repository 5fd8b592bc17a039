import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openGate } from '../../src/runs/rules/gate.ts';
import type { Run } from '../../src/runs/run.ts';
import { type CrashWorker, startCrashWorker } from '../support/crash/crash-worker.ts';
import { need } from '../support/need.ts';
import { openRestoreWorld, type RestoreWorld } from '../support/backup/restore-world.ts';
import { ask } from '../support/kong/stand-in-kong.ts';
import { BOB, CAROL, inSlack } from '../support/story.ts';

const tools = need('pg_dump') && need('pg_restore') && need('psql');
const PATIENCE_MS = 60_000;

/**
 * One restore, gone live and taken back, told once for every append of its worker, which is killed by SIGKILL right
 * after that append. The safety backup is left to the crash test of the backup: here the kept database is the safety.
 */
describe.skipIf(!tools)('a restore and its undo whose worker is killed after each append (decision 10)', () => {
  let world: RestoreWorld;
  let worker: CrashWorker;
  let set: string;
  beforeAll(async () => {
    world = await openRestoreWorld({ nodes: 1, restore: { proof_seconds: 3 } });
    set = await world.backup();
    await ask(world.nodes[0]?.url ?? '', 'POST', '/services/catalog/routes', { name: 'before', paths: ['/before'] });
    worker = await startCrashWorker(world.env);
  });
  afterAll(async () => {
    await worker?.stop();
    await world.end();
  });

  /** What people do next; nothing while the bot is at work. */
  async function people(run: Run, seen: Set<string>): Promise<void> {
    const gate = openGate(run);
    if (gate !== undefined) {
      for (const person of [BOB, CAROL]) {
        await world.core.operations.vote({ gate: gate.gate, choice: 'go' }, inSlack(person));
      }
      return;
    }
    if (run.hold === undefined || seen.has('back')) return;
    expect(run.hold.fault).toBeUndefined();
    expect(await served()).toBe(404);
    seen.add('back');
    await world.core.operations.rollback(run.id, undefined, inSlack(BOB));
  }

  const served = async (): Promise<number> => (await fetch(`${world.nodes[0]?.proxyUrl}/before`)).status;

  async function tell(dieAfter: number): Promise<{ run: Run; killed: number }> {
    await worker.arm(dieAfter);
    const { id } = await world.request({ set, safety: 'kept-database' });
    const until = Date.now() + PATIENCE_MS;
    const seen = new Set<string>();
    let killed = 0;
    for (;;) {
      const run = await world.load(id);
      // Whatever died: the gateway always has a database of its name.
      expect(await world.databases()).toContain(world.database);
      if (worker.killed()) {
        killed += 1;
        worker = await startCrashWorker(world.env);
      }
      if (run.outcome !== undefined) return { run, killed };
      await people(run, seen);
      if (Date.now() > until) throw new Error(`${id} does not end: ${JSON.stringify(run.steps)}`);
      await pause(30);
    }
  }

  it('always ends as it was before, nothing left behind, every node serving it', { timeout: 600_000 }, async () => {
    for (let after = 1; ; after += 1) {
      const { run, killed } = await tell(after);
      expect({ after, outcome: run.outcome }).toEqual({ after, outcome: 'rolled-back' });
      expect(await world.databases()).toEqual([world.database]);
      expect(await served()).toBe(200);
      await world.core.operations.unlock('production', 'the story is over', inSlack(BOB));
      if (killed > 0) continue;
      // Six steps there and four back, each begun and ended; what follows from them may be recorded elsewhere.
      expect(after).toBeGreaterThan(18);
      break;
    }
  });
});
