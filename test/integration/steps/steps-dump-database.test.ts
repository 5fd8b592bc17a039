import { mkdir, mkdtemp, readFile, readdir, rm, stat, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { zstdDecompressSync } from 'node:zlib';
import { execa } from 'execa';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { LocalDestination } from '../../../src/backup/storage/local.ts';
import { localRunner } from '../../../src/run-command/local.ts';
import type { RunCommand } from '../../../src/run-command/command.ts';
import { refOf } from '../../../src/steps/deps.ts';
import { discardSet } from '../../../src/steps/backup/discard-set.ts';
import { dumpDatabase } from '../../../src/steps/backup/dump-database.ts';
import { preflight } from '../../../src/steps/preflight/preflight.ts';
import { publishSet } from '../../../src/steps/backup/publish-set.ts';
import { verifySet } from '../../../src/steps/backup/verify-set.ts';
import { need, programPath } from '../../support/need.ts';
import { withClient } from '../../support/store/postgres.ts';
import { faultFrom, makeWorld } from './steps-world.ts';
import type { World } from './steps-world.ts';

const ready = [need('fixtures'), need('psql'), need('pg_dump'), need('pg_restore')].every(Boolean);

/** Does something to the dump's folder right after the real pg_dump succeeded. */
function afterDump(spoil: (folder: string) => Promise<void>): RunCommand {
  const real = localRunner();
  return {
    ...real,
    run: async (command) => {
      const finished = await real.run(command);
      const folder = command.args.find((arg) => arg.startsWith('--file='))?.slice('--file='.length);
      if (command.program.endsWith('pg_dump') && folder !== undefined && folder !== '/dev/null') await spoil(folder);
      return finished;
    },
  };
}

async function largest(folder: string): Promise<string> {
  const files = (await readdir(folder)).filter((name) => /^\d+\.dat$/.test(name)).map((name) => join(folder, name));
  const sizes = await Promise.all(files.map(async (file) => ({ file, size: (await stat(file)).size })));
  return sizes.sort((a, b) => b.size - a.size)[0]?.file ?? '';
}

/** Plain tar, which asks zstd; where there is no zstd, Node plays it. */
async function unpack(archive: string, folder: string): Promise<void> {
  if (programPath('zstd') !== null) await execa('tar', ['-xf', archive, '-C', folder]);
  else await execa('tar', ['-xf', '-', '-C', folder], { input: zstdDecompressSync(await readFile(archive)) });
}

/** `SELECT count(*)` of every table. */
async function rowsOf(url: string): Promise<Record<string, number>> {
  return withClient(url, async (client) => {
    const tables = await client.query<{ name: string }>(
      `SELECT format('%I.%I', schemaname, tablename) AS name FROM pg_tables WHERE schemaname = 'public' ORDER BY 1`,
    );
    const counts: Record<string, number> = {};
    for (const { name } of tables.rows) {
      const { rows } = await client.query<{ n: string }>(`SELECT count(*) AS n FROM ${name}`);
      counts[name] = Number(rows[0]?.n);
    }
    return counts;
  });
}

describe.skipIf(!ready)('dumping the database', () => {
  let world: World;
  beforeAll(async () => {
    world = await makeWorld({ kinds: ['database'] });
  });
  afterAll(async () => {
    await world.end();
  });
  const checked = async (options: Parameters<World['with']>[0] = {}): Promise<World> => {
    const here = world.with(options);
    await here.perform('preflight', preflight);
    return here;
  };
  const sessions = async (): Promise<string[]> =>
    withClient(world.superuserUrl, async (client) => {
      const { rows } = await client.query<{ name: string }>(
        `SELECT application_name AS name FROM pg_stat_activity WHERE application_name LIKE 'kong-chatops%' AND datname = current_database()`,
      );
      return rows.map(({ name }) => name);
    });

  it('stages one artifact with the rows of every table and the migrations of the same snapshot', async () => {
    const here = await checked();
    const { outputs, progress } = await here.perform('dump-database', dumpDatabase);
    const [destination] = here.deps.destinations;
    const [staged] = (await destination?.stagedArtifacts(refOf(here.run()))) ?? [];
    expect(outputs).toMatchObject({
      artifacts: [
        {
          kind: 'database',
          name: 'database.tar.zst',
          bytes: staged?.bytes,
          tool: 'pg_dump',
          facts: { tables: 35, format: 'directory, tar, zstd' },
        },
      ],
      gaps: [],
    });
    expect(staged?.facts).toMatchObject({ database: { tables: await rowsOf(here.superuserUrl) } });
    const { database } = (staged?.facts ?? {}) as { database?: { schemaMeta: unknown[] } };
    expect(database?.schemaMeta).toHaveLength(18);
    expect(new Set(progress.map(({ note }) => note))).toEqual(
      new Set(['dumping', 'reading the dump', 'packing and storing']),
    );
    expect(await sessions()).toEqual([]);
  });

  it('is not done again when it is already staged, and done again when its facts are missing', async () => {
    const here = await checked();
    const { outputs } = await here.perform('dump-database', dumpDatabase);
    const context = await here.context('dump-database', { attempt: 2 });
    expect(await dumpDatabase(here.deps).check(context)).toEqual(outputs);
    const [destination] = here.deps.destinations;
    await rm(join(destination?.placeOf(refOf(here.run())) ?? '', '..', `.incoming-${refOf(here.run()).set}`, 'facts'), {
      recursive: true,
    });
    expect(await dumpDatabase(here.deps).check(context)).toBeNull();
  });

  it('publishes a dump that plain tar and pg_restore bring back with every row', async () => {
    const here = await checked();
    await here.perform('dump-database', dumpDatabase);
    await here.perform('publish-set', publishSet);
    const verified = await here.perform('verify-set', verifySet);
    expect(verified.outputs).toMatchObject({ set: refOf(here.run()).set, verifiedAt: '2026-11-21T02:05:00.000Z' });
    const set = here.deps.destinations[0]?.placeOf(refOf(here.run())) ?? '';

    const folder = await mkdtemp(join(here.home, 'restore-'));
    await unpack(join(set, 'database.tar.zst'), folder);
    const target = new URL(here.superuserUrl);
    const name = `restored_${process.pid}`;
    await withClient(here.superuserUrl, (client) => client.query(`CREATE DATABASE ${name} TEMPLATE template0`));
    target.pathname = `/${name}`;
    try {
      const { hostname, port, username, password } = target;
      await execa(
        programPath('pg_restore') ?? '',
        ['--exit-on-error', '--no-owner', '--no-privileges', '-j', '2', '-d', name, join(folder, 'database')],
        {
          env: { PGHOST: hostname, PGPORT: port, PGUSER: username, PGPASSWORD: password },
        },
      );
      expect(await rowsOf(target.href)).toEqual(await rowsOf(here.superuserUrl));
    } finally {
      await withClient(here.superuserUrl, (client) => client.query(`DROP DATABASE ${name}`));
    }
  });

  it('dumps what the snapshot saw, whatever is written meanwhile', async () => {
    const meddling = localRunner();
    const here = await checked({
      runner: {
        ...meddling,
        run: async (command) => {
          if (command.args.some((arg) => arg.startsWith('--snapshot='))) {
            await withClient(world.superuserUrl, (client) =>
              client.query(
                `INSERT INTO parameters (key, value, created_at) SELECT 'meddling-' || n, 'x', now() FROM generate_series(1, 50) n`,
              ),
            );
          }
          return meddling.run(command);
        },
      },
    });
    const before = await rowsOf(here.superuserUrl);
    const { outputs } = await here.perform('dump-database', dumpDatabase);
    const total = Object.values(before).reduce((sum, rows) => sum + rows, 0);
    expect(outputs).toMatchObject({ artifacts: [{ facts: { rows: total } }] });
    expect((await rowsOf(here.superuserUrl))['public.parameters']).toBe((before['public.parameters'] ?? 0) + 50);
  });

  it.each([
    [
      'lost rows at the end of a line',
      async (folder: string) => {
        const file = await largest(folder);
        const text = await execa('cat', [file]);
        const lines = text.stdout.split('\n');
        lines.splice(1, 1);
        await writeFile(file, `${lines.join('\n')}\n`);
      },
      'archive.rows-differ',
      /^The dump holds [\d,]+ rows in 35 tables, but the database had [\d,]+ rows in 35 tables in the same snapshot\.$/,
    ],
    [
      'was cut',
      async (folder: string) => truncate(await largest(folder), 100),
      'archive.cut',
      /^The dump's data file \d+\.dat ends in the middle: pg_dump or the disk of the worker lost the rest\.$/,
    ],
    [
      'lost its table of contents',
      (folder: string) => truncate(join(folder, 'toc.dat'), 50),
      'archive.corrupt',
      /^The dump .* cannot be read to its end: /,
    ],
  ])('keeps nothing of a dump that %s although pg_dump reported success', async (_, spoil, code, message) => {
    const here = await checked({ runner: afterDump(spoil) });
    const fault = await faultFrom(here.perform('dump-database', dumpDatabase));
    expect(fault.code).toBe(code);
    expect(fault.message).toMatch(message);
    expect(await here.deps.destinations[0]?.stagedArtifacts(refOf(here.run()))).toEqual([]);
    expect(await sessions()).toEqual([]);
  });

  it('says why pg_dump was refused when a right was lost since the preflight, and leaves no session', async () => {
    const here = await checked();
    await withClient(here.superuserUrl, (client) =>
      client.query('CREATE TABLE hidden (id int); REVOKE ALL ON hidden FROM PUBLIC'),
    );
    const fault = await faultFrom(here.perform('dump-database', dumpDatabase));
    await withClient(here.superuserUrl, (client) => client.query('DROP TABLE hidden'));
    expect(fault.message).toMatch(/hidden|permission|may not read|right/i);
    expect(fault.hint).not.toBe('');
    expect(fault.retryable).toBe(false);
    expect(await sessions()).toEqual([]);
  });

  it('stops at once when the run no longer wants it, and leaves no session', async () => {
    const here = await checked();
    const stop = new AbortController();
    const began = performance.now();
    const dumping = here.perform('dump-database', dumpDatabase, {
      signal: stop.signal,
      onProgress: () => stop.abort(new Error('not wanted')),
    });
    await expect(dumping).rejects.toThrow(/not wanted|abort/);
    expect(performance.now() - began).toBeLessThan(5000);
    expect(await here.deps.destinations[0]?.stagedArtifacts(refOf(here.run()))).toEqual([]);
    await expect.poll(sessions).toEqual([]);
  });

  it('ends the sessions of a dead predecessor before it looks, and nobody else’s', async () => {
    const here = await checked();
    const dead = `kong-chatops ${here.run().id}/dump-database/1`;
    const other = `kong-chatops ${here.run().id}9/dump-database/1`;
    await withClient(here.superuserUrl, async () => {
      const open = (name: string): string => {
        const url = new URL(here.databaseUrl);
        url.searchParams.set('application_name', name);
        return url.href;
      };
      const { Client } = await import('pg');
      const clients = [dead, other].map((name) => new Client({ connectionString: open(name) }));
      for (const client of clients) {
        client.on('error', () => undefined);
        await client.connect();
      }
      expect((await sessions()).sort()).toEqual([dead, other].sort());
      await here.perform('dump-database', dumpDatabase, { attempt: 2 });
      expect(await sessions()).toEqual([other]);
      await Promise.all(clients.map((client) => client.end().catch(() => undefined)));
    });
    await expect.poll(sessions).toEqual([]);
  });

  it('is removed by the clean-up when the run ends without being published', async () => {
    const here = await checked();
    await here.perform('dump-database', dumpDatabase);
    const { outputs } = await here.perform('discard-set', discardSet);
    expect(outputs).toEqual({ set: refOf(here.run()).set, sessionsEnded: 0, keptIn: [] });
    expect(await here.stored()).toEqual(['production']);
  });

  it.skipIf(!need('root'))('says that the disk of the worker is full, and keeps nothing', async (test) => {
    const here = await checked();
    const small = join(here.home, 'small-disk');
    await mkdir(small);
    const mount = await execa('mount', ['-t', 'tmpfs', '-o', 'size=200k', 'tmpfs', small], { reject: false });
    if (mount.exitCode !== 0) test.skip('this system does not let root mount a tmpfs');
    try {
      const context = { ...(await here.context('dump-database')), workDir: small };
      const fault = await faultFrom(dumpDatabase(here.deps).apply(context));
      expect(fault.message).toMatch(/space|full/i);
      expect(await here.deps.destinations[0]?.stagedArtifacts(refOf(here.run()))).toEqual([]);
    } finally {
      await execa('umount', [small]);
    }
  });

  it('goes to several destinations in one pass, and counts only when all have it', async () => {
    const two = [1, 2].map((n) => new LocalDestination(`copy-${n}`, join(world.home, `copies-${process.pid}-${n}`)));
    const here = await checked({ destinations: two });
    await here.perform('dump-database', dumpDatabase);
    await two[1]?.discard(refOf(here.run()));
    expect(await dumpDatabase(here.deps).check(await here.context('dump-database'))).toBeNull();
    expect((await faultFrom(here.perform('publish-set', publishSet))).facts()).toEqual({
      code: 'artifact-missing',
      message: 'What was staged as database is not in every destination any more, so nothing was published.',
      hint: 'Find out who removed it from the destinations, then start a new backup.',
    });
    expect(await two[0]?.listSets('production')).toEqual([]);
  });
});
