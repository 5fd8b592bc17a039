import { createPrivateKey } from 'node:crypto';
import { buffer } from 'node:stream/consumers';
import { z } from 'zod';
import { openSet } from '../../../backup/set/open-set.ts';
import type { StepContext } from '../../../engine/ports.ts';
import type { Keyring } from '../../../kong/keyring/keyring.ts';
import { Fault } from '../../../runs/fault.ts';
import { isRefusal } from '../../../runs/refusal.ts';
import { KEYRING_NAME } from '../../backup/admin/names.ts';
import type { RestoreDeps } from '../deps.ts';

/** How the keys of the database can come back: what it is called for people, and what does it. */
export interface KeyWay {
  readonly what: string;
  /** Answers the ids of what it brought. `held`: ids of the keys that were there before it was first tried. */
  bring(keyring: Keyring, held: readonly string[]): Promise<readonly string[]>;
}

/**
 * The recovery key where one is configured, else the keys that the backup exported. Fault where there is neither, or where
 * what there is cannot be used. The key is read by its reference at the moment of use and kept nowhere.
 */
export async function keyWay(deps: RestoreDeps, context: StepContext): Promise<KeyWay> {
  const reference = deps.gateway.restore.keyring_recovery_key;
  if (reference !== undefined) {
    const pem = deps.secret(reference);
    refuseUnreadable(pem);
    return { what: 'the recovery key', bring: (keyring) => keyring.recover(pem) };
  }
  const data = await exportedKeys(deps, context);
  return {
    what: `the keys that were exported to ${deps.keyringDestination?.name ?? '?'}`,
    bring: async (keyring, held) => {
      await keyring.importKeys(data);
      return (await keyring.look()).ids.filter((id) => !held.includes(id));
    },
  };
}

function refuseUnreadable(pem: string): void {
  try {
    createPrivateKey(pem);
  } catch {
    // Not the cause: what a parser says of a key is of the key.
    throw new Fault(
      'keyring.key-unreadable',
      'restore.keyring_recovery_key is no private key in PEM, or is protected by a passphrase.',
      'Let it name the private half of keyring_recovery_public_key, without a passphrase, in a file that only the bot can read.',
    );
  }
}

const exported = z.object({ data: z.string().min(1) });

async function exportedKeys(deps: RestoreDeps, { signal }: StepContext): Promise<string> {
  const place = deps.keyringDestination;
  if (place === undefined) throw noKeys('neither restore.keyring_recovery_key nor keyring.destination is configured');
  if (!(await place.isPublished(deps.set))) throw noKeys(`${place.name} holds no keys of this set`);
  const opening = (await deps.encryption?.opening()) ?? null;
  const set = await openSet(place, deps.set, { publicKeys: [deps.signingKey()], opening });
  if (isRefusal(set)) throw new Fault(set.code, set.message, set.hint);
  const artifact = set.manifest.artifacts.find(({ name }) => name.startsWith(KEYRING_NAME));
  if (artifact === undefined) throw noKeys(`what ${place.name} holds of this set has no keys in it`);
  const stream = await set.readArtifact(artifact.name, { signal });
  if (isRefusal(stream)) throw new Fault(stream.code, stream.message, stream.hint);
  const parsed = exported.safeParse(jsonOf((await buffer(stream)).toString('utf8')));
  if (parsed.success) return parsed.data.data;
  throw noKeys(`what ${place.name} holds of this set is no export of keys`);
}

/** Null where it is none. Not the parser's error: that quotes what it read. */
function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

function noKeys(why: string): Fault {
  return new Fault(
    'keyring.no-key',
    `Kong encrypts fields of its database, and there is nothing here that opens them after the restore: ${why}.`,
    'Name the private recovery key under restore.keyring_recovery_key ({file: …} or {env: …}), or restore a set whose keys were exported (keyring.destination). The declarative files hold these fields in clear and need no key.',
  );
}
