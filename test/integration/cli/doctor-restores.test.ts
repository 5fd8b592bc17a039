import { mkdirSync, writeFileSync } from 'node:fs';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { need } from '../../support/need.ts';
import { withClient } from '../../support/store/postgres.ts';
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
      hint: 'Set DRILLS, or DRILLS_FILE to a readable file (one of the two), for the process that needs it, and start it again.',
    });
  });
});

describe.skipIf(!need('psql') || !need('pg_dump'))('doctor, on a restore of the database', () => {
  const about = 'production: database restore';
  const look = async (url: string, { name, beside = 'postgres' }: { name?: string; beside?: string } = {}) => {
    const { username, password } = new URL(url);
    const setting = {
      database: { user: username, ...(name === undefined ? {} : { name }) },
      gateway: { restore: { maintenance_database: beside } },
      env: { KONG_PASSWORD: decodeURIComponent(password) || 'unused' },
    };
    return (await world.doctor(setting)).about(about);
  };

  it('is content with a role that may put another database in the place of the live one', async () => {
    const { username } = new URL(world.store.superuserUrl);
    expect(await look(world.store.superuserUrl)).toEqual([
      {
        state: 'ok',
        about,
        detail: expect.stringMatching(
          new RegExp(`^the role ${username} may put a restored database in the place of t_\\w+$`),
        ),
      },
    ]);
  });

  it('names each right that the role lacks, and what gives it, and fails nothing: backups do without', async () => {
    const noCreateDb = (role: string) => ({
      state: 'warn',
      about,
      detail: `The role ${role} may neither make nor rename databases.`,
      hint: `Let a superuser run: ALTER ROLE ${role} CREATEDB`,
    });
    expect(await look(world.store.ownerUrl)).toEqual([noCreateDb('kong_chatops_owner')]);
    // Behind these two comes Kong's own session, where it has one open just then.
    expect((await look(world.store.botUrl)).slice(0, 2)).toEqual([
      noCreateDb('kong_chatops'),
      {
        state: 'warn',
        about,
        detail: expect.stringMatching(
          /^The database t_\w+ is owned by kong_chatops_owner, so kong_chatops cannot rename it\.$/,
        ),
        hint: expect.stringMatching(/^Let a superuser run: ALTER DATABASE t_\w+ OWNER TO kong_chatops$/),
      },
    ]);
  });

  it('names who is connected and could not be sent away', async () => {
    const elsewhere = new URL(world.store.superuserUrl);
    elsewhere.pathname = world.kongUrl.pathname;
    const [, sessions] = await withClient(elsewhere.href, async () => await look(world.store.ownerUrl));
    expect(sessions).toEqual({
      state: 'warn',
      about,
      detail: `Sessions that kong_chatops_owner may not end are open on the database: ${elsewhere.username} (test support). It cannot be renamed while they last.`,
      hint: 'Have them closed, or let a superuser run: GRANT pg_signal_backend TO kong_chatops_owner',
    });
  });

  it('says that the server cannot be asked from the database beside, and leaves a missing one to the other look', async () => {
    expect(await look(world.store.ownerUrl, { beside: 'nowhere' })).toEqual([
      {
        state: 'warn',
        about,
        detail: expect.stringContaining('nowhere'),
        hint: expect.stringMatching(/\S/),
      },
    ]);
    expect(await look(world.store.superuserUrl, { name: 'nowhere' })).toEqual([]);
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
