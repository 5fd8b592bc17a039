import type { Config } from '../../config/schema.ts';
import type { RunCommand } from '../../run-command/command.ts';
import { Fault } from '../../runs/fault.ts';
import { parseIdentities } from './cipher.ts';
import type { Cipher } from './cipher.ts';
import type { Coding, Opening, Sealing } from './encoding.ts';
import { findCipher } from './find-cipher.ts';

/** How the sets of this configuration are encrypted and opened. */
export interface Encryption {
  /** `age1…` of everybody who can open a set; empty: sets are not encrypted. */
  readonly recipients: readonly string[];
  /** Null: sets are not encrypted. */
  sealing(): Promise<Sealing | null>;
  /**
   * Null: this worker holds no identity, so it can take backups and not restore them (decision 15). Fault
   * `identity-unreadable` when it holds something else.
   */
  opening(): Promise<Opening | null>;
}

/** `local`: the runner of this very machine, whatever runs near the gateway: what leaves the worker is encrypted. */
export function encryptionOf(config: Pick<Config, 'encryption' | 'secret'>, local: RunCommand): Encryption {
  const recipients = config.encryption?.recipients ?? [];
  const identity = config.encryption?.identity;
  let cipher: Promise<Cipher> | null = null;
  const found = (): Promise<Cipher> => (cipher ??= findCipher(local));
  return {
    recipients,
    sealing: async () => (recipients.length === 0 ? null : { cipher: await found(), recipients }),
    opening: async () => {
      const text = identity === undefined ? null : secretOrNull(() => config.secret(identity));
      return text === null ? null : { cipher: await found(), identities: parseIdentities(text) };
    },
  };
}

/** The same configuration lies on every worker, and only some of them have the identity. */
function secretOrNull(read: () => string): string | null {
  try {
    return read();
  } catch (error) {
    if (error instanceof Fault && error.code === 'secret-missing') return null;
    throw error;
  }
}

/** What is done to an artifact before it is stored. Everything that is encrypted is compressed first. */
export function codingsFor(sealing: Sealing | null, compress: boolean): readonly Coding[] {
  if (sealing !== null) return ['zstd', 'age'];
  return compress ? ['zstd'] : [];
}
