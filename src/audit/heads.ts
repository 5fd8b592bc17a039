import { createHash, createPrivateKey, createPublicKey, sign, verify, type KeyObject } from 'node:crypto';
import type { Pool } from 'pg';
import { inStore } from '../postgres/fault.ts';
import { Fault } from '../runs/fault.ts';
import { canonicalText } from '../runs/json.ts';
import type { Actor } from '../runs/person.ts';
import { appendAll, systemCallOf } from './append.ts';
import { GENESIS_HASH } from './chain.ts';

/** The end of the trail at a moment: whoever keeps it outside can later prove that nothing before it changed. */
export interface Head {
  readonly seq: number;
  readonly hash: string;
  readonly at: string;
}
/** A head with the Ed25519 signature over its canonical JSON, base64; `key` names the key. */
export interface SignedHead extends Head {
  readonly key: string;
  readonly signature: string;
}

/** The trail's present end; seq 0 and zeros while it is empty. */
export async function currentHead(pool: Pool): Promise<Omit<Head, 'at'>> {
  const { rows } = await inStore(() =>
    pool.query<{ seq: string; hash: string }>(
      'SELECT seq, hash FROM kong_chatops.audit_events ORDER BY seq DESC LIMIT 1',
    ),
  );
  const row = rows[0];
  return row === undefined ? { seq: 0, hash: GENESIS_HASH } : { seq: Number(row.seq), hash: row.hash };
}

/**
 * Signs the present end and records it in the trail (`head.signed`). Hand the answer to witnesses outside: the final
 * message, each destination. `privateKeyPem` is PKCS#8; `at` is now as ISO time. Throws a Fault on a key that is none.
 */
export async function recordHead(pool: Pool, privateKeyPem: string, actor: Actor, at: string): Promise<SignedHead> {
  const head = signHead(privateKeyPem, { ...(await currentHead(pool)), at });
  const { seq, hash, key, signature } = head;
  await appendAll(pool, [systemCallOf({ type: 'head.signed', at, actor, data: { seq, hash, key, signature } })]);
  return head;
}

/** Signs a head. Throws a Fault when the PEM holds no Ed25519 private key. */
export function signHead(privateKeyPem: string, head: Head): SignedHead {
  const key = readKey(() => createPrivateKey(privateKeyPem));
  const signature = sign(null, signedBytes(head), key).toString('base64');
  return { ...head, key: keyId(createPublicKey(key)), signature };
}

/** Whether one of the public keys (PEM) has signed this head. A private key's PEM works as well. */
export function verifyHead(head: SignedHead, publicKeyPems: readonly string[]): boolean {
  // A head inside a trail is whatever somebody appended: what is none must be reported, not end the verification.
  if (!isSignedHead(head)) return false;
  return publicKeyPems.some((pem) => {
    const key = readKey(() => createPublicKey(pem));
    if (keyId(key) !== head.key) return false;
    return verify(null, signedBytes(head), key, Buffer.from(head.signature, 'base64'));
  });
}

/** Name of a key: first 16 hexadecimal digits of the SHA-256 of its public half (SPKI, DER). */
export function keyIdOf(pem: string): string {
  return keyId(readKey(() => createPublicKey(pem)));
}

function keyId(publicKey: KeyObject): string {
  const der = publicKey.export({ type: 'spki', format: 'der' });
  return createHash('sha256').update(der).digest('hex').slice(0, 16);
}

function signedBytes(head: Head): Buffer {
  return Buffer.from(canonicalText({ at: head.at, hash: head.hash, seq: head.seq }), 'utf8');
}

function readKey(read: () => KeyObject): KeyObject {
  let key: KeyObject | null = null;
  try {
    key = read();
  } catch {
    // The cause may quote the key's text, so it is left out on purpose.
  }
  if (key?.asymmetricKeyType === 'ed25519') return key;
  throw new Fault(
    'audit.bad-key',
    'The signing key is not an Ed25519 key in PEM.',
    'Make one with: openssl genpkey -algorithm ed25519 -out signing-key.pem, and name it under signing in the configuration.',
  );
}

/**
 * Reads what people pass as `--head`: `123:64-hex-digits`, or the JSON of a signed head. Null when it is neither.
 */
export function parseHead(text: string): Pick<Head, 'seq' | 'hash'> | SignedHead | null {
  const short = /^(\d+):([0-9a-f]{64})$/.exec(text.trim());
  if (short?.[1] !== undefined && short[2] !== undefined) {
    const seq = Number(short[1]);
    return Number.isSafeInteger(seq) ? { seq, hash: short[2] } : null;
  }
  try {
    const value: unknown = JSON.parse(text);
    return isSignedHead(value) ? value : null;
  } catch {
    return null;
  }
}

function isSignedHead(value: unknown): value is SignedHead {
  if (typeof value !== 'object' || value === null) return false;
  const head = value as Record<keyof SignedHead, unknown>;
  const texts = [head.at, head.key, head.signature].every((one) => typeof one === 'string' && one.isWellFormed());
  const hash = typeof head.hash === 'string' && /^[0-9a-f]{64}$/.test(head.hash);
  return texts && hash && Number.isSafeInteger(head.seq) && Number(head.seq) >= 0;
}
