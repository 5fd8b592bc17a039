import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { encryptionOf } from '../../../src/backup/encryption/encryption.ts';
import { parseManifest } from '../../../src/backup/set/manifest.ts';
import { openSet } from '../../../src/backup/set/open-set.ts';
import type { DatabaseConfig } from '../../../src/kong/database/database.ts';
import { localRunner } from '../../../src/run-command/local.ts';
import type { RunCommand } from '../../../src/run-command/command.ts';
import { isRefusal } from '../../../src/runs/refusal.ts';
import { dumpDatabase } from '../../../src/steps/backup/dump-database.ts';
import { publishSet } from '../../../src/steps/backup/publish-set.ts';
import { preflight } from '../../../src/steps/preflight/preflight.ts';
import { refOf } from '../../../src/steps/deps.ts';
import { dumpOf, fetchDump } from '../../../src/steps/restore/set-reader.ts';
import { compareWithManifest } from '../../../src/steps/restore/restore-scratch.ts';
import { databaseEnvironment, openDatabase } from '../../../src/kong/database/database.ts';
import { pgRestoreInto } from '../../../src/kong/dump/restore-dump.ts';
import { findPostgresTools } from '../../../src/kong/dump/tools.ts';
import { fakePrograms } from '../../support/backup/fake-program.ts';
import { need, programPath } from '../../support/need.ts';
import { withClient } from '../../support/store/postgres.ts';
import { newKey } from '../backup/backup-cipher-contract.ts';
import { faultFrom, makeWorld } from './steps-world.ts';
import type { World } from './steps-world.ts';

const ready = [need('fixtures'), need('psql'), need('pg_dump'), need('pg_restore'), need('age')].every(Boolean);
const FORMATS = [
  ['custom', 'database.dump'],
  ['directory', 'database.tar'],
  ['tar', 'database.pgtar'],
  ['plain', 'database.sql'],
] as const;
/** Encrypted custom format is the default, and tested wherever sets are encrypted. */
const SEALED = [
  ['directory', 'database.tar', true],
  ['plain', 'database.sql', true],
] as const;

describe.skipIf(!ready)('the format of a database dump', () => {
  let world: World;
  const fakes = fakePrograms();
  beforeAll(async () => {
    world = await makeWorld({ kinds: ['database'] });
    await withClient(world.superuserUrl, async (client) => {
      await client.query('CREATE MATERIALIZED VIEW busy_services AS SELECT count(*) FROM services');
      await client.query('CREATE EXTENSION IF NOT EXISTS postgres_fdw');
      await client.query("CREATE SERVER elsewhere FOREIGN DATA WRAPPER postgres_fdw OPTIONS (host 'elsewhere')");
      await client.query('CREATE FOREIGN TABLE far_away (id int) SERVER elsewhere');
      await client.query('GRANT SELECT ON far_away, busy_services TO kong_chatops_owner');
      await client.query('GRANT SELECT ON services TO kong_chatops');
      // A row that looks like the end of its table, and one like a statement.
      await client.query(
        String.raw`UPDATE services SET path = '/\.' || E'\nCOPY x FROM stdin;' WHERE name = (SELECT min(name) FROM services)`,
      );
    });
  });
  afterAll(async () => {
    fakes.remove();
    await world.end();
  });
  const taking = (database: Partial<DatabaseConfig>, more: Parameters<World['with']>[0] = {}): World => {
    const configured = world.deps.gateway.database;
    if (configured === undefined) throw new Error('the world has a database');
    return world.with({ gateway: { database: { ...configured, ...database } }, ...more });
  };

  it.each([...FORMATS.map(([format, name]) => [format, name, false] as const), ...SEALED])(
    '%s comes back with every row (as %s, encrypted: %s)',
    async (format, name, encrypted) => {
      const key = await newKey();
      const config = {
        encryption: { recipients: [key.recipient], identity: { env: 'IDENTITY' } },
        secret: () => key.identity,
      };
      const here = taking({ format }, encrypted ? { encryption: encryptionOf(config, localRunner()) } : {});
      await here.perform('preflight', preflight);
      const { outputs, progress } = await here.perform('dump-database', dumpDatabase);
      const stored = `${name}.zst${encrypted ? '.age' : ''}`;
      expect(outputs['artifacts']).toEqual([expect.objectContaining({ kind: 'database', name: stored })]);
      expect(progress.find(({ note }) => note?.startsWith('dumping') === true)).toMatchObject({
        unit: 'bytes',
        done: 0,
        total: expect.any(Number),
      });
      await here.perform('publish-set', publishSet);

      const [destination] = here.deps.destinations;
      if (destination === undefined) throw new Error('no destination');
      const opening = (await here.deps.encryption?.opening()) ?? null;
      const set = await openSet(destination, refOf(here.run()), { publicKeys: [here.deps.signingKey()], opening });
      if (isRefusal(set)) throw new Error(set.message);
      const dump = dumpOf(set.manifest);
      if (dump === null) throw new Error('no dump');
      const newer = format === 'tar' || format === 'plain';
      expect(set.manifest.format).toBe(newer ? 'kong-chatops-backup/3' : 'kong-chatops-backup/2');
      const work = await mkdtemp(join(tmpdir(), 'kong-chatops-format-'));
      const scratch = `format_${format}_${encrypted}_${process.pid}`;
      const { signal } = new AbortController();
      try {
        const archive = await fetchDump(set, dump, { folder: join(work, 'dump'), signal, onBytes: () => undefined });
        await withClient(here.superuserUrl, (client) => client.query(`CREATE DATABASE ${scratch} TEMPLATE template0`));
        const { hostname, port, username, password } = new URL(here.superuserUrl);
        const database: DatabaseConfig = {
          host: hostname,
          port: Number(port),
          user: username,
          name: scratch,
          ssl: 'prefer',
        };
        const access = { password, applicationName: 'test', workDir: work };
        const tools = await findPostgresTools(here.deps.worker, 15);
        await pgRestoreInto(here.deps.worker, {
          pgRestore: tools.pgRestore,
          env: await databaseEnvironment(here.deps.worker, database, access),
          archive,
          jobs: 2,
          tables: 1,
          signal,
        });
        const session = await openDatabase(here.deps.worker, database, { ...access, psql: tools.psql });
        const compared = await compareWithManifest(session, set.manifest);
        await session.close();
        expect(compared.tables).toBe(Object.keys(set.manifest.database?.tables ?? {}).length);
      } finally {
        await withClient(here.superuserUrl, (client) => client.query(`DROP DATABASE IF EXISTS ${scratch}`));
        await rm(work, { recursive: true, force: true });
      }
    },
  );

  it('names what the dump has only as a definition, and in plain format the privileges that it leaves out', async () => {
    const here = taking({ format: 'plain' });
    await here.perform('preflight', preflight);
    const { outputs } = await here.perform('dump-database', dumpDatabase);
    expect(outputs['gaps']).toEqual([
      {
        kind: 'foreign-tables',
        count: 1,
        what: 'The rows of 1 foreign table are not in the set: public.far_away',
        why: 'they lie on another server; the dump has the definition alone',
      },
      {
        kind: 'materialized-views',
        count: 1,
        what: 'The rows of 1 materialised view are not in the set, and not counted: public.busy_services',
        why: 'pg_dump takes the definition, and a restore computes the rows anew',
      },
      {
        kind: 'database-privileges',
        count: 3,
        what: 'Privileges of other roles on 3 tables, views and sequences are not in the set',
        why: 'a dump in plain format is taken without owners and privileges, so that any server can take it; use another format to keep them',
      },
    ]);
  });

  it('keeps no plain dump that was cut at the end of a line, although pg_dump reported success', async () => {
    fakes.write('pg_dump', `${programPath('pg_dump') ?? ''} "$@" | head -n 400`);
    const here = taking({ format: 'plain' });
    await here.perform('preflight', preflight);
    const real = here.deps.runner;
    const runner: RunCommand = {
      ...real,
      start: (command) =>
        real.start(
          command.program.endsWith('/pg_dump') ? { ...command, program: join(fakes.alone, 'pg_dump') } : command,
        ),
    };
    Object.assign(here.deps, { runner });
    const fault = await faultFrom(here.perform('dump-database', dumpDatabase));
    expect(fault.facts()).toEqual({
      code: 'archive.cut',
      message: 'The dump ends in the middle, although pg_dump reported success.',
      hint: 'The dump is not kept. Try again; if it happens again, use another format (database.format).',
    });
    expect(await here.deps.destinations[0]?.stagedArtifacts(refOf(here.run()))).toEqual([]);
  });

  it('takes the roles of the server along on request, without a password, and without being superuser', async () => {
    const here = taking({ globals: true, format: 'custom' });
    const { outputs: checked } = await here.perform('preflight', preflight);
    expect(checked['checks']).toContainEqual({
      name: 'Roles of the server',
      detail: expect.stringMatching(/^pg_dumpall 15\./),
    });
    await here.perform('dump-database', dumpDatabase);
    await here.perform('publish-set', publishSet);
    const place = here.deps.destinations[0]?.placeOf(refOf(here.run())) ?? '';
    const { stdout: sql } = await execa('cat', [join(place, 'globals.sql')]);
    expect(sql).toContain('CREATE ROLE kong_chatops_owner;');
    expect(sql).not.toMatch(/PASSWORD|SCRAM/);
    const { stdout: manifest } = await execa('cat', [join(place, 'manifest.json')]);
    const parsed = parseManifest(manifest);
    expect(isRefusal(parsed) ? parsed.message : parsed.artifacts.map(({ kind }) => kind)).toEqual([
      'database',
      'globals',
    ]);
  });

  it('makes a gap with the reason of roles that it may not read', async () => {
    await withClient(world.superuserUrl, (client) =>
      client.query('REVOKE SELECT ON pg_catalog.pg_auth_members FROM PUBLIC'),
    );
    const here = taking({ globals: true, format: 'custom' });
    await here.perform('preflight', preflight);
    const dumping = here.perform('dump-database', dumpDatabase);
    await dumping.catch(() => undefined);
    await withClient(world.superuserUrl, (client) =>
      client.query('GRANT SELECT ON pg_catalog.pg_auth_members TO PUBLIC'),
    );
    const { outputs } = await dumping;
    expect(outputs['gaps']).toContainEqual({
      kind: 'globals',
      count: null,
      what: 'Roles and tablespaces of the database server are not in the set',
      why: expect.stringMatching(/^pg_dumpall could not read them: .*permission denied for table pg_auth_members/),
    });
  });
});
