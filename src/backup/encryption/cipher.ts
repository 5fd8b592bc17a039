import type { Readable } from 'node:stream';
import { Fault } from '../../runs/fault.ts';

/**
 * Encrypts and decrypts in the age format (age-encryption.org/v1) as bytes pass. Two implementations: the `age` program,
 * and the npm library where there is no program. Each reads what the other wrote; both refuse a cut or changed file.
 *
 * The streams break with a Fault `cipher-failed`, or with the error of what they read. They never end early.
 */
export interface Cipher {
  /** `age` or `age-encryption`, as the manifest names it. */
  readonly tool: string;
  readonly version: string;
  /** `recipients`: `age1…`, at least one. */
  encrypt(plain: Readable, recipients: readonly string[], signal: AbortSignal): Readable;
  /** `identities`: `AGE-SECRET-KEY-1…`, of which one must fit. */
  decrypt(stored: Readable, identities: readonly string[], signal: AbortSignal): Readable;
}

/** A native X25519 recipient. Its characters are bech32's, which has no 1, b, i and o. */
export const RECIPIENT = /^age1[ac-hj-np-z02-9]{58}$/;
const IDENTITY = /^AGE-SECRET-KEY-1[AC-HJ-NP-Z02-9]{58}$/;

/**
 * The keys in the text of an identity file as `age-keygen` writes it; comments and empty lines are skipped.
 * Fault `identity-unreadable`, which shows nothing of the text.
 */
export function parseIdentities(text: string): readonly string[] {
  const lines = text.split('\n').map((line) => line.trim());
  const keys = lines.filter((line) => line !== '' && !line.startsWith('#'));
  if (keys.length > 0 && keys.every((key) => IDENTITY.test(key))) return keys;
  throw new Fault(
    'identity-unreadable',
    keys.length === 0 ? 'The identity holds no key.' : 'The identity holds something else than X25519 keys of age.',
    'Give the file that `age-keygen` wrote: its key is one line that starts with AGE-SECRET-KEY-1.',
  );
}

/** The public halves, in the same order. */
export async function recipientsOf(identities: readonly string[]): Promise<readonly string[]> {
  // The library is large; a bot that only takes backups never needs it.
  const { identityToRecipient } = await import('age-encryption');
  return await Promise.all(
    identities.map((identity) =>
      // Its own error would quote the key.
      identityToRecipient(identity).catch(() => {
        throw new Fault(
          'identity-unreadable',
          'The identity is damaged: its last characters do not confirm the rest.',
          'Copy it again from where it is kept.',
        );
      }),
    ),
  );
}

/** What a cipher's streams break with. `said` is its own last words, which name no key. */
export function cipherFault(doing: 'encrypted' | 'decrypted', said: string, cause?: unknown): Fault {
  return new Fault(
    'cipher-failed',
    `It could not be ${doing} to its end: ${said}.`,
    doing === 'encrypted'
      ? 'Check the recipients in the configuration and the memory of the worker, then try again.'
      : 'Use the identity that belongs to one of the recipients in the manifest; if it does, the file was changed.',
    { cause },
  );
}
