import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Run } from '../../../src/runs/run.ts';
import { need } from '../../support/need.ts';
import { withClient } from '../../support/store/postgres.ts';
import { openRestoreWorld, type RestoreWorld } from '../../support/backup/restore-world.ts';
import { ALICE, BOB, inSlack } from '../../support/story.ts';

const tools = need('pg_dump') && need('pg_restore') && need('psql');

describe.skipIf(!tools)('a drill', () => {
  let world: RestoreWorld;
  let set: string;
  const role = { url: '' };
  beforeAll(async () => {
    world = await openRestoreWorld({ nodes: 1 });
    set = await world.backup();
    const url = new URL(world.superuserUrl);
    await world.sql(`CREATE ROLE drill_${world.database} LOGIN CREATEDB PASSWORD 'made-up'`);
    Object.assign(url, { username: `drill_${world.database}`, password: 'made-up', pathname: '/postgres' });
    role.url = url.href;
  });
  afterAll(async () => {
    await world.sql(`DROP ROLE drill_${world.database}`);
    await world.end();
  });

  const drills = async (): Promise<string[]> => {
    const rows = await withClient(role.url, (client) =>
      client.query<{ datname: string }>(`SELECT datname FROM pg_database WHERE datname LIKE 'kong_chatops_drill_%'`),
    );
    return rows.rows.map(({ datname }) => datname);
  };

  it('is refused where no PostgreSQL is named for it', async () => {
    const request = { gateway: 'production', set: 'latest', delivery: { key: 'd0' } };
    expect(await world.core.operations.requestDrill(request, inSlack(ALICE))).toMatchObject({
      ok: false,
      refusal: {
        code: 'no-drill-server',
        message: 'There is no PostgreSQL on which a set could be restored to prove it',
        hint: 'Name one in the configuration under drills.database_url (a role with CREATEDB), or give the worker DATABASE_OWNER_URL',
      },
    });
  });

  async function drill(env: Record<string, string>, wanted = 'latest-verified'): Promise<Run> {
    const core = await world.another({ env });
    const request = { gateway: 'production', set: wanted, delivery: { key: crypto.randomUUID() } };
    const answer = await core.operations.requestDrill(request, inSlack(BOB));
    if (!answer.ok) throw new Error(answer.refusal.message);
    return await world.play(answer.run, core);
  }

  it('restores the set aside, compares every count, leaves nothing, and the set is `restored` from then on', async () => {
    const run = await drill({ DATABASE_OWNER_URL: role.url });
    expect(run.fault).toBeUndefined();
    const [{ tables, rows } = { tables: 0, rows: 0 }] = [
      (await world.load('B-1')).steps['dump-database']?.outputs?.['artifacts'],
    ].flatMap((artifacts) => (artifacts as { facts: { tables: number; rows: number } }[]).map(({ facts }) => facts));
    expect(run.steps['restore-drill']?.outputs).toMatchObject({ set, tables, rows });
    expect(await drills()).toEqual([]);
    const listed = await world.core.operations.listSets('production', inSlack(ALICE));
    expect(listed).toMatchObject({ ok: true, sets: [{ set, state: 'restored', restoredAt: expect.any(String) }] });
    const status = await world.core.operations.status(inSlack(ALICE), 'production');
    expect(status).toMatchObject({ gateways: [{ lastVerified: { runId: 'B-1', state: 'restored', set } }] });
  });

  it('by a role that may not make databases says what to do', async () => {
    await world.sql(`ALTER ROLE drill_${world.database} NOCREATEDB`);
    const run = await drill({ DATABASE_OWNER_URL: role.url });
    await world.sql(`ALTER ROLE drill_${world.database} CREATEDB`);
    expect(run.fault).toEqual({
      code: 'drill-no-createdb',
      message: `The role drill_${world.database} may not make a database to restore into.`,
      hint: `Let a superuser run: ALTER ROLE drill_${world.database} CREATEDB, or name another server under drills.database_url.`,
    });
    expect(await drills()).toEqual([]);
  });
});
