import { createPrivateKey } from 'node:crypto';
import { Readable } from 'node:stream';
import { statSync } from 'node:fs';
import { recipientsOf } from '../../backup/encryption/cipher.ts';
import { encryptionOf } from '../../backup/encryption/encryption.ts';
import { hashOf } from '../../backup/storage/hashed-file.ts';
import { destinationOf } from '../../backup/storage/open-destination.ts';
import { keyIdOf } from '../../audit/heads.ts';
import type { Config, DestinationConfig } from '../../config/schema.ts';
import { localRunner } from '../../run-command/local.ts';
import { size } from '../show/amounts.ts';
import { fail, ok, warn, type Check, type Finding } from './check.ts';

/** Less free space than this is worth a word before the night's backup says it. */
const LITTLE_BYTES = 2_000_000_000;

/** Where sets are kept, and the key that signs them. */
export function storageChecks(config: Config): readonly Check[] {
  return [
    ...config.destinations.map((destination) => ({
      about: `destination ${destination.name}`,
      look: async () => [await destinationFinding(config, destination)],
    })),
    { about: 'encryption', look: async () => [await encryptionFinding(config)] },
    { about: 'signing key', look: async () => signingFindings(config) },
  ];
}

/** Proves it by writing and removing a small file for one of the gateways that use it. */
async function destinationFinding(config: Config, settings: DestinationConfig): Promise<Finding> {
  const about = `destination ${settings.name}`;
  const gateway = config.gateways.find(
    ({ destinations, keyring }) => destinations.includes(settings.name) || keyring?.destination === settings.name,
  );
  if (gateway === undefined)
    return warn(
      about,
      'no gateway uses it',
      `Name it under the ${settings.holds === 'keyring' ? 'keyring.destination' : 'destinations'} of a gateway, or remove it.`,
    );
  const destination = destinationOf(settings, config.secret);
  const place = settings.kind === 'local' ? settings.path : settings.bucket;
  await destination.probe(gateway.name);
  const free = await destination.freeBytes();
  if (free === null) return ok(about, `${place} can be written`);
  const detail = `${place} can be written, ${size(free)} free`;
  return free < LITTLE_BYTES ? warn(about, detail, 'Make room before a backup needs it.') : ok(about, detail);
}

/** Encrypts a few bytes to the recipients, and looks whether this machine could open what it makes. */
async function encryptionFinding(config: Config): Promise<Finding> {
  const encryption = encryptionOf(config, localRunner());
  const sealing = await encryption.sealing();
  if (sealing === null)
    return warn('encryption', 'sets are NOT ENCRYPTED', 'Make a key with age-keygen and name it under encryption.');
  const { cipher, recipients } = sealing;
  const never = new AbortController().signal;
  await hashOf(cipher.encrypt(Readable.from([Buffer.from('kong-chatops')]), recipients, never));
  const opening = await encryption.opening();
  const people = recipients.length === 1 ? '1 recipient' : `${recipients.length} recipients`;
  const sealed = `${people}, by ${cipher.tool} ${cipher.version}`;
  if (opening === null) return ok('encryption', `${sealed}; no identity here, so no restores and drills`);
  const fits = (await recipientsOf(opening.identities)).some((ours) => recipients.includes(ours));
  return fits
    ? ok('encryption', `${sealed}; the identity here opens what is encrypted now`)
    : warn(
        'encryption',
        `${sealed}; the identity here belongs to none of them`,
        'Sets that are made now cannot be restored from here: name its public key under encryption.recipients.',
      );
}

function signingFindings(config: Config): readonly Finding[] {
  const reference = config.signing.private_key;
  const pem = config.secret(reference);
  if (!isPrivate(pem)) {
    return [fail('signing key', 'signing.private_key holds no private key in PEM', 'Make one:  kong-chatops keygen')];
  }
  const found = [ok('signing key', `Ed25519, key ${keyIdOf(pem)}`)];
  if ('file' in reference && (statSync(reference.file).mode & 0o077) !== 0) {
    found.push(warn('signing key', `${reference.file} can be read by others`, `chmod 600 ${reference.file}`));
  }
  return found;
}

/** Its error may quote the key, so only the fact goes on. */
export function isPrivate(pem: string): boolean {
  try {
    createPrivateKey(pem);
    return true;
  } catch {
    return false;
  }
}
