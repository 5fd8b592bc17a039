import { createHash, createPrivateKey, createPublicKey, sign, verify } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import { Fault } from '../../runs/fault.ts';

const HINT =
  'Make one with `openssl genpkey -algorithm ed25519 -out signing.pem`, name it in the configuration under ' +
  'signing.private_key, and keep it off the database.';

/**
 * The detached signature of a text, as one line of base64. Without this program:
 * `base64 -d manifest.json.sig > sig && openssl pkeyutl -verify -pubin -inkey public.pem -rawin -in manifest.json -sigfile sig`
 */
export function signText(text: string, privateKeyPem: string): string {
  return `${sign(null, Buffer.from(text, 'utf8'), privateKey(privateKeyPem)).toString('base64')}\n`;
}

/**
 * True when the signature is of exactly this text and by this key, and written as {@link signText} writes it: base64 has
 * bits that mean nothing, and a file in which anything was changed must not pass. `publicKeyPem` may also be the private
 * key's PEM.
 */
export function isSignedBy(text: string, signature: string, publicKeyPem: string): boolean {
  if (`${Buffer.from(signature, 'base64').toString('base64')}\n` !== signature) return false;
  return verify(null, Buffer.from(text, 'utf8'), publicKey(publicKeyPem), Buffer.from(signature, 'base64'));
}

/** SHA-256 of the public key in DER: names a key without showing it. Takes the PEM of either half. */
export function keyFingerprint(pem: string): string {
  const der = publicKey(pem).export({ type: 'spki', format: 'der' });
  return createHash('sha256').update(der).digest('hex');
}

function privateKey(pem: string): KeyObject {
  return ed25519(() => createPrivateKey(pem));
}

function publicKey(pem: string): KeyObject {
  return ed25519(() => createPublicKey(pem));
}

/** Node's own errors may quote the input, which is a key: they go no further. */
function ed25519(read: () => KeyObject): KeyObject {
  let key: KeyObject;
  try {
    key = read();
  } catch {
    throw new Fault('signing-key-unreadable', 'The signing key is not a key in PEM.', HINT);
  }
  if (key.asymmetricKeyType === 'ed25519') return key;
  throw new Fault('signing-key-wrong', `The signing key is ${key.asymmetricKeyType ?? 'a secret'}, not Ed25519.`, HINT);
}
