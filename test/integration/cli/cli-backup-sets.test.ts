import { mkdtemp, readFile, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ageLibrary } from '../../../src/backup/encryption/cipher-library.ts';
import { LocalDestination } from '../../../src/backup/storage/local.ts';
import { destinationOf } from '../../../src/backup/storage/open-destination.ts';
import { ran, testTerminal } from '../../support/cli.ts';
import type { Ran } from '../../support/cli.ts';
import { need } from '../../support/need.ts';
import { ACCESS_KEY, SECRET_KEY, startS3 } from '../../support/backup/s3.ts';
import { publishSmallSet, signingKey } from '../../support/backup/small-set.ts';
import type { SmallSet } from '../../support/backup/small-set.ts';
import { newKey } from '../backup/backup-cipher-contract.ts';

const ref = { gateway: 'production', set: 'production-20261121T0740Z-B-142' };
const now = new Date('2026-11-21T09:41:00Z');

describe('reading sets on the command line, with a destination and keys alone', () => {
  const key = signingKey();
  let home: string;
  let sets: string;
  let small: SmallSet;
  let keys: readonly string[];
  beforeAll(async () => {
    home = await mkdtemp(join(tmpdir(), 'kong-chatops-test-'));
    sets = join(home, 'sets');
    const { identity, recipient } = await newKey();
    await writeFile(join(home, 'identity.txt'), `# public key: ${recipient}\n${identity}\n`, { mode: 0o600 });
    await writeFile(join(home, 'public.pem'), key.publicKey);
    const contents = { 'database.dump': Buffer.alloc(5000, 'rows'), 'files.tar': Buffer.from('kong.conf') };
    small = { ref, key, sealing: { cipher: ageLibrary(), recipients: [recipient] }, contents };
    await publishSmallSet(new LocalDestination('vault', sets), small);
    keys = ['--public-key', join(home, 'public.pem'), '--identity', join(home, 'identity.txt')];
  });
  afterAll(async () => {
    await rm(home, { recursive: true, force: true });
  });
  const run = (args: readonly string[], env: Record<string, string> = {}): Promise<Ran> =>
    ran(args, testTerminal({ env, now: () => now }));
  const at = (): string[] => ['--destination', sets];

  it('lists what is there', async () => {
    const { code, out } = await run(['backup', 'list', ...at()]);
    expect(out).toMatch(/^production-20261121T0740Z-B-142 {2}2 h old, \d+ bytes, 0 gaps$/m);
    expect(code).toBe(0);
    const other = await run(['backup', 'list', 'prodution', ...at()]);
    expect(other.out).toBe(`No sets of prodution in ${sets}, which has sets of: production. Did you mean production?`);
    const json = JSON.parse((await run(['backup', 'list', ...at(), '--json'])).out) as readonly { set: string }[];
    expect(json.map(({ set }) => set)).toEqual([ref.set]);
  });

  it('tells a folder that is not there, which may be a mount, from one without sets', async () => {
    const gone = join(sets, 'not-mounted');
    for (const command of [['list'], ['verify', ref.set, ...keys.slice(0, 2)]]) {
      const { code, err } = await run(['backup', ...command, '--destination', gone]);
      expect(err).toContain(`There is no folder ${gone} here.`);
      expect(err).toContain('If it is a mount, mount it and ask again; else look at how the folder is written.');
      expect(code).not.toBe(0);
    }
  });

  it('shows what the signed manifest says', async () => {
    const { code, out } = await run(['backup', 'show', ref.set, ...at(), ...keys.slice(0, 2)]);
    expect(out).toContain('production-20261121T0740Z-B-142: gateway production (production)');
    expect(out).toMatch(/signed by key [0-9a-f]{12}, which is yours/);
    expect(out).toMatch(/encrypted for age1/);
    expect(out).toContain('database.dump.zst.age');
    expect(code).toBe(0);
  });

  it('verifies every byte, and what is inside only with the identity', async () => {
    const blind = await run(['backup', 'verify', ref.set, ...at(), ...keys.slice(0, 2)]);
    expect(blind.out).toMatch(/^Every byte is as it was written: \d+ bytes in 2 artifacts\.$/m);
    expect(blind.out).toContain('were not opened: give --identity to prove what is inside.');
    const whole = await run(['backup', 'verify', ref.set, ...at(), ...keys]);
    expect(whole.out).toContain('Every artifact was opened and read to its end.');
    expect([blind.code, whole.code]).toEqual([0, 0]);
  });

  it('fetches artifacts as they were, readable by one user alone, and replaces nothing', async () => {
    const to = join(home, 'fetched');
    const { code, out } = await run(['backup', 'fetch', ref.set, ...at(), ...keys, '--to', to]);
    expect(out).toMatch(/files\.tar {2}9 bytes, SHA-256 [0-9a-f]{64}/);
    expect(code).toBe(0);
    expect((await readdir(to)).sort()).toEqual(['database.dump', 'files.tar']);
    expect(await readFile(join(to, 'database.dump'))).toEqual(small.contents['database.dump']);
    expect((await stat(join(to, 'files.tar'))).mode & 0o777).toBe(0o600);
    const again = await run(['backup', 'fetch', ref.set, 'files.tar', ...at(), ...keys, '--to', to]);
    expect(again.err).toContain(`Refused: ${join(to, 'files.tar')} exists already and is left as it is.`);
    expect(again.code).toBe(4);
    const unknown = await run(['backup', 'fetch', ref.set, 'passwords', ...at(), ...keys, '--to', to]);
    expect(unknown.err).toContain(`Set ${ref.set} has no artifact passwords.`);
  });

  it('refuses what proves nothing, and says what to give', async () => {
    const noKey = await run(['backup', 'verify', ref.set, ...at()]);
    expect(noKey.err).toContain('Refused: Without the public key that signed the set nothing proves who wrote it.');
    const noSet = await run(['backup', 'verify', 'latest', ...at(), ...keys]);
    expect(noSet.err).toContain('Refused: latest is no name of a set.');
    const absent = await run(['backup', 'show', 'production-20261121T0740Z-B-9', ...at(), ...keys.slice(0, 2)]);
    expect(absent.err).toContain('has no set production-20261121T0740Z-B-9.');
    const nowhere = await run(['backup', 'list', '--destination', 'vault']);
    expect(nowhere.err).toContain('There is no valid configuration file here in which vault could be a destination.');
    const address = await run(['backup', 'list', '--destination', 's3://B?endpoint=ftp://x']);
    expect(address.err).toMatch(/is no address of a bucket: .*endpoint: an http or https address/);
    expect([noKey, noSet, absent, nowhere, address].map(({ code }) => code)).toEqual([4, 4, 4, 4, 4]);
  });

  it('names the file that holds no key of whoever signed', async () => {
    const file = join(home, 'identity.txt');
    const { code, err } = await run(['backup', 'verify', ref.set, ...at(), '--public-key', file]);
    expect(err).toContain(`${file} holds no Ed25519 key in PEM.`);
    expect(err).toContain('Give the public half of the key that signed the set: openssl pkey -in signing.pem -pubout');
    expect(code).not.toBe(0);
  });

  it('says that a set was damaged, and gives nothing of it', async () => {
    const copy = join(home, 'damaged');
    await publishSmallSet(new LocalDestination('vault', copy), small);
    const file = join(copy, 'production', ref.set, 'database.dump.zst.age');
    const bytes = await readFile(file);
    const last = bytes.length - 1;
    bytes[last] = (bytes[last] ?? 0) ^ 1;
    await writeFile(file, bytes);
    const verified = await run(['backup', 'verify', ref.set, '--destination', copy, ...keys]);
    expect(verified.err).toContain('database.dump.zst.age has another SHA-256 than when it was written');
    expect(verified.code).toBe(1);
    const to = join(home, 'nothing');
    const fetched = await run(['backup', 'fetch', ref.set, '--destination', copy, ...keys, '--to', to]);
    expect(fetched.err).toMatch(/^Refused: database\.dump\.zst\.age of set .* is not as it was written: /);
    expect(fetched.code).toBe(4);
    expect(await readdir(to)).toEqual([]);
  });

  it.skipIf(!need('versitygw'))('works on a bucket with nothing but its address and its key', async () => {
    const server = await startS3();
    try {
      const bucket = await server.bucket();
      await publishSmallSet(destinationOf(server.settings(bucket, { prefix: 'a/b' }), server.secret), small);
      const where = `s3://${bucket}/a/b?endpoint=${server.url}&path-style=true`;
      const env = { AWS_ACCESS_KEY_ID: ACCESS_KEY, AWS_SECRET_ACCESS_KEY: SECRET_KEY };
      const { code, out } = await run(['backup', 'verify', ref.set, '--destination', where, ...keys], env);
      expect(out).toContain('Every artifact was opened and read to its end.');
      expect(code).toBe(0);
      const listed = await run(['backup', 'list', '--destination', where], env);
      expect(listed.out).toContain(ref.set);
      const wrong = { ...env, AWS_SECRET_ACCESS_KEY: 'wrong' };
      const refused = await run(['backup', 'list', '--destination', where], wrong);
      expect(refused.err).toMatch(/^Failed: Destination s3:\/\/.* failed because the server refused the key/);
    } finally {
      await server.stop();
    }
  });
});
