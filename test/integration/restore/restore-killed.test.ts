import { mkdtemp } from 'node:fs/promises';
import { join } from 'node:path';
import { Client } from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { commit } from '../../../src/engine/commit.ts';
import { localRunner } from '../../../src/run-command/local.ts';
import { stateOf } from '../../../src/runs/next.ts';
import type { Run } from '../../../src/runs/run.ts';
import { restoreDepsFor } from '../../../src/steps/restore/deps.ts';
import { swapDatabase } from '../../../src/steps/restore/swap-database.ts';
import { need } from '../../support/need.ts';
import { openRestoreWorld, type RestoreWorld } from '../../support/backup/restore-world.ts';
import { ask } from '../../support/kong/stand-in-kong.ts';
import { ALICE, inSlack } from '../../support/story.ts';

const tools = need('pg_dump') && need('pg_restore') && need('psql');

describe.skipIf(!tools)('a worker that is gone in the middle of a swap, taken over by the engine', () => {
  let world: RestoreWorld;
  beforeAll(async () => {
    world = await openRestoreWorld({ nodes: 1 });
    await world.backup();
    await ask(world.nodes[0]?.url ?? '', 'POST', '/services/catalog/routes', { name: 'only-before', paths: ['/only'] });
  });
  afterAll(() => world.end());

  /** A restore that people said go to, and whose worker began the swap and was never heard of again. */
  async function begun(): Promise<Run> {
    const approved = await world.approve(await world.play(await world.request()));
    const by = { actor: world.core.self, clock: () => new Date() };
    const data = { step: 'swap-database', attempt: 1 };
    await commit(world.core.store, approved.id, by, () => ({ events: [{ type: 'step.started', data }] }));
    return await world.load(approved.id);
  }

  async function isOpen(): Promise<unknown> {
    const text = `SELECT datallowconn FROM pg_database WHERE datname = '${world.database}'`;
    return (await world.sql(text, 'postgres'))[0]?.['datallowconn'];
  }

  async function expectLive(id: string): Promise<void> {
    const held = await world.play(id);
    expect([stateOf(held), held.hold?.fault, held.gates.map(({ status }) => status)]).toEqual([
      'holding',
      undefined,
      ['go'],
    ]);
    expect([await isOpen(), held.steps['prove-restore']?.status]).toEqual([true, 'succeeded']);
    await world.core.operations.rollback(id, undefined, inSlack(ALICE));
    expect((await world.play(id)).outcome).toBe('rolled-back');
    await world.core.operations.unlock('production', 'it was only a test of ours', inSlack(ALICE));
  }

  it('with the live database closed to everybody: it is opened before anything else, and the restore goes on', async () => {
    const run = await begun();
    await world.sql(`ALTER DATABASE ${world.database} ALLOW_CONNECTIONS false`, 'postgres');
    await expectLive(run.id);
  });

  it('after the renaming and before its record: what it did is done, and nobody is asked again', async () => {
    const run = await begun();
    const deps = restoreDepsFor(run, {
      config: world.core.config,
      runnerFor: () => localRunner(),
      worker: localRunner(),
      clock: () => new Date(),
    });
    await swapDatabase(deps).apply({
      run,
      step: 'swap-database',
      attempt: 1,
      signal: new AbortController().signal,
      workDir: await mkdtemp(join(world.folder, 'attempt-')),
      applicationName: `kong-chatops ${run.id}/swap-database/1`,
      progress: () => undefined,
    });
    await expectLive(run.id);
  });

  it('stopped while connections would not go: the live database takes connections again at once', async () => {
    const approved = await world.approve(await world.play(await world.request()));
    const other = await world.another({ restore: { proof_seconds: 0.5, connections_seconds: 60 } });
    // A superuser's session is one that Kong's own role cannot end.
    const stays = new Client({ connectionString: world.superuserUrl });
    stays.on('error', () => undefined);
    await stays.connect();
    const working = other.engine.work(approved.id);
    await expect.poll(isOpen).toBe(false);
    await other.engine.stop(100);
    await working;
    expect(await isOpen()).toBe(true);
    await stays.end();
    await expectLive(approved.id);
  });
});
