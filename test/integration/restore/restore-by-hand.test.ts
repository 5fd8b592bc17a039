import { createPublicKey } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, readdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { execa } from 'execa';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { encryptionOf } from '../../../src/backup/encryption/encryption.ts';
import { localRunner } from '../../../src/run-command/local.ts';
import { refOf } from '../../../src/steps/deps.ts';
import { dumpDatabase } from '../../../src/steps/backup/dump-database.ts';
import { dumpDeclarative } from '../../../src/steps/backup/dump-declarative.ts';
import { preflight } from '../../../src/steps/preflight/preflight.ts';
import { publishSet } from '../../../src/steps/backup/publish-set.ts';
import { saveFiles } from '../../../src/steps/backup/save-files.ts';
import { need, programPath } from '../../support/need.ts';
import { withClient } from '../../support/store/postgres.ts';
import { newKey } from '../backup/backup-cipher-contract.ts';
import { makeWorld } from '../steps/steps-world.ts';
import type { World } from '../steps/steps-world.ts';

const TOOLS = ['fixtures', 'psql', 'pg_dump', 'pg_restore', 'age', 'zstd', 'deck'] as const;
const DOCS = new URL('../../../docs/restore-by-hand.md', import.meta.url);

/** The blocks of the page that are meant to be run, in order, by the heading above them. */
function blocks(): { readonly heading: string; readonly script: string }[] {
  const found: { heading: string; script: string }[] = [];
  let heading = '';
  for (const [, title, script] of readFileSync(DOCS, 'utf8').matchAll(/^## (.*)$|^```sh\n([\s\S]*?)^```$/gm)) {
    if (title !== undefined) heading = title;
    else found.push({ heading, script: script ?? '' });
  }
  return found;
}

describe.skipIf(!TOOLS.map(need).every(Boolean))('docs/restore-by-hand.md', () => {
  let world: World;
  beforeAll(async () => {
    world = await makeWorld({ kinds: ['database', 'declarative', 'files'] });
  });
  afterAll(async () => {
    await world.end();
  });

  it.each([true, false])('restores every artifact with plain tools alone (encrypted: %s)', async (encrypted) => {
    const key = await newKey();
    const config = { encryption: { recipients: [key.recipient] }, secret: () => '' };
    const here = world.with(encrypted ? { encryption: encryptionOf(config, localRunner()) } : {});
    await here.perform('preflight', preflight);
    await here.perform('dump-database', dumpDatabase);
    await here.perform('dump-declarative', dumpDeclarative);
    await here.perform('save-files', saveFiles);
    await here.perform('publish-set', publishSet);

    const home = await mkdtemp(join(here.home, 'by-hand-'));
    const work = join(home, 'work');
    await mkdir(work, { mode: 0o700 });
    await writeFile(join(home, 'identity.txt'), `${key.identity}\n`, { mode: 0o600 });
    const publicKey = createPublicKey(here.deps.signingKey()).export({ type: 'spki', format: 'pem' });
    await writeFile(join(home, 'public.pem'), publicKey);
    const { hostname, port, username, password } = new URL(here.superuserUrl);
    const scratch = `by_hand_${encrypted ? 'sealed' : 'open'}_${process.pid}`;
    const env = {
      SET: here.deps.destinations[0]?.placeOf(refOf(here.run())) ?? '',
      PUBLIC_KEY: join(home, 'public.pem'),
      IDENTITY: join(home, 'identity.txt'),
      WORK: work,
      SCRATCH: scratch,
      KONG_ADMIN: here.kong.url,
      PGHOST: hostname,
      PGPORT: port,
      PGUSER: username,
      PGPASSWORD: password,
      HOME: home,
      PATH: `${dirname(programPath('pg_restore') ?? '')}:${process.env['PATH'] ?? ''}`,
    };
    const said: Record<string, string> = {};
    try {
      for (const { heading, script } of blocks()) {
        const ran = await execa('bash', ['-euo', 'pipefail', '-c', script], { env, extendEnv: false, all: true });
        said[heading] = `${said[heading] ?? ''}${ran.all}\n`;
      }
      expect(Object.keys(said)).toEqual([
        '2. Is it what was written?',
        '3. Open it',
        '4. The database',
        '5. The declarative files',
        '6. kong.conf and the prefix',
      ]);
      expect(said['2. Is it what was written?']).toMatch(/Signature Verified Successfully/);
      expect(said['2. Is it what was written?']?.match(/: OK$/gm)).toHaveLength(3);
      expect(said['5. The declarative files']).toMatch(/Created: 0\s+Updated: 0\s+Deleted: 0/);
      const saved = await readdir(join(work, 'files'), { recursive: true });
      expect(saved.some((name) => name.endsWith('kong.conf'))).toBe(true);
      expect(saved.some((name) => name.endsWith('.kong_env'))).toBe(encrypted);
      const manifest = JSON.parse(await readFile(join(env.SET, 'manifest.json'), 'utf8')) as {
        readonly database: { readonly tables: Record<string, number> };
      };
      const target = new URL(here.superuserUrl);
      target.pathname = `/${scratch}`;
      const counted = await withClient(target.href, async (client) => {
        const counts: Record<string, number> = {};
        for (const table of Object.keys(manifest.database.tables)) {
          const { rows } = await client.query<{ n: string }>(`SELECT count(*) AS n FROM ${table}`);
          counts[table] = Number(rows[0]?.n);
        }
        return counts;
      });
      expect(counted).toEqual(manifest.database.tables);
    } finally {
      await withClient(here.superuserUrl, (client) => client.query(`DROP DATABASE IF EXISTS ${scratch}`));
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
