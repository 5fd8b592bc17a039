import { formatPath } from './fault.ts';
import type { ConfigFile, SecretReference } from './schema.ts';

/** A secret that only some processes hold, on purpose: it is asked for when it is needed, and not at the start. */
export interface LaterSecret {
  /** `encryption.identity`. */
  readonly path: string;
  readonly reference: SecretReference;
  /** What cannot be done where it is not, in words. */
  readonly neededBy: string;
}

/** Those that the file names, in its order. */
export function laterSecrets({
  encryption,
  gateways,
  drills,
}: Pick<ConfigFile, 'encryption' | 'gateways' | 'drills'>): readonly LaterSecret[] {
  const named = [
    {
      path: 'encryption.identity',
      reference: encryption?.identity,
      neededBy: 'restores and drills of encrypted sets; backups do without',
    },
    ...gateways.map(({ name, restore }, at) => ({
      path: formatPath(['gateways', at, 'restore', 'keyring_recovery_key']),
      reference: restore.keyring_recovery_key,
      neededBy: `restores of the database of ${name}, for the keys of its encrypted fields`,
    })),
    { path: 'drills.database_url', reference: drills.database_url, neededBy: 'drills' },
  ];
  return named.flatMap(({ reference, ...rest }) => (reference === undefined ? [] : [{ ...rest, reference }]));
}
