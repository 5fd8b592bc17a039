import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { LocalDestination } from '../../../src/backup/storage/local.ts';
import { localRunner } from '../../../src/run-command/local.ts';
import { dumpDatabase } from '../../../src/steps/backup/dump-database.ts';
import { preflight } from '../../../src/steps/preflight/preflight.ts';
import { emptyStandIn } from '../../support/kong/stand-in-kong.ts';
import { need } from '../../support/need.ts';
import { withClient } from '../../support/store/postgres.ts';
import { faultFrom, makeWorld } from './steps-world.ts';
import type { World, WorldOptions } from './steps-world.ts';

const ready = [need('fixtures'), need('psql'), need('pg_dump'), need('pg_restore')].every(Boolean);

describe.skipIf(!ready)('preflight', () => {
  let world: World;
  beforeAll(async () => {
    world = await makeWorld({ kinds: ['database'] });
  });
  afterAll(async () => {
    await world.end();
  });
  const failing = async (
    options: WorldOptions,
  ): Promise<{ message: string; hint: string; code: string; retryable: boolean }> => {
    const fault = await faultFrom(world.with(options).perform('preflight', preflight));
    return { ...fault.facts(), retryable: fault.retryable };
  };
  const database = (): NonNullable<World['deps']['gateway']['database']> => {
    const { database } = world.deps.gateway;
    if (database === undefined) throw new Error('the world has a database');
    return database;
  };

  it('says what it found, check by check', async () => {
    const { outputs, progress } = await world.with({ kinds: ['database', 'files'] }).perform('preflight', preflight);
    expect(outputs).toMatchObject({
      kongVersion: '3.9.1',
      edition: 'community',
      databaseKind: 'postgres',
      workspaces: ['default'],
      workspacesLeftOut: [],
      tables: 35,
      skipped: {},
      tools: { pg_dump: expect.stringMatching(/^15\./), pg_restore: expect.stringMatching(/^15\./) },
    });
    expect((outputs['checks'] as { name: string }[]).map(({ name }) => name)).toEqual([
      'Admin API',
      'Database kind',
      "Kong's database",
      'Workspaces',
      'Database server',
      'PostgreSQL tools',
      'Reading the dump',
      'Migrations',
      'Rights on the database',
      'Size of the database',
      'kong.conf',
      'Prefix folder',
      'Signing key',
      'Space on the worker',
      'Destination main',
    ]);
    expect(progress.at(-1)).toMatchObject({ done: 5, total: 5, unit: 'checks' });
  });

  it('shows the approvers digests that the gated step sees again, and that change when the gateway does', async () => {
    const here = world.with({});
    const { outputs } = await here.perform('preflight', preflight);
    const look = async (): Promise<unknown> => dumpDatabase(here.deps).observe?.(await here.context('dump-database'));
    expect(await look()).toEqual(outputs['observed']);
    await withClient(here.superuserUrl, (client) =>
      client.query(`UPDATE schema_meta SET executed = array_append(executed, '999_new') WHERE subsystem = 'core'`),
    );
    const changed = (await look()) as Record<string, string>;
    await withClient(here.superuserUrl, (client) =>
      client.query(`UPDATE schema_meta SET executed = array_remove(executed, '999_new') WHERE subsystem = 'core'`),
    );
    expect(
      Object.keys(changed).filter((key) => changed[key] !== (outputs['observed'] as Record<string, string>)[key]),
    ).toEqual(['database']);
  });

  it('lists everything that is wrong at once, with what to do about each', async () => {
    const missing = new LocalDestination('vault', join(world.home, 'no', 'such', 'mount'));
    const fault = await failing({
      kinds: ['database', 'files'],
      destinations: [missing],
      workspaces: ['team-a'],
      gateway: {
        database: { ...database(), name: 'nowhere' },
        files: { kong_conf: join(world.home, 'absent.conf'), prefix: join(world.home, 'prefix') },
      },
    });
    expect(fault.code).toBe('preflight-failed');
    expect(fault.retryable).toBe(false);
    expect(fault.message).toMatch(
      /^4 checks of gateway production failed, so nothing was started\.\n1\. Workspaces: The gateway has no workspace team-a; it has default\.\n2\. Database server: .*nowhere.*\n3\. kong\.conf: .*absent\.conf.*\n4\. Destination vault: Destination vault: writing a small file failed because the folder does not exist \(ENOENT\)\.$/,
    );
    expect(fault.hint.split('\n')).toHaveLength(4);
    expect(fault.hint).toMatch(
      /^1\. Correct the workspaces of this gateway in the configuration, or use "all"\.\n2\. /,
    );
    expect(fault.hint).toMatch(/\n4\. Create the folder, or mount what should be there, then try again\.$/);
  });

  it('may be tried again when all that is wrong is a Kong that does not answer', async () => {
    await world.kong.faults.stopListening();
    const fault = await failing({});
    await world.kong.faults.listenAgain();
    expect(fault.message).toMatch(/^1 check of gateway production failed, so nothing was started\.\n1\. Admin API: /);
    expect(fault.retryable).toBe(true);
  });

  it('refuses a database with pending migrations', async () => {
    await withClient(world.superuserUrl, (client) =>
      client.query(`UPDATE schema_meta SET pending = ARRAY['017_b'] WHERE subsystem = 'acme'`),
    );
    const fault = await failing({});
    await withClient(world.superuserUrl, (client) => client.query(`UPDATE schema_meta SET pending = NULL`));
    expect(fault).toEqual({
      code: 'preflight-failed',
      message:
        '1 check of gateway production failed, so nothing was started.\n1. Migrations: Migrations are not finished: ' +
        'acme (017_b). A dump of a half migrated database fits no version of Kong.',
      hint: 'Finish the upgrade with `kong migrations finish`, then try again.',
      retryable: false,
    });
  });

  it('refuses a role that cannot read every table, because pg_dump would fail on it', async () => {
    await withClient(world.superuserUrl, async (client) => {
      await client.query('CREATE TABLE secrets (id int); REVOKE ALL ON secrets FROM PUBLIC');
    });
    const fault = await failing({});
    await withClient(world.superuserUrl, (client) => client.query('DROP TABLE secrets'));
    expect(fault.message).toBe(
      '1 check of gateway production failed, so nothing was started.\n1. Rights on the database: The database role may ' +
        'not read 1 table or sequence: public.secrets. pg_dump would fail on them.',
    );
    expect(fault.hint).toBe(
      'Use the role that owns the tables, or GRANT SELECT on all tables and sequences to this one.',
    );
  });

  it('refuses a destination without room for the dump', async () => {
    const small = new LocalDestination('small', join(world.home, 'small'));
    small.freeBytes = () => Promise.resolve(1000);
    const fault = await failing({ destinations: [small] });
    expect(fault.message).toMatch(
      /^1 check of gateway production failed, so nothing was started\.\n1\. Destination small: There is too little space on destination small: 1\.0 KB free, and up to [0-9.]+ MB are needed\.$/,
    );
    expect(fault.hint).toMatch(/^Free [0-9.]+ MB there, or configure another folder, then try again\.$/);
  });

  it('refuses missing tools unless the gateway may go without that kind; then it is a gap', async () => {
    const bare = localRunner({ path: join(world.home, 'empty') });
    const declarative = { kinds: ['declarative'], runner: bare } as const;
    const fault = await failing(declarative);
    expect(fault.message).toMatch(
      /^1 check of gateway production failed, so nothing was started\.\n1\. decK: decK is not on this machine/,
    );
    const { outputs } = await world
      .with({ ...declarative, gateway: { allow_gaps: ['declarative'] } })
      .perform('preflight', preflight);
    expect(outputs['skipped']).toEqual({
      declarative: 'decK is not on this machine, so the declarative configuration cannot be dumped from here.',
    });
    expect((outputs['checks'] as object[]).find((check) => 'name' in check && check.name === 'decK')).toEqual({
      name: 'decK',
      detail:
        'left out, as allow_gaps permits: decK is not on this machine, so the declarative configuration cannot be dumped from here.',
    });
  });
});

describe.skipIf(!need('fixtures') || !need('psql') || !need('deck'))('preflight of a gateway with a token', () => {
  it('refuses a token that may not read a list, which decK would take for an empty one', async () => {
    const running = await emptyStandIn('3.9.1', {
      edition: 'enterprise',
      token: 'token-of-the-test',
      tokenRights: { mayNotRead: ['keys', 'vaults'] },
    });
    const { hostname, port, pathname, username } = new URL(running.database.ownerUrl);
    const world = await makeWorld({ kinds: ['declarative'] });
    const fault = await faultFrom(
      world
        .with({
          gateway: {
            admin_api: { url: running.kong.url, timeout_seconds: 5, token: { env: 'KONG_TOKEN' } },
            database: { host: hostname, port: Number(port), name: pathname.slice(1), user: username, ssl: 'prefer' },
          },
        })
        .perform('preflight', preflight),
    );
    await world.end();
    await running.end();
    expect(fault.facts()).toEqual({
      code: 'preflight-failed',
      message:
        '1 check of gateway production failed, so nothing was started.\n1. Rights of the Admin token: The Admin token may ' +
        'not read 2 lists: /default/vaults (HTTP 403), /default/keys (HTTP 403). The dump would miss them without a word.',
      hint: 'Give the token of this gateway the right to read them, or use another token.',
    });
    expect(fault.retryable).toBe(false);
  });
});
