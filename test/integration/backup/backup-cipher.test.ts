import { execa } from 'execa';
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { describe, expect, it } from 'vitest';
import { ageLibrary } from '../../../src/backup/encryption/cipher-library.ts';
import { parseIdentities, recipientsOf } from '../../../src/backup/encryption/cipher.ts';
import { findCipher } from '../../../src/backup/encryption/find-cipher.ts';
import { localRunner } from '../../../src/run-command/local.ts';
import { faultFrom } from '../steps/steps-world.ts';
import { need } from '../../support/need.ts';
import { cipherContract, inPieces, newKey } from './backup-cipher-contract.ts';

const never = new AbortController().signal;
const withoutPrograms = { path: '/nowhere' };

describe.skipIf(!need('age'))('both ciphers', () => {
  const program = () => findCipher(localRunner());
  const library = () => findCipher(localRunner(withoutPrograms));
  cipherContract('the age program', program, library);
  cipherContract('the age library', library, program);

  it('are chosen by what the machine has', async () => {
    expect([(await program()).tool, (await library()).tool]).toEqual(['age', 'age-encryption']);
    expect((await program()).version).toMatch(/^\d+\.\d+/);
    expect((await library()).version).toBe(ageLibrary().version);
  });

  it('write what the plain program opens with the file that age-keygen wrote', async () => {
    const home = await mkdtemp(join(tmpdir(), 'kong-chatops-test-'));
    try {
      await execa('age-keygen', ['-o', join(home, 'identity.txt')]);
      const { stdout: recipient } = await execa('age-keygen', ['-y', join(home, 'identity.txt')]);
      const text = await execa('cat', [join(home, 'identity.txt')]);
      expect(await recipientsOf(parseIdentities(text.stdout))).toEqual([recipient]);
      for (const cipher of [await program(), await library()]) {
        const file = join(home, `${cipher.tool}.age`);
        await writeFile(file, await buffer(cipher.encrypt(inPieces(Buffer.from('kong')), [recipient], never)));
        const { stdout } = await execa('age', ['--decrypt', '-i', join(home, 'identity.txt'), file]);
        expect(stdout).toBe('kong');
      }
    } finally {
      await rm(home, { recursive: true, force: true });
    }
  });

  it('leave no key file behind and show no key in the list of processes', async () => {
    const { identity, recipient } = await newKey();
    const cipher = await program();
    const stored = await buffer(cipher.encrypt(inPieces(Buffer.alloc(500_000)), [recipient], never));
    const stream = cipher.decrypt(inPieces(stored), [identity], never);
    await new Promise((resolve) => stream.once('readable', resolve));
    expect((await execa('ps', ['-eo', 'args'])).stdout).not.toContain(identity);
    await buffer(stream);
    const left = (await readdir(tmpdir())).filter((name) => name.startsWith('kong-chatops-age-'));
    for (const name of left) expect(await readdir(join(tmpdir(), name)).catch(() => [])).not.toContain(identity);
  });
});

describe('an identity', () => {
  it('is read as age-keygen writes it', async () => {
    const { identity } = await newKey();
    expect(parseIdentities(`# created: 2026-11-21\n# public key: age1…\n${identity}\n\n`)).toEqual([identity]);
  });

  it('that is none is refused without showing it', async () => {
    const { identity } = await newKey();
    expect((await faultFrom((async () => parseIdentities('# nothing\n'))())).facts()).toEqual({
      code: 'identity-unreadable',
      message: 'The identity holds no key.',
      hint: 'Give the file that `age-keygen` wrote: its key is one line that starts with AGE-SECRET-KEY-1.',
    });
    const fault = await faultFrom((async () => parseIdentities(`${identity}X`))());
    expect(fault.message).toBe('The identity holds something else than X25519 keys of age.');
    const wrong = `${identity.slice(0, -1)}${identity.endsWith('Q') ? 'P' : 'Q'}`;
    const damaged = await faultFrom((async () => recipientsOf([wrong]))());
    expect(damaged.facts()).toEqual({
      code: 'identity-unreadable',
      message: 'The identity is damaged: its last characters do not confirm the rest.',
      hint: 'Copy it again from where it is kept.',
    });
    expect(`${damaged.message}${damaged.hint}`).not.toContain(wrong);
  });
});
