import { mkdirSync, writeFileSync } from 'node:fs';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
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

describe.skipIf(!need('psql') || !need('pg_dump'))('doctor, on what waits for its night', () => {
  it('writes into the place of the keyring too, and says where it cannot', async () => {
    const strongroom = (path: string) => ({
      destinations: [{ name: 'strongroom', kind: 'local', path, holds: 'keyring' }],
      gateway: { keyring: { destination: 'strongroom' } },
    });
    mkdirSync(join(world.folder, 'strongroom'));
    const well = await world.doctor(strongroom(join(world.folder, 'strongroom')));
    expect(well.about('destination strongroom')[0]?.detail).toMatch(/ can be written, .* free$/);
    const gone = await world.doctor(strongroom('/proc/nowhere'));
    expect(gone.about('destination strongroom')).toEqual([
      expect.objectContaining({ state: 'fail', hint: expect.stringMatching(/\S/) }),
    ]);
    const unused = await world.doctor({ ...strongroom(join(world.folder, 'strongroom')), gateway: {} });
    expect(unused.about('destination strongroom')).toEqual([
      {
        state: 'warn',
        about: 'destination strongroom',
        detail: 'no gateway uses it',
        hint: 'Name it under the keyring.destination of a gateway, or remove it.',
      },
    ]);
  });

  it('finds Kong’s own program where the gateway’s commands run, or says what cannot be done without it', async () => {
    const kong = join(world.folder, 'kong');
    writeFileSync(kong, '#!/bin/sh\necho 3.9.1\n', { mode: 0o755 });
    const look = async (program: string) =>
      (await world.doctor({ gateway: { restore: { kong_command: [program] } } })).about('production: Kong’s program');
    expect(await look(kong)).toEqual([{ state: 'ok', about: 'production: Kong’s program', detail: '3.9.1' }]);
    expect(await look('/nowhere/kong')).toEqual([
      {
        state: 'warn',
        about: 'production: Kong’s program',
        detail: expect.stringMatching(
          /^there is no program \/nowhere\/kong \(.+\), so no fresh database can be made when a dump cannot be used$/,
        ),
        hint: 'Name Kong’s program under restore.kong_command, as it is called where the gateway’s commands run; every other restore does without it.',
      },
    ]);
  });

  it('connects to the watcher outside and does not call it: that would say that all is well', async () => {
    let calls = 0;
    const watcher = createServer((_, answer) => {
      calls += 1;
      answer.end();
    }).listen(0, '127.0.0.1');
    await once(watcher, 'listening');
    const { port } = watcher.address() as AddressInfo;
    const gateway = { schedules: { backup: { cron: '30 2 * * *', heartbeat: { env: 'BEAT' } } } };
    const look = async (env: Readonly<Record<string, string>>) => {
      const { about, out } = await world.doctor({ gateway, env });
      expect(out).not.toContain('who-knows-it-can-lie');
      return about('production: heartbeat of backup');
    };
    const reached = await look({ BEAT: `http://127.0.0.1:${port}/who-knows-it-can-lie` });
    expect(reached).toEqual([
      {
        state: 'ok',
        about: 'production: heartbeat of backup',
        detail: 'the watcher outside can be reached; not called, because a call says that all is well',
      },
    ]);
    watcher.close();
    await once(watcher, 'close');
    expect(calls).toBe(0);
    expect(await look({ BEAT: `http://127.0.0.1:${port}/who-knows-it-can-lie` })).toEqual([
      {
        state: 'warn',
        about: 'production: heartbeat of backup',
        detail:
          'the watcher outside cannot be reached from here (ECONNREFUSED); not called, because a call says that all is well',
        hint: 'Look at its address and the way to it: DNS, firewall. Where only a proxy leads out (NODE_USE_ENV_PROXY=1) this says nothing.',
      },
    ]);
    expect(await look({ BEAT: 'who-knows-it-can-lie' })).toEqual([
      {
        state: 'fail',
        about: 'production: heartbeat of backup',
        detail: 'the secret is no http or https address',
        hint: 'Put the address there that the watcher gave you.',
      },
    ]);
  });

  it('on a worker that is not given the heartbeat goes on, and says who needs it', async () => {
    const schedules = { backup: { cron: '30 2 * * *', heartbeat: { env: 'BEAT' } } };
    const { about } = await world.doctor({ gateway: { schedules } });
    expect(about('configuration')[0]?.state).toBe('ok');
    expect(about('production: heartbeat of backup')).toEqual([
      {
        state: 'warn',
        about: 'production: heartbeat of backup',
        detail: 'its address is not here',
        hint: 'Needed by the process that calls it: the bot, or a worker where no bot runs.',
      },
    ]);
  });
});
