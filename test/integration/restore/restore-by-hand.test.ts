import { createPublicKey } from 'node:crypto';
import { mkdir, mkdtemp, readFile, readdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { execa } from 'execa';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { encryptionOf } from '../../../src/backup/encryption/encryption.ts';
import { LocalDestination } from '../../../src/backup/storage/local.ts';
import { startStandInKong } from '../../../src/sandbox/kong/stand-in.ts';
import { localRunner } from '../../../src/run-command/local.ts';
import { refOf } from '../../../src/steps/deps.ts';
import { dumpDatabase } from '../../../src/steps/backup/dump-database.ts';
import { dumpDeclarative } from '../../../src/steps/backup/dump-declarative.ts';
import { preflight } from '../../../src/steps/preflight/preflight.ts';
import { publishSet } from '../../../src/steps/backup/publish-set.ts';
import { saveFiles } from '../../../src/steps/backup/save-files.ts';
import { blocks } from '../../support/backup/by-hand.ts';
import { need, programPath } from '../../support/need.ts';
import { withClient } from '../../support/store/postgres.ts';
import { newKey } from '../backup/backup-cipher-contract.ts';
import { makeWorld } from '../steps/steps-world.ts';
import type { World } from '../steps/steps-world.ts';

const TOOLS = ['fixtures', 'psql', 'pg_dump', 'pg_restore', 'age', 'zstd', 'deck'] as const;

describe.skipIf(!TOOLS.map(need).every(Boolean))('docs/restore-by-hand.md', () => {
  let world: World;
  beforeAll(async () => {
    world = await makeWorld({ kinds: ['database', 'declarative', 'files'] });
  });
  afterAll(async () => {
    await world.end();
  });

  /** What the page's commands are told, and nothing else of this machine. */
  async function surroundings(here: World, identity: string) {
    const home = await mkdtemp(join(here.home, 'by-hand-'));
    const work = join(home, 'work');
    await mkdir(work, { mode: 0o700 });
    await writeFile(join(home, 'identity.txt'), `${identity}\n`, { mode: 0o600 });
    const publicKey = createPublicKey(here.deps.signingKey()).export({ type: 'spki', format: 'pem' });
    await writeFile(join(home, 'public.pem'), publicKey);
    const { hostname, port, username, password } = new URL(here.superuserUrl);
    const name = `by_hand_${here.run().id.toLowerCase().replace('-', '_')}_${process.pid}`;
    await withClient(here.superuserUrl, async (client) => {
      await client.query(`CREATE ROLE ${name}_owner`);
      await client.query(`CREATE DATABASE ${name}_live OWNER ${name}_owner`);
    });
    return {
      SET: here.deps.destinations[0]?.placeOf(refOf(here.run())) ?? '',
      PUBLIC_KEY: join(home, 'public.pem'),
      IDENTITY: join(home, 'identity.txt'),
      WORK: work,
      SCRATCH: name,
      OWNER: `${name}_owner`,
      LIVE: `${name}_live`,
      KEPT: `${name}_kept`,
      KONG_ADMIN: here.deps.gateway.admin_api.url,
      PGHOST: hostname,
      PGPORT: port,
      PGUSER: username,
      PGPASSWORD: password,
      HOME: home,
      PATH: `${dirname(programPath('pg_restore') ?? '')}:${process.env['PATH'] ?? ''}`,
    };
  }

  async function tidyUp(here: World, { SCRATCH, LIVE, KEPT, OWNER }: Awaited<ReturnType<typeof surroundings>>) {
    await withClient(here.superuserUrl, async (client) => {
      for (const database of [SCRATCH, LIVE, KEPT]) await client.query(`DROP DATABASE IF EXISTS ${database}`);
      await client.query(`DROP ROLE ${OWNER}`);
    });
  }

  /** Runs the page; answers what its commands said, by the heading above them. */
  async function carryOut(
    env: Readonly<Record<string, string>>,
    wanted: (heading: string) => boolean = () => true,
  ): Promise<Record<string, string>> {
    const said: Record<string, string> = {};
    for (const { heading, script } of blocks().filter((block) => wanted(block.heading))) {
      const ran = await execa('bash', ['-euo', 'pipefail', '-c', script], { env, extendEnv: false, all: true });
      said[heading] = `${said[heading] ?? ''}${ran.all}\n`;
    }
    return said;
  }

  it.each([true, false])('restores every artifact with plain tools alone (encrypted: %s)', async (encrypted) => {
    const key = await newKey();
    const config = { encryption: { recipients: [key.recipient] }, secret: () => '' };
    const here = world.with(encrypted ? { encryption: encryptionOf(config, localRunner()) } : {});
    await here.perform('preflight', preflight);
    await here.perform('dump-database', dumpDatabase);
    await here.perform('dump-declarative', dumpDeclarative);
    await here.perform('save-files', saveFiles);
    await here.perform('publish-set', publishSet);

    const env = await surroundings(here, key.identity);
    const said: Record<string, string> = {};
    try {
      Object.assign(said, await carryOut(env));
      expect(Object.keys(said)).toEqual([
        '2. Is it what was written?',
        '3. Open it',
        '4. The database',
        '5. The declarative files',
        '6. What decK does not carry',
        '7. kong.conf and the prefix',
        '8. The keyring',
      ]);
      expect(said['2. Is it what was written?']).toMatch(/Signature Verified Successfully/);
      expect(said['2. Is it what was written?']?.match(/: OK$/gm)).toHaveLength(3);
      expect(said['5. The declarative files']).toMatch(/Created: 0\s+Updated: 0\s+Deleted: 0/);
      const saved = await readdir(join(env.WORK, 'files'), { recursive: true });
      expect(saved.some((name) => name.endsWith('kong.conf'))).toBe(true);
      expect(saved.some((name) => name.endsWith('.kong_env'))).toBe(encrypted);
      const manifest = JSON.parse(await readFile(join(env.SET, 'manifest.json'), 'utf8')) as {
        readonly database: { readonly tables: Record<string, number> };
      };
      const target = new URL(here.superuserUrl);
      target.pathname = `/${env.LIVE}`;
      const counted = await withClient(target.href, async (client) => {
        const counts: Record<string, number> = {};
        for (const table of Object.keys(manifest.database.tables)) {
          const { rows } = await client.query<{ n: string }>(`SELECT count(*) AS n FROM ${table}`);
          counts[table] = Number(rows[0]?.n);
        }
        const { rows: owners } = await client.query<{ owner: string }>(
          `SELECT DISTINCT tableowner AS owner FROM pg_tables WHERE schemaname = 'public'`,
        );
        expect(owners).toEqual([{ owner: env.OWNER }]);
        return counts;
      });
      expect(counted).toEqual(manifest.database.tables);
    } finally {
      await tidyUp(here, env);
    }
  });

  it('restores what Enterprise keeps beside its proxy, a plain dump, and the keyring from where it lies apart', async () => {
    const role = { id: '2d3a9b1e-6f0a-4a55-9a8e-0f3f4b1c7d11', name: 'reader' };
    const kong = await startStandInKong({
      databaseUrl: world.databaseUrl,
      edition: 'enterprise',
      enterprise: {
        lists: { 'default/rbac/roles': [role], groups: [{ id: 'g-1', name: 'engineering' }] },
        keyring: { exported: 'sealed-keys' },
      },
    });
    const key = await newKey();
    const config = { encryption: { recipients: [key.recipient] }, secret: () => '' };
    const database = world.deps.gateway.database;
    if (database === undefined) throw new Error('the world has a database');
    const here = world.with({
      kinds: ['database', 'declarative'],
      encryption: encryptionOf(config, localRunner()),
      gateway: {
        admin_api: { url: kong.url, timeout_seconds: 5 },
        database: { ...database, format: 'plain', globals: true },
        keyring: { destination: 'strongroom' },
      },
    });
    const strongroom = new LocalDestination('strongroom', join(here.home, 'strongroom'));
    Object.assign(here.deps, { keyringDestination: strongroom });
    await here.perform('preflight', preflight);
    await here.perform('dump-database', dumpDatabase);
    await here.perform('dump-declarative', dumpDeclarative);
    await here.perform('publish-set', publishSet);
    const env = await surroundings(here, key.identity);
    try {
      const said = await carryOut(env, (heading) => !heading.startsWith('7.'));
      expect(said['2. Is it what was written?']?.match(/: OK$/gm)).toHaveLength(5);
      expect(said['4. The database']).toContain('CREATE ROLE kong_chatops_owner;');
      expect(said['5. The declarative files']?.match(/Created: 0\s+Updated: 0\s+Deleted: 0/g)).toHaveLength(2);
      expect(said['6. What decK does not carry']).toMatch(
        /"end":true[\s\S]*1 \{"type":"groups"[\s\S]*"name":"engineering"/,
      );

      const apart = { ...env, SET: strongroom.placeOf(refOf(here.run())) };
      const before = kong.requests.length;
      await carryOut(apart, (heading) => /^[238]\./.test(heading));
      expect(kong.requests.slice(before)).toEqual([{ method: 'POST', path: '/keyring/import', status: 201 }]);
    } finally {
      await kong.stop();
      await tidyUp(here, env);
    }
  });

  it('restores nothing anywhere when the new database has no name or is there already', async () => {
    const here = world.with({ kinds: ['database'] });
    const env = await surroundings(here, '');
    const into = blocks().find(({ script }) => script.includes('createdb'))?.script ?? '';
    try {
      for (const SCRATCH of ['', env.LIVE]) {
        const ran = await execa('bash', ['-c', into], { env: { ...env, SCRATCH }, extendEnv: false, reject: false });
        expect(ran.stderr).toMatch(/a new name|already exists/);
        expect(ran.stderr).not.toContain('pg_restore');
      }
    } finally {
      await tidyUp(here, env);
    }
  });

  it('notices at its second step that a byte was changed', async () => {
    const here = world.with({ kinds: ['files'] });
    await here.perform('preflight', preflight);
    await here.perform('save-files', saveFiles);
    await here.perform('publish-set', publishSet);
    const set = here.deps.destinations[0]?.placeOf(refOf(here.run())) ?? '';
    const bytes = await readFile(join(set, 'files.tar'));
    bytes[700] = (bytes[700] ?? 0) ^ 1;
    await writeFile(join(set, 'files.tar'), bytes);
    const work = await mkdtemp(join(here.home, 'by-hand-'));
    const check = blocks().find(({ script }) => script.includes('sha256sum'))?.script ?? '';
    const env = { SET: set, WORK: work, PATH: process.env['PATH'] ?? '' };
    const ran = await execa('bash', ['-euo', 'pipefail', '-c', check], { env, extendEnv: false, reject: false });
    expect(ran.exitCode).toBe(1);
    expect(ran.stdout).toContain('files.tar: FAILED');
  });
});
