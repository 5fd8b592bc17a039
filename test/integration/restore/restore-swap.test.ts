import { mkdtemp } from 'node:fs/promises';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Step, StepContext } from '../../../src/engine/ports.ts';
import type { RunCommand } from '../../../src/run-command/command.ts';
import { localRunner } from '../../../src/run-command/local.ts';
import { Fault } from '../../../src/runs/fault.ts';
import type { JsonObject } from '../../../src/runs/json.ts';
import type { Run } from '../../../src/runs/run.ts';
import { restoreDepsFor, type RestoreDeps } from '../../../src/steps/restore/deps.ts';
import { swapBack, swapDatabase } from '../../../src/steps/restore/swap-database.ts';
import { need } from '../../support/need.ts';
import { openRestoreWorld, type RestoreWorld } from '../../support/backup/restore-world.ts';
import { ask } from '../../support/kong/stand-in-kong.ts';

const tools = need('pg_dump') && need('pg_restore') && need('psql');

/** Runs programs, but its psql dies right before it would be given the n-th statement, over all of its sessions. */
function dyingRunner(statements: number): { runner: RunCommand; left: () => number } {
  const real = localRunner();
  let left = statements;
  const runner: RunCommand = {
    ...real,
    start: (command) => {
      const running = real.start(command);
      if (!command.program.endsWith('psql')) return running;
      const stdin = new PassThrough();
      stdin.on('data', (chunk: Buffer) => {
        left -= 1;
        if (left < 0) running.kill();
        else running.stdin.write(chunk);
      });
      stdin.on('end', () => running.stdin.end());
      running.stdin.on('error', () => undefined);
      return { ...running, stdin };
    },
  };
  return { runner, left: () => left };
}

describe.skipIf(!tools)('a worker that dies in the middle of a swap', () => {
  let world: RestoreWorld;
  let run: Run;
  beforeAll(async () => {
    world = await openRestoreWorld({ nodes: 1 });
    const set = await world.backup();
    await ask(world.nodes[0]?.url ?? '', 'POST', '/services/catalog/routes', { name: 'only-before', paths: ['/only'] });
    run = await world.play(await world.request({ set }));
    if (run.gates.length === 0) throw new Error(JSON.stringify(run.fault));
  });
  afterAll(() => world.end());

  const depsWith = (runner: RunCommand): RestoreDeps =>
    restoreDepsFor(run, {
      config: world.core.config,
      runnerFor: () => runner,
      worker: localRunner(),
      clock: () => new Date(),
    });

  async function attempt(make: (deps: RestoreDeps) => Step, runner = localRunner(), number = 1): Promise<JsonObject> {
    const context: StepContext = {
      run,
      step: 'swap-database',
      attempt: number,
      signal: new AbortController().signal,
      workDir: await mkdtemp(join(world.folder, 'attempt-')),
      applicationName: `kong-chatops ${run.id}/swap-database/${number}`,
      progress: () => undefined,
    };
    const step = make(depsWith(runner));
    if (number > 1) await step.takeOver?.(context);
    const already = await step.check(context);
    if (already !== null) return already;
    await step.apply(context);
    const outputs = await step.check(context);
    if (outputs === null) throw new Error('not confirmed');
    return outputs;
  }

  /** Which database the gateway has, looked up past the bot: by the route that only the old one has. */
  async function liveOne(): Promise<'old' | 'restored' | 'none'> {
    const rows = await world.sql(`SELECT 1 FROM pg_database WHERE datname = '${world.database}'`, 'postgres');
    if (rows.length === 0) return 'none';
    // A superuser is turned away too while connections are not allowed; a look must not change that.
    const [closed] = await world.sql(
      `SELECT NOT datallowconn AS closed FROM pg_database WHERE datname = '${world.database}'`,
      'postgres',
    );
    if (closed?.['closed'] === true)
      await world.sql(`ALTER DATABASE ${world.database} ALLOW_CONNECTIONS true`, 'postgres');
    const found = await world.sql(`SELECT 1 FROM routes WHERE name = 'only-before'`);
    if (closed?.['closed'] === true)
      await world.sql(`ALTER DATABASE ${world.database} ALLOW_CONNECTIONS false`, 'postgres');
    return found.length === 1 ? 'old' : 'restored';
  }

  async function isOpen(): Promise<unknown> {
    const text = `SELECT datallowconn FROM pg_database WHERE datname = '${world.database}'`;
    return (await world.sql(text, 'postgres'))[0]?.['datallowconn'];
  }

  it('at whatever statement, there and back: always the old or the restored one, and whoever comes next gets there', async () => {
    const seen: string[] = [];
    for (const [direction, make, goal] of [
      ['there', swapDatabase, 'restored'],
      ['back', swapBack, 'old'],
    ] as const) {
      const undo = goal === 'restored' ? swapBack : swapDatabase;
      for (let statements = 0; ; statements += 1) {
        const dying = dyingRunner(statements);
        const died = await attempt(make, dying.runner).then(
          () => null,
          (error: unknown) => error,
        );
        const live = await liveOne();
        seen.push(`${direction} ${live}`);
        expect(['old', 'restored']).toContain(live);
        if (died === null) {
          expect(live).toBe(goal);
          break;
        }
        if (!(died instanceof Fault)) throw died;
        // By turns: the next worker goes on, or people take it back from wherever it died.
        if (statements % 2 === 0) {
          await attempt(make, localRunner(), 2);
          expect(await liveOne()).toBe(goal);
        }
        await attempt(undo, localRunner(), 3);
        expect(await isOpen()).toBe(true);
      }
    }
    // Both ends were met in both directions, so the deaths lay on both sides of the one moment that counts.
    expect(new Set(seen)).toEqual(new Set(['there old', 'there restored', 'back restored', 'back old']));
  }, 180_000);

  it('somebody renamed a database by hand: nothing is guessed', async () => {
    const scratch = (await world.databases()).find((name) => name !== world.database) ?? '';
    await world.sql(`ALTER DATABASE ${scratch} RENAME TO ${world.database}_hidden`, 'postgres');
    const fault = await attempt(swapDatabase).catch((error: unknown) => error);
    await world.sql(`ALTER DATABASE ${world.database}_hidden RENAME TO ${scratch}`, 'postgres');
    const kept = scratch.replace(/_new$/, '_old');
    expect(fault).toMatchObject({
      code: 'swap.strange',
      message: `Of the databases ${world.database}, ${scratch} and ${kept} there is ${world.database}: somebody renamed or removed one of them. Nothing was renamed.`,
      hint: `Look what each of them holds (psql -l), and rename the right one to ${world.database}.`,
    });
  });
});
