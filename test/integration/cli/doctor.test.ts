import { generateKeyPairSync } from 'node:crypto';
import { chmodSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Finding } from '../../../src/cli/doctor/check.ts';
import { newKey } from '../backup/backup-cipher-contract.ts';
import { need } from '../../support/need.ts';
import { startRedis, type TestRedis } from '../../support/store/redis.ts';
import { openDoctorWorld, type DoctorWorld } from './doctor-world.ts';

let world: DoctorWorld;
beforeAll(async () => {
  world = await openDoctorWorld();
});
afterAll(async () => await world.end());

const hasTools = need('psql') && need('pg_dump');

describe.skipIf(!hasTools)('doctor', () => {
  it('finds a healthy installation', async () => {
    const { about, out } = await world.doctor();
    const texts = (name: string) => about(name).map(({ state, detail }) => `${state}: ${detail}`);
    expect(texts('configuration')).toEqual([expect.stringMatching(/^ok: .* is valid$/)]);
    expect(texts('Node')).toEqual([expect.stringMatching(/^ok: 2\d\./)]);
    expect(texts('psql')).toEqual([expect.stringMatching(/^ok: \d+/)]);
    expect(texts('database')).toEqual([
      expect.stringMatching(/^ok: PostgreSQL [\d.]+.*, migrated to version \d+, role kong_chatops$/),
    ]);
    expect(texts('audit trail')).toEqual(['ok: append-only by role and by triggers']);
    expect(about('Slack')[0]).toMatchObject({ state: 'ok', detail: 'bot token accepted, user kong' });
    expect(texts('Slack socket')).toEqual(['ok: app-level token accepted']);
    expect(texts('admins')).toEqual([
      'warn: nobody holds the role admin, so nobody can break glass or release a held set',
    ]);
    expect(texts('destination vault')).toEqual([expect.stringMatching(/^(ok|warn): .* can be written, .* free$/)]);
    expect(texts('encryption')).toEqual(['warn: sets are NOT ENCRYPTED']);
    expect(texts('signing key')).toEqual([expect.stringMatching(/^ok: Ed25519, key [0-9a-f]{16}$/)]);
    expect(texts('production: Admin API')).toEqual([
      'ok: Kong 3.9.1 (community), database postgres',
      'ok: every list that decK reads can be read',
    ]);
    expect(texts('production: database')).toEqual([
      expect.stringMatching(/^ok: PostgreSQL 15\./),
      expect.stringMatching(/^ok: .* may read every table$/),
    ]);
    expect(texts('production: pg_dump')).toEqual([expect.stringMatching(/^ok: 15\..* pg_restore beside it$/)]);
    expect(texts('production: files')).toEqual([expect.stringMatching(/^ok: kong\.conf \(20 bytes\) and 1 files in /)]);
    expect(texts('production: database restore')).toEqual([
      'warn: The role kong_chatops_owner may neither make nor rename databases.',
    ]);
    expect(texts('drills')).toEqual(['warn: there is no PostgreSQL on which a set could be restored to prove it']);
    expect(texts('production: proof')).toEqual(['warn: no nodes are named, so a restore proves no route']);
    expect(out).not.toMatch(/admin-token|xoxb-good|xapp-good/);
  });

  it('says that triggers alone protect the log when the bot is the owner', async () => {
    const { about } = await world.doctor({ env: { DATABASE_URL: world.store.ownerUrl } });
    expect(about('audit trail')).toEqual([
      {
        state: 'warn',
        about: 'audit trail',
        detail: 'triggers alone protect it: the role kong_chatops_owner owns the tables',
        hint: 'Give `kong-chatops migrate` the owner as DATABASE_OWNER_URL and the bot a lesser role as DATABASE_URL.',
      },
    ]);
  });

  it('names each neighbour that refuses, and goes on', async () => {
    const { code, about, out } = await world.doctor({
      admin: { url: 'http://127.0.0.1:1' },
      database: { name: 'nowhere' },
      files: { kong_conf: '/nowhere/kong.conf' },
      path: '/proc/nowhere',
      env: { SLACK_BOT_TOKEN: 'xoxb-bad', SLACK_APP_TOKEN: 'xapp-bad' },
    });
    expect(code).toBe(1);
    for (const name of ['production: Admin API', 'production: database', 'production: files', 'destination vault']) {
      expect(about(name)).toEqual([expect.objectContaining({ state: 'fail', hint: expect.stringMatching(/\S/) })]);
    }
    expect(about('Slack')[0]).toMatchObject({ detail: 'the bot token was refused (invalid_auth)' });
    expect(about('Slack socket')[0]).toMatchObject({ detail: 'the app-level token was refused (invalid_auth)' });
    expect(about('database')[0]).toMatchObject({ state: 'ok' });
    expect(out).not.toMatch(/xoxb-bad|xapp-bad/);
  });

  it('finds a token that Kong refuses', async () => {
    const { code, about } = await world.doctor({ env: { KONG_TOKEN: 'wrong-token' } });
    expect(code).toBe(1);
    expect(about('production: Admin API')[0]).toMatchObject({ state: 'fail' });
  });

  it('finds that this machine can open what it encrypts, that it cannot, and that its identity is another', async () => {
    const [ours, theirs] = await Promise.all([newKey(), newKey()]);
    const file = join(world.folder, 'identity.txt');
    const look = async (held: string): Promise<Finding | undefined> => {
      writeFileSync(file, held);
      const encryption = { recipients: [ours.recipient], identity: { file } };
      return (await world.doctor({ encryption })).about('encryption')[0];
    };
    expect((await look(ours.identity))?.detail).toMatch(
      /^1 recipient, by age(-encryption)? [\d.]+; the identity here opens what is encrypted now$/,
    );
    expect((await look(''))?.detail).toMatch(/; no identity here, so no restores and drills$/);
    expect(await look(theirs.identity)).toMatchObject({
      state: 'warn',
      detail: expect.stringMatching(/; the identity here belongs to none of them$/),
      hint: 'Sets that are made now cannot be restored from here: name its public key under encryption.recipients.',
    });
  });

  it('finds a signing key that others can read, and one of another kind', async () => {
    const key = join(world.folder, 'key.pem');
    chmodSync(key, 0o644);
    expect((await world.doctor()).about('signing key')[1]).toEqual({
      state: 'warn',
      about: 'signing key',
      detail: `${key} can be read by others`,
      hint: `chmod 600 ${key}`,
    });
    chmodSync(key, 0o600);
    writeFileSync(
      key,
      generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export({ type: 'pkcs8', format: 'pem' }),
    );
    expect((await world.doctor()).about('signing key')[0]).toMatchObject({
      state: 'fail',
      detail: 'The signing key is not an Ed25519 key in PEM.',
    });
  });

  it('says that Slack cannot be reached, without its address of tokens', async () => {
    const { about } = await world.doctor({ env: { SLACK_API_URL: 'http://127.0.0.1:1/api' } });
    expect(about('Slack')[0]).toMatchObject({ state: 'fail', detail: 'Slack does not answer at 127.0.0.1:1.' });
  });
});

describe.skipIf(!hasTools || !need('redis-server'))('doctor, with queues on Redis', () => {
  let redis: TestRedis;
  beforeAll(async () => {
    redis = await startRedis();
  });
  afterAll(async () => await redis.stop());

  it('finds Redis and its policy', async () => {
    const { about } = await world.doctor({ env: { REDIS_URL: redis.url } });
    expect(about('Redis')[0]).toMatchObject({
      state: 'ok',
      detail: expect.stringMatching(/^\d+\.\d+\.\d+, noeviction$/),
    });
  });

  it('names a Redis that does not answer', async () => {
    const { about } = await world.doctor({ env: { REDIS_URL: 'redis://:hunter2@127.0.0.1:1' } });
    expect(about('Redis')).toEqual([
      {
        state: 'fail',
        about: 'Redis',
        detail: expect.stringMatching(/^Redis at REDIS_URL does not answer( \(\w+\))?\.$/),
        hint: 'Check that it runs, and address, user and password in REDIS_URL; or unset it: queues then run on PostgreSQL.',
      },
    ]);
  });
});
