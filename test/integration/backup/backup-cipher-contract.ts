import { randomBytes } from 'node:crypto';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { generateX25519Identity, identityToRecipient } from 'age-encryption';
import { beforeAll, describe, expect, it } from 'vitest';
import type { Cipher } from '../../../src/backup/encryption/cipher.ts';
import { Fault } from '../../../src/runs/fault.ts';

const never = new AbortController().signal;
export const inPieces = (bytes: Buffer, size = 10_007): Readable =>
  Readable.from(
    Array.from({ length: Math.ceil(bytes.length / size) }, (_, n) => bytes.subarray(n * size, (n + 1) * size)),
  );

export async function newKey(): Promise<{ readonly identity: string; readonly recipient: string }> {
  const identity = await generateX25519Identity();
  return { identity, recipient: await identityToRecipient(identity) };
}

/** What every cipher must do; `other` is another implementation, which must read what this one wrote. */
export function cipherContract(name: string, make: () => Promise<Cipher>, makeOther: () => Promise<Cipher>): void {
  describe(`the contract of ${name}`, () => {
    let cipher: Cipher;
    let other: Cipher;
    let ours: Awaited<ReturnType<typeof newKey>>;
    let theirs: Awaited<ReturnType<typeof newKey>>;
    beforeAll(async () => {
      [cipher, other, ours, theirs] = await Promise.all([make(), makeOther(), newKey(), newKey()]);
    });
    const sealed = (plain: Buffer, recipients = [ours.recipient]): Promise<Buffer> =>
      buffer(cipher.encrypt(inPieces(plain), recipients, never));
    const faultOf = async (work: Promise<unknown>): Promise<Fault> =>
      work.then(
        () => Promise.reject(new Error('it was allowed')),
        (error: unknown) => (error instanceof Fault ? error : Promise.reject(error as Error)),
      );

    it.each([0, 1, 65_535, 65_536, 65_537, 1_000_003])(
      'brings %i bytes back, and so does the other',
      async (length) => {
        const plain = randomBytes(length);
        const stored = await sealed(plain);
        expect(stored.includes(plain.subarray(0, 32)) && length > 31).toBe(false);
        for (const reader of [cipher, other])
          expect((await buffer(reader.decrypt(inPieces(stored), [ours.identity], never))).equals(plain)).toBe(true);
      },
    );

    it('can be opened by each recipient alone', async () => {
      const plain = randomBytes(1000);
      const stored = await sealed(plain, [ours.recipient, theirs.recipient]);
      for (const { identity } of [ours, theirs])
        expect((await buffer(cipher.decrypt(inPieces(stored), [identity], never))).equals(plain)).toBe(true);
    });

    it('refuses another identity', async () => {
      const stored = await sealed(randomBytes(1000));
      const fault = await faultOf(buffer(cipher.decrypt(inPieces(stored), [theirs.identity], never)));
      expect(fault.code).toBe('cipher-failed');
      expect(fault.message).toMatch(/^It could not be decrypted to its end: .*no identity/);
      expect(`${fault.message}${fault.hint}`).not.toContain(theirs.identity);
    });

    it('refuses a file that was cut anywhere, or in which one byte was changed', async () => {
      const stored = await sealed(randomBytes(200_000));
      for (const at of [0, 50, 150, 300, 70_000, stored.length - 1]) {
        const cut = faultOf(buffer(cipher.decrypt(inPieces(stored.subarray(0, at)), [ours.identity], never)));
        expect((await cut).code).toBe('cipher-failed');
        const changed = Buffer.from(stored);
        changed[at] = (changed[at] ?? 0) ^ 1;
        expect((await faultOf(buffer(cipher.decrypt(inPieces(changed), [ours.identity], never)))).code).toBe(
          'cipher-failed',
        );
      }
    });

    it('breaks with the error of its source, and never ends as if it had been whole', async () => {
      const broken = Readable.from(
        (async function* chunks() {
          yield randomBytes(100_000);
          throw new Error('the source broke');
        })(),
      );
      await expect(buffer(cipher.encrypt(broken, [ours.recipient], never))).rejects.toThrow('the source broke');
    });

    it('stops when it is aborted, and when nobody reads it any more', async () => {
      const endless = (): Readable =>
        Readable.from(
          (async function* chunks() {
            for (;;) yield randomBytes(65_536);
          })(),
        );
      const stop = new AbortController();
      const source = endless();
      const reading = buffer(cipher.encrypt(source, [ours.recipient], stop.signal));
      stop.abort(new Error('not wanted'));
      await expect(reading).rejects.toThrow('not wanted');
      await expect.poll(() => source.destroyed).toBe(true);
      const left = endless();
      const stream = cipher.encrypt(left, [ours.recipient], never);
      await new Promise((resolve) => stream.once('readable', resolve));
      stream.destroy();
      await expect.poll(() => left.destroyed).toBe(true);
    });

    it('waits for whoever reads slowly', async () => {
      let given = 0;
      const source = Readable.from(
        (async function* chunks() {
          for (; given < 400; given += 1) yield randomBytes(65_536);
        })(),
      );
      const stream = cipher.encrypt(source, [ours.recipient], never);
      await new Promise((resolve) => stream.once('readable', resolve));
      const early = given;
      expect(early).toBeLessThan(200);
      expect((await buffer(stream)).length).toBeGreaterThan(400 * 65_536);
    });
  });
}
