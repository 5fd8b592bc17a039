import { generateKeyPairSync } from 'node:crypto';
import type { Pool } from 'pg';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { keyIdOf, parseHead, recordHead, signHead, verifyHead } from '../../../src/audit/heads.ts';
import { createEventStore, type AuditStore } from '../../../src/audit/store.ts';
import { verifyDatabase } from '../../../src/audit/verify.ts';
import { createPool } from '../../../src/postgres/pool.ts';
import { asIntruder, rehashFrom } from '../../support/intruder.ts';
import { freshDatabase, type TestDatabase } from '../../support/store/postgres.ts';
import { appendRequest, AT, BOT } from '../../support/store/store-fixtures.ts';

const { privateKey, publicKey } = generateKeyPairSync('ed25519');
const signingKey = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
const knownKey = publicKey.export({ type: 'spki', format: 'pem' }).toString();

let database: TestDatabase;
let pool: Pool;
let store: AuditStore;
beforeAll(async () => {
  database = await freshDatabase({ migrated: true });
  pool = createPool({ url: database.botUrl, applicationName: 'kong-chatops test', max: 4, onError: () => undefined });
  store = createEventStore(pool);
  for (let version = 0; version < 10; version += 1) await store.append(appendRequest('B-1', version));
  await asIntruder(database, 'CREATE TABLE kong_chatops.kept AS TABLE kong_chatops.audit_events');
});
afterEach(async () => {
  await asIntruder(
    database,
    'TRUNCATE kong_chatops.audit_events; INSERT INTO kong_chatops.audit_events TABLE kong_chatops.kept',
  );
});
afterAll(async () => {
  await pool.end();
  await database.drop();
});

describe('a signed head', () => {
  it('is recorded in the trail, verifies with its public key, and names the key', async () => {
    const head = await recordHead(pool, signingKey, BOT, AT);
    expect(head).toMatchObject({ seq: 10, at: AT, key: keyIdOf(knownKey) });
    expect(verifyHead(head, [knownKey])).toBe(true);
    expect(verifyHead({ ...head, seq: 9 }, [knownKey])).toBe(false);
    expect(parseHead(JSON.stringify(head))).toEqual(head);
    expect(await verifyDatabase(pool, { head, publicKeys: [knownKey] })).toMatchObject({
      ok: true,
      tail: 'proven',
      signedHeads: 1,
    });
  });

  it.each([
    { seq: 3 },
    { seq: 3, hash: '0'.repeat(64), signature: 5 },
    { seq: 1e300, hash: '0'.repeat(64), signature: '' },
    { seq: 3, hash: '0'.repeat(64), signature: '', at: 7 },
  ])('that is none and carries the key of one is reported, and does not end the verification (%j)', async (data) => {
    const { at = AT, ...rest } = data as { at?: string };
    const body = JSON.stringify({ type: 'head.signed', at, data: { key: keyIdOf(knownKey), ...rest } });
    await pool.query("SELECT kong_chatops.append_events('system', NULL, ARRAY[$1], NULL, NULL)", [body]);
    const verdict = await verifyDatabase(pool, { publicKeys: [knownKey] });
    expect(verdict.ok).toBe(false);
    expect(verdict.damage).toContainEqual(expect.objectContaining({ kind: 'bad-signature', from: 11 }));
  });

  it('of nothing proves nothing with another hash than that of the beginning', async () => {
    expect(await verifyDatabase(pool, { head: { seq: 0, hash: 'f'.repeat(64) } })).toMatchObject({
      ok: false,
      damage: [{ kind: 'head-mismatch', from: 0 }],
    });
  });

  it('inside the trail gives a rewritten history away, because it cannot be signed again', async () => {
    await recordHead(pool, signingKey, BOT, AT);
    await store.append(appendRequest('B-1', 10));
    await asIntruder(database, `UPDATE kong_chatops.audit_events SET body = '{}' WHERE seq = 3; ${rehashFrom(3)}`);
    expect(await verifyDatabase(pool)).toMatchObject({
      ok: false,
      damage: [
        {
          kind: 'head-mismatch',
          from: 10,
          message: 'Row 10 has another hash than the signed head in row 11 says: the trail up to there was rewritten.',
        },
      ],
    });
  });

  it('of an unknown key is not believed', async () => {
    const stranger = generateKeyPairSync('ed25519').privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
    await recordHead(pool, stranger, BOT, AT);
    expect(await verifyDatabase(pool, { publicKeys: [knownKey] })).toMatchObject({
      ok: false,
      damage: [
        {
          kind: 'bad-signature',
          from: 11,
          message: 'The head in row 11 does not carry a valid signature of a known key.',
        },
      ],
    });
  });

  it('needs an Ed25519 key, and its refusal does not quote the key', () => {
    const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 })
      .privateKey.export({ type: 'pkcs8', format: 'pem' })
      .toString();
    for (const pem of [rsa, 'no key at all']) {
      expect(() => signHead(pem, { seq: 1, hash: 'h', at: AT })).toThrow(
        expect.objectContaining({
          code: 'audit.bad-key',
          message: 'The signing key is not an Ed25519 key in PEM.',
          hint: 'Make one with: openssl genpkey -algorithm ed25519 -out signing-key.pem, and name it under signing in the configuration.',
          cause: undefined,
        }),
      );
    }
  });

  it('can be said in short', () => {
    const hash = 'ab'.repeat(32);
    expect(parseHead(` 12:${hash}\n`)).toEqual({ seq: 12, hash });
    expect(parseHead('12:short')).toBeNull();
    expect(parseHead('{"seq":1}')).toBeNull();
    expect(parseHead(`99999999999999999999:${hash}`)).toBeNull();
    expect(parseHead(JSON.stringify({ seq: -1, hash, at: AT, key: 'k', signature: 's' }))).toBeNull();
    expect(parseHead(JSON.stringify({ seq: 1, hash: 'short', at: AT, key: 'k', signature: 's' }))).toBeNull();
  });
});
