import { once } from 'node:events';
import { readdir } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { Client } from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { commit } from '../../../../src/engine/commit.ts';
import { openRestoreWorld, type RestoreWorld } from '../../../support/backup/restore-world.ts';
import { diesAtWork } from '../../../support/crash/doomed-workers.ts';
import { acts, type Fates } from '../../../support/crash/fates.ts';
import { tellTwice } from '../../../support/crash/tell-restore.ts';
import { ask } from '../../../support/kong/stand-in-kong.ts';
import { need } from '../../../support/need.ts';
import { BOB, inSlack } from '../../../support/story.ts';

const CLI = fileURLToPath(new URL('../../../../src/sandbox/kong/cli.ts', import.meta.url));
const tools = need('pg_dump') && need('pg_restore') && need('psql') && need('deck');

/** Everything else is as in a restore of the database, whose workers die in the crash tests. */
const FATES: Fates = { 'rebuild-scratch': acts(/config db_import/) };

describe.skipIf(!tools)('workers that die while they build a fresh database', () => {
  let world: RestoreWorld;
  beforeAll(async () => {
    const restore = { kong_command: [process.execPath, CLI, '3.9.1'] };
    world = await openRestoreWorld({ nodes: 1, restore, limits: { step_attempts: 10 } });
    await world.backup();
    await ask(world.nodes[0]?.url ?? '', 'DELETE', '/routes/catalog-v1');
  });
  afterAll(() => world?.end());

  const beside = async (): Promise<readonly string[]> =>
    (await readdir(world.folder)).filter((name) => name.startsWith('kong-chatops'));
  const asked = { strategy: 'fresh-database', safety: 'kept-database' };

  it('leave the fresh database live and whole, and the one before once it is taken back', async () => {
    const look = async (): Promise<unknown> => ({
      answers: (await fetch(`${world.nodes[0]?.proxyUrl}/api/v1/catalog`)).status,
      passwords: await world.sql('SELECT id, password FROM basicauth_credentials ORDER BY id'),
      databases: (await world.databases()).length,
      beside: await beside(),
    });
    const { calm, killed } = await tellTwice(world, { asked, fates: FATES, look });
    expect(calm).toMatchObject({ state: 'holding', outcome: 'rolled-back', gates: ['go'] });
    expect(calm).toMatchObject({
      live: { answers: 200, databases: 2, beside: [] },
      back: { answers: 404, databases: 1, beside: [] },
    });
    expect(calm.fault).toBeUndefined();
    expect(killed).toEqual(calm);
  });

  it('leave no password behind where people call it off before another takes over', async () => {
    const { id } = await world.request(asked);
    const fates = { 'rebuild-scratch': [/migrations bootstrap/] };
    expect(await diesAtWork(id, fates, world.env)).toBe(true);
    expect(await beside()).toEqual([expect.stringMatching(/-fresh$/)]);
    await world.core.operations.cancel(id, undefined, inSlack(BOB));
    expect((await world.play(id)).outcome).toBe('cancelled');
    expect([await beside(), await world.databases()]).toEqual([[], [world.database]]);
  });

  it('have no statement left on the server then that would still make a database', async () => {
    const { id } = await world.request(asked);
    const by = { actor: world.core.self, clock: () => new Date() };
    const data = { step: 'rebuild-scratch', attempt: 1 };
    await commit(world.core.store, id, by, () => ({ events: [{ type: 'step.started', data }] }));
    const application_name = `kong-chatops ${id}/rebuild-scratch/1`;
    const statement = new Client({ connectionString: world.url, application_name });
    statement.on('error', () => undefined);
    const ended = once(statement, 'error');
    await statement.connect();
    await world.core.operations.cancel(id, undefined, inSlack(BOB));
    expect((await world.play(id)).outcome).toBe('cancelled');
    expect(await ended).toMatchObject([{ message: 'terminating connection due to administrator command' }]);
  });
});
