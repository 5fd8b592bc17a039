import { generateKeyPairSync } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execaSync } from 'execa';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isSignedBy, keyFingerprint, signText } from '../../../src/backup/set/signature.ts';
import { Fault } from '../../../src/runs/fault.ts';

const pair = (): { readonly secret: string; readonly open: string } => {
  const keys = generateKeyPairSync('ed25519');
  return {
    secret: keys.privateKey.export({ type: 'pkcs8', format: 'pem' }) as string,
    open: keys.publicKey.export({ type: 'spki', format: 'pem' }) as string,
  };
};
const { secret, open } = pair();

const faultOf = (work: () => unknown): Fault => {
  try {
    work();
  } catch (error) {
    if (error instanceof Fault) return error;
    throw error;
  }
  throw new Error('it was allowed');
};

describe('a signature of a manifest', () => {
  it('holds for exactly this text and this key', () => {
    const other = pair();
    fc.assert(
      fc.property(fc.string(), fc.string(), (text, changed) => {
        const signature = signText(text, secret);
        expect(isSignedBy(text, signature, open)).toBe(true);
        expect(isSignedBy(text, signature, secret)).toBe(true);
        expect(isSignedBy(changed, signature, open)).toBe(text === changed);
        expect(isSignedBy(text, signature, other.open)).toBe(false);
      }),
    );
  });

  it('is false, not an error, for what is no signature', () => {
    for (const nonsense of ['', 'x', '====', 'A'.repeat(500)]) expect(isSignedBy('text', nonsense, open)).toBe(false);
  });

  it('is checked without this program by openssl', () => {
    const folder = mkdtempSync(join(tmpdir(), 'kong-chatops-sig-'));
    writeFileSync(join(folder, 'manifest.json'), '{"a":1}');
    writeFileSync(join(folder, 'public.pem'), open);
    writeFileSync(join(folder, 'sig'), Buffer.from(signText('{"a":1}', secret), 'base64'));
    const args = [
      'pkeyutl',
      '-verify',
      '-pubin',
      '-inkey',
      'public.pem',
      '-rawin',
      '-in',
      'manifest.json',
      '-sigfile',
      'sig',
    ];
    const checked = execaSync('openssl', args, { cwd: folder, reject: false });
    rmSync(folder, { recursive: true });
    expect(checked.stdout).toContain('Signature Verified Successfully');
  });

  it('names the key by the same fingerprint from either half', () => {
    expect(keyFingerprint(secret)).toBe(keyFingerprint(open));
    expect(keyFingerprint(open)).toMatch(/^[0-9a-f]{64}$/);
    expect(keyFingerprint(pair().open)).not.toBe(keyFingerprint(open));
  });

  it('is refused with a wrong key, without showing it', () => {
    const hint =
      'Make one with `openssl genpkey -algorithm ed25519 -out signing.pem`, name it in the configuration under ' +
      'signing.private_key, and keep it off the database.';
    expect(faultOf(() => signText('x', 'not-a-key-SECRET')).facts()).toEqual({
      code: 'signing-key-unreadable',
      message: 'The signing key is not a key in PEM.',
      hint,
    });
    const rsa = generateKeyPairSync('rsa', { modulusLength: 1024 }).privateKey.export({
      type: 'pkcs8',
      format: 'pem',
    }) as string;
    expect(faultOf(() => signText('x', rsa)).facts()).toEqual({
      code: 'signing-key-wrong',
      message: 'The signing key is rsa, not Ed25519.',
      hint,
    });
  });
});
