import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { need } from '../../support/need.ts';
import { openDoctorWorld, type DoctorWorld } from './doctor-world.ts';

let world: DoctorWorld;
beforeAll(async () => {
  world = await openDoctorWorld();
});
afterAll(async () => await world.end());

describe.skipIf(!need('psql') || !need('pg_dump'))('doctor, on what restores and drills need', () => {
  it('looks whether the role of the drills may make a database, and names what lets it', async () => {
    const drills = { database_url: { env: 'DRILLS' } };
    const able = (await world.doctor({ drills, env: { DRILLS: world.store.superuserUrl } })).about('drills');
    expect(able).toEqual([
      {
        state: 'ok',
        about: 'drills',
        detail: expect.stringMatching(/^restore on drills\.database_url: PostgreSQL 15\./),
      },
    ]);
    const lesser = await world.doctor({ drills, env: { DRILLS: world.store.botUrl } });
    expect(lesser.code).toBe(1);
    expect(lesser.about('drills')).toEqual([
      {
        state: 'fail',
        about: 'drills',
        detail: 'the role kong_chatops of drills.database_url may not make a database to restore into',
        hint: 'Let a superuser run: ALTER ROLE kong_chatops CREATEDB; or name a role for drills alone under drills.database_url.',
      },
    ]);
    expect(lesser.about('drills: pg_dump')[0]).toMatchObject({ state: 'ok' });
  });

  it('does not take the owner of the bot’s database for somebody who may drill', async () => {
    const { about } = await world.doctor({ env: { DATABASE_OWNER_URL: world.store.ownerUrl } });
    expect(about('drills')).toEqual([
      {
        state: 'warn',
        about: 'drills',
        detail:
          'the role kong_chatops_owner of the server of DATABASE_OWNER_URL may not make a database to restore into',
        hint: 'Let a superuser run: ALTER ROLE kong_chatops_owner CREATEDB; or name a role for drills alone under drills.database_url.',
      },
    ]);
  });

  it('says that the place of the drills does not answer, or that its secret is missing, and shows no password', async () => {
    const drills = { database_url: { env: 'DRILLS' } };
    const { about, out } = await world.doctor({ drills, env: { DRILLS: 'postgres://u:hunter2@127.0.0.1:1/postgres' } });
    expect(about('drills')).toEqual([expect.objectContaining({ state: 'fail', hint: expect.stringMatching(/\S/) })]);
    expect(out).not.toContain('hunter2');
    expect((await world.doctor({ drills })).about('drills')[0]).toMatchObject({
      state: 'fail',
      detail: expect.stringContaining('the environment variable DRILLS cannot be read'),
      hint: 'Put it there and try again; `kong-chatops config check` shows what is missing.',
    });
  });
});
