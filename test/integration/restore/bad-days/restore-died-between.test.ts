import { fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Step, StepContext } from '../../../../src/engine/ports.ts';
import type { SwapNames } from '../../../../src/kong/database/database-admin.ts';
import type { RunCommand } from '../../../../src/run-command/command.ts';
import { localRunner } from '../../../../src/run-command/local.ts';
import { stateOf } from '../../../../src/runs/next.ts';
import type { Run } from '../../../../src/runs/run.ts';
import { namesOf, restoreDepsFor, type RestoreDeps } from '../../../../src/steps/restore/deps.ts';
import { dropKept } from '../../../../src/steps/restore/drop.ts';
import { swapBack, swapDatabase } from '../../../../src/steps/restore/swap-database.ts';
import { openRestoreWorld, type RestoreWorld } from '../../../support/backup/restore-world.ts';
import { doomedRunner, type Death } from '../../../support/backup/doomed-runner.ts';
import { ask } from '../../../support/kong/stand-in-kong.ts';
import { need } from '../../../support/need.ts';
import { ALICE, BOB, inSlack } from '../../../support/story.ts';

const tools = need('pg_dump') && need('pg_restore') && need('psql');
/** Everything that a swap or a removal changes on the server. */
const CHANGES = /^(ALTER DATABASE|BEGIN|COMMIT|DROP DATABASE|SELECT count\(pg_catalog\.pg_terminate_backend)/;

describe.skipIf(!tools)('a worker that dies between two statements', () => {
  let world: RestoreWorld;
  beforeAll(async () => {
    world = await openRestoreWorld({ nodes: 1 });
    await world.backup();
    await ask(world.nodes[0]?.url ?? '', 'POST', '/services/catalog/routes', { name: 'only-before', paths: ['/only'] });
  });
  afterAll(() => world?.end());

  interface Found {
    readonly oid: string;
    readonly open: boolean;
  }
  /** What lies on the server, by name. */
  async function databases(): Promise<Record<string, Found>> {
    const rows = await world.sql(
      `SELECT datname, oid::text, datallowconn FROM pg_database WHERE datname LIKE '${world.database}%'`,
      'postgres',
    );
    return Object.fromEntries(
      rows.map((row) => [row['datname'], { oid: String(row['oid']), open: row['datallowconn'] === true }]),
    );
  }
  const waiting = async (): Promise<Run> => await world.play(await world.request());
  const namesIn = (run: Run): SwapNames => namesOf(run, { name: world.database });

  function depsOf(run: Run, runner: RunCommand): RestoreDeps {
    const worker = localRunner();
    return restoreDepsFor(run, { config: world.core.config, runnerFor: () => runner, worker, clock: () => new Date() });
  }
  async function contextOf(run: Run, step: string, attempt: number): Promise<StepContext> {
    return {
      run,
      step,
      attempt,
      signal: new AbortController().signal,
      workDir: await mkdtemp(join(world.folder, 'attempt-')),
      applicationName: `kong-chatops ${run.id}/${step}/${attempt}`,
      progress: () => undefined,
    };
  }

  type MakeStep = (deps: RestoreDeps) => Step;
  /** One attempt that dies; false when it came to its end before that. */
  async function dies(run: Run, id: string, make: MakeStep, death: Death): Promise<boolean> {
    const { runner, died } = doomedRunner(death);
    const step = make(depsOf(run, runner));
    await step.apply(await contextOf(run, id, 1)).catch((error: unknown) => {
      if (!died()) throw error;
    });
    return died();
  }
  /** What the next worker does: as the engine, which ends the predecessor first. `after` it has. */
  async function takesOver(run: Run, id: string, make: MakeStep, after: () => Promise<void>): Promise<unknown> {
    const step = make(depsOf(run, localRunner()));
    const context = await contextOf(run, id, 2);
    await step.takeOver?.(context);
    await after();
    const done = await step.check(context);
    if (done !== null) return done;
    await step.apply(context);
    return await step.check(context);
  }

  it('of a swap or of its undo, while the server may still carry the statement out: the live name is the old or the restored database, whole, and open again', async () => {
    const run = await waiting();
    const { live, scratch, kept } = namesIn(run);
    const before = await databases();
    const [old, restored] = [before[live]?.oid, before[scratch]?.oid];
    const expectBoth = async (aside: readonly string[], open: boolean): Promise<void> => {
      const now = await databases();
      const [other = '', ...more] = Object.keys(now).filter((name) => name !== live);
      expect(more).toEqual([]);
      expect(aside).toContain(other);
      // Which is which hangs on the name alone: what was kept is the old one, what is beside is the restored one.
      expect([now[live]?.oid, now[other]?.oid]).toEqual(other === kept ? [restored, old] : [old, restored]);
      if (open) expect(Object.values(now).map((one) => one.open)).toEqual([true, true]);
    };
    let deaths = 0;
    for (let at = 1; ; at += 1) {
      const death: Death = { of: CHANGES, at, when: 'sent' };
      const there = await dies(run, 'swap-database', swapDatabase, death);
      await expectBoth([scratch, kept], false);
      const swapped = await takesOver(run, 'swap-database', swapDatabase, () => expectBoth([scratch, kept], true));
      expect(swapped).toMatchObject({ live, kept });
      await expectBoth([kept], true);
      const back = await dies(run, 'swap-back', swapBack, death);
      await expectBoth([scratch, kept], false);
      const undone = await takesOver(run, 'swap-back', swapBack, () => expectBoth([scratch, kept], true));
      expect(undone).toMatchObject({ live });
      await expectBoth([scratch], true);
      deaths += Number(there) + Number(back);
      if (!there && !back) break;
    }
    // Closed, ended, begun, renamed and opened twice, committed: each of them and back.
    expect(deaths).toBeGreaterThanOrEqual(14);
    expect(await ask(world.nodes[0]?.url ?? '', 'GET', '/routes/only-before')).toMatchObject({ status: 200 });
    await world.core.operations.cancel(run.id, undefined, inSlack(ALICE));
    expect((await world.play(run.id)).outcome).toBe('cancelled');
    expect(Object.keys(await databases())).toEqual([live]);
  });

  it.each(['sent', 'answered'] as const)(
    'of the removal of what was kept, its statement %s: it is there under its name or gone, and the live one untouched',
    async (when) => {
      const run = await waiting();
      const { live, kept } = namesIn(run);
      const { [live]: present } = await databases();
      for (let at = 1; ; at += 1) {
        await world.sql(`CREATE DATABASE ${kept} OWNER kong_${world.database}`, 'postgres');
        const { [kept]: old } = await databases();
        const there = await dies(run, 'drop-kept', dropKept, { of: CHANGES, at, when });
        const now = await databases();
        expect([undefined, old?.oid]).toContain(now[kept]?.oid);
        expect(now[live]).toEqual(present);
        expect(await takesOver(run, 'drop-kept', dropKept, async () => {})).toEqual({ dropped: kept });
        expect(await databases()).not.toHaveProperty(kept);
        if (!there) break;
      }
      await world.core.operations.cancel(run.id, undefined, inSlack(ALICE));
      await world.play(run.id);
    },
  );

  /** A worker of its own, until it kills itself. */
  async function killed(run: Run, of: string, when: Death['when']): Promise<void> {
    const worker = fork(join(import.meta.dirname, 'restore-doomed-worker.ts'), [run.id, of, when], {
      env: { PATH: process.env['PATH'], ...world.env },
      stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
    });
    expect(await once(worker, 'exit')).toEqual([null, 'SIGKILL']);
  }

  it('by SIGKILL, with the live database closed: the next worker opens it and ends the swap; then with the kept one half removed: it is removed', async () => {
    const approved = await world.approve(await waiting());
    const { live, scratch, kept } = namesIn(approved);
    const before = await databases();
    await killed(approved, 'ALLOW_CONNECTIONS false', 'answered');
    expect(await databases()).toEqual({ ...before, [live]: { ...before[live], open: false } });
    const held = await world.play(approved.id);
    expect([stateOf(held), held.hold?.fault, held.steps['swap-database']?.attempt]).toEqual(['holding', undefined, 2]);
    const swapped = { [live]: before[scratch], [kept]: before[live] };
    expect(await databases()).toEqual(swapped);

    await world.core.operations.close(held.id, { drop: true }, inSlack(BOB));
    await killed(held, 'DROP DATABASE', 'sent');
    const closed = await world.play(held.id);
    expect(closed).toMatchObject({ outcome: 'succeeded', steps: { 'drop-kept': { status: 'succeeded', attempt: 2 } } });
    expect(await databases()).toEqual({ [live]: before[scratch] });
  });
});
