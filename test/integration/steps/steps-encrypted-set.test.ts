import { mkdtemp, readFile, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { encryptionOf } from '../../../src/backup/encryption/encryption.ts';
import type { Encryption } from '../../../src/backup/encryption/encryption.ts';
import { parseManifest } from '../../../src/backup/set/manifest.ts';
import { localRunner } from '../../../src/run-command/local.ts';
import type { RunCommand } from '../../../src/run-command/command.ts';
import type { Gap } from '../../../src/runbooks/backup.ts';
import { Fault } from '../../../src/runs/fault.ts';
import { refOf } from '../../../src/steps/deps.ts';
import { dumpDatabase } from '../../../src/steps/backup/dump-database.ts';
import { preflight } from '../../../src/steps/preflight/preflight.ts';
import { publishSet } from '../../../src/steps/backup/publish-set.ts';
import { saveFiles } from '../../../src/steps/backup/save-files.ts';
import { verifySet } from '../../../src/steps/backup/verify-set.ts';
import { need } from '../../support/need.ts';
import { withClient } from '../../support/store/postgres.ts';
import { newKey } from '../backup/backup-cipher-contract.ts';
import { faultFrom, makeWorld } from './steps-world.ts';
import type { World } from './steps-world.ts';

const ready = [need('fixtures'), need('psql'), need('pg_dump'), need('pg_restore'), need('age'), need('zstd')].every(
  Boolean,
);
type Key = Awaited<ReturnType<typeof newKey>>;

/** As a worker has it; without the identity it takes backups and cannot open them. */
function encryption({ recipient, identity }: Key, holdsIdentity: boolean, path?: string): Encryption {
  const secret = (): string => {
    if (holdsIdentity) return `# public key: ${recipient}\n${identity}`;
    throw new Fault('secret-missing', 'not here', 'elsewhere');
  };
  const config = { encryption: { recipients: [recipient], identity: { env: 'IDENTITY' } }, secret };
  return encryptionOf(config, localRunner(path === undefined ? {} : { path }));
}

describe.skipIf(!ready)('an encrypted set', () => {
  let world: World;
  let key: Key;
  beforeAll(async () => {
    key = await newKey();
    world = await makeWorld({ kinds: ['database', 'files'] });
  });
  afterAll(async () => {
    await world.end();
  });
  const taken = async (options: Parameters<World['with']>[0] = {}): Promise<World> => {
    const here = world.with({ encryption: encryption(key, false), ...options });
    await here.perform('preflight', preflight);
    await here.perform('dump-database', dumpDatabase);
    await here.perform('save-files', saveFiles);
    await here.perform('publish-set', publishSet);
    return here;
  };
  const place = (here: World): string => here.deps.destinations[0]?.placeOf(refOf(here.run())) ?? '';
  const bytesOf = async (folder: string): Promise<Buffer> => {
    const names = (await readdir(folder, { recursive: true, withFileTypes: true })).filter((entry) => entry.isFile());
    return Buffer.concat(await Promise.all(names.map((entry) => readFile(join(entry.parentPath, entry.name)))));
  };

  it('holds everything, files with passwords and private keys too, and nothing of it can be read', async () => {
    const here = await taken();
    expect((await readdir(place(here))).sort()).toEqual([
      'database.dump.zst.age',
      'files.tar.zst.age',
      'manifest.json',
      'manifest.json.sig',
    ]);
    const manifest = parseManifest(await readFile(join(place(here), 'manifest.json'), 'utf8'));
    expect(manifest).toMatchObject({
      encryption: { method: 'age', recipients: [key.recipient] },
      artifacts: [
        {
          name: 'database.dump.zst.age',
          encoding: ['zstd', 'age'],
          plain: { bytes: expect.any(Number), sha256: expect.stringMatching(/^[0-9a-f]{64}$/) },
          facts: { tables: 35, format: 'custom, zstd, age' },
        },
        { name: 'files.tar.zst.age', encoding: ['zstd', 'age'] },
      ],
    });
    const gaps = here.run().steps['publish-set']?.outputs?.['gaps'] as readonly Gap[];
    expect(gaps.map(({ kind }) => kind)).not.toEqual(expect.arrayContaining(['encryption']));
    expect(gaps.map(({ kind }) => kind)).not.toEqual(expect.arrayContaining(['prefix-secrets']));
    const stored = await bytesOf(place(here));
    for (const word of ['verysecret', 'PRIVATE', 'CREATE TABLE', 'PGDMP']) expect(stored.includes(word)).toBe(false);
  });

  it('is verified by its stored bytes without the identity, and through the whole chain with it', async () => {
    const here = await taken();
    expect((await here.perform('verify-set', verifySet)).outputs).toMatchObject({ wholeChain: false });
    const deps = { ...here.deps, encryption: encryption(key, true) };
    expect((await here.perform('verify-set', () => verifySet(deps))).outputs).toMatchObject({ wholeChain: true });
  });

  it('is taken without any file of the dump on the worker’s disk', async () => {
    const here = world.with({ encryption: encryption(key, false) });
    await here.perform('preflight', preflight);
    const context = await here.context('dump-database');
    await dumpDatabase(here.deps).apply(context);
    const left = await bytesOf(context.workDir);
    expect(left.includes('PGDMP')).toBe(false);
    expect(left.length).toBeLessThan(1000);
  });

  it('is the same set where the machine has no age program', async () => {
    const here = await taken({ encryption: encryption(key, true, '/nowhere') });
    expect((await here.perform('verify-set', verifySet)).outputs).toMatchObject({ wholeChain: true });
  });

  it('comes back by age, zstd, tar and pg_restore alone', async () => {
    const here = await taken();
    const folder = await mkdtemp(join(here.home, 'by-hand-'));
    await writeFile(join(folder, 'identity.txt'), key.identity, { mode: 0o600 });
    const open = async (name: string): Promise<string> => {
      const to = join(folder, name);
      const from = join(place(here), `${name}.zst.age`);
      await execa('age', ['-d', '-i', join(folder, 'identity.txt'), '-o', `${to}.zst`, from]);
      await execa('zstd', ['-q', '-d', `${to}.zst`]);
      return to;
    };
    const { stdout: files } = await execa('tar', ['-xOf', await open('files.tar')]);
    expect(files).toContain('pg_password = verysecret');
    const target = new URL(here.superuserUrl);
    const name = `by_hand_${process.pid}`;
    await withClient(here.superuserUrl, (client) => client.query(`CREATE DATABASE ${name} TEMPLATE template0`));
    const { hostname, port, username, password } = target;
    try {
      const args = [
        '--exit-on-error',
        '--no-owner',
        '--no-privileges',
        '-j',
        '2',
        '-d',
        name,
        await open('database.dump'),
      ];
      await execa('pg_restore', args, {
        env: { PGHOST: hostname, PGPORT: port, PGUSER: username, PGPASSWORD: password },
      });
      target.pathname = `/${name}`;
      const count = async (url: string): Promise<unknown> =>
        withClient(url, async (client) => (await client.query('SELECT count(*) FROM services')).rows);
      expect(await count(target.href)).toEqual(await count(here.superuserUrl));
    } finally {
      await withClient(here.superuserUrl, (client) => client.query(`DROP DATABASE ${name}`));
    }
  });

  it('keeps nothing of a dump that was cut on its way, although pg_dump reported success', async () => {
    const real = localRunner();
    const cutting: RunCommand = {
      ...real,
      start: (command) => {
        const running = real.start(command);
        if (!command.args.includes('--format=custom')) return running;
        let left = 30_000;
        const stdout = running.stdout.map((chunk: Buffer) => {
          const part = chunk.subarray(0, left);
          left -= part.length;
          return part;
        });
        return { ...running, stdout };
      },
    };
    const here = world.with({ encryption: encryption(key, false), runner: cutting });
    await here.perform('preflight', preflight);
    const fault = await faultFrom(here.perform('dump-database', dumpDatabase));
    expect(fault.code).toBe('archive.corrupt');
    expect(fault.message).toMatch(/^The dump that pg_dump wrote cannot be read to its end: /);
    expect(await here.deps.destinations[0]?.stagedArtifacts(refOf(here.run()))).toEqual([]);
  });

  it('keeps nothing when pg_dump is refused, and says what pg_dump said', async () => {
    const here = world.with({ encryption: encryption(key, false) });
    await here.perform('preflight', preflight);
    await withClient(here.superuserUrl, (client) =>
      client.query('CREATE TABLE hidden (id int); REVOKE ALL ON hidden FROM PUBLIC'),
    );
    const fault = await faultFrom(here.perform('dump-database', dumpDatabase));
    await withClient(here.superuserUrl, (client) => client.query('DROP TABLE hidden'));
    expect(fault.message).toMatch(/permission|may not read/);
    expect(await here.deps.destinations[0]?.stagedArtifacts(refOf(here.run()))).toEqual([]);
  });

  it('stops at once when the run no longer wants it', async () => {
    const here = world.with({ encryption: encryption(key, false) });
    await here.perform('preflight', preflight);
    const stop = new AbortController();
    const dumping = here.perform('dump-database', dumpDatabase, {
      signal: stop.signal,
      onProgress: () => stop.abort(new Error('not wanted')),
    });
    await expect(dumping).rejects.toThrow(/not wanted|abort/);
    expect(await here.deps.destinations[0]?.stagedArtifacts(refOf(here.run()))).toEqual([]);
  });

  it('is refused by the preflight when a recipient is none', async () => {
    const wrong = `${key.recipient.slice(0, -1)}${key.recipient.endsWith('q') ? 'p' : 'q'}`;
    const here = world.with({ encryption: encryption({ ...key, recipient: wrong }, false) });
    const fault = await faultFrom(here.perform('preflight', preflight));
    expect(fault.message).toContain('Encryption: It could not be encrypted to its end: ');
  });
});
