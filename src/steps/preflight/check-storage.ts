import { Readable } from 'node:stream';
import type { Destination } from '../../backup/storage/destination.ts';
import { hashOf } from '../../backup/storage/hashed-file.ts';
import { keyFingerprint } from '../../backup/set/signature.ts';
import type { StepContext } from '../../engine/ports.ts';
import { Fault } from '../../runs/fault.ts';
import type { Checklist } from './checklist.ts';
import type { StepDeps } from '../deps.ts';
import { streamsDump } from '../backup/dump-format.ts';
import { bytesText, counted } from '../words.ts';

/** Beyond the size of the database: declarative files, prefix files, manifest, and what others write meanwhile. */
const MARGIN_BYTES = 64 * 1024 * 1024;

/**
 * A dump is smaller than its database (no indexes, and stored compressed), so its size is a safe bound for the worker,
 * where the dump lies uncompressed for a while, and a generous one for the destinations.
 */
export async function checkStorage(
  list: Checklist,
  deps: StepDeps,
  context: StepContext,
  databaseBytes: number,
): Promise<void> {
  const needed = databaseBytes + MARGIN_BYTES;
  // A streamed dump never lies on the worker.
  const onWorker = streamsDump(deps) ? MARGIN_BYTES : needed;
  await list.check(
    'Signing key',
    async () => keyFingerprint(deps.signingKey()),
    (key) => `Ed25519 ${key.slice(0, 12)}`,
  );
  await list.check(
    'Space on the worker',
    async () => enough('the worker', await deps.worker.freeBytes(context.workDir), onWorker),
    (free) => `${bytesText(free)} free, at most ${bytesText(onWorker)} needed`,
  );
  await checkEncryption(list, deps, context);
  await checkDestinations(list, deps, needed);
  await checkKeyringPlace(list, deps);
}

/** A wrong recipient would only be noticed at the end of the dump. */
async function checkEncryption(list: Checklist, { encryption }: StepDeps, { signal }: StepContext): Promise<void> {
  const sealing = (await encryption?.sealing()) ?? null;
  if (sealing === null) return;
  const { cipher, recipients } = sealing;
  await list.check(
    'Encryption',
    () => hashOf(cipher.encrypt(Readable.from([Buffer.from('kong-chatops')]), recipients, signal)),
    () => `${counted(recipients.length, 'recipient')}, by ${cipher.tool} ${cipher.version}`,
  );
}

/** Without it the keys would have no place: no other destination may take them. */
async function checkKeyringPlace(list: Checklist, { keyringDestination: place, gateway }: StepDeps): Promise<void> {
  if (place === undefined) return;
  await list.check(
    `Destination ${place.name}`,
    () => place.probe(gateway.name),
    () => 'writable, for the keyring alone',
  );
}

/** One is enough: the others will be missing from the set, which says so for good (behaviour 5.7). */
async function checkDestinations(list: Checklist, deps: StepDeps, needed: number): Promise<void> {
  const looked = await Promise.all(deps.destinations.map((destination) => lookAt(destination, deps, needed)));
  const works = looked.some(({ fault }) => fault === null);
  for (const { name, free, fault } of looked) {
    if (fault !== null) list.expect(name, works ? null : fault, `the set goes without it: ${fault.message}`);
    else list.expect(name, null, free === null ? 'writable' : `writable, ${bytesText(free)} free`);
  }
}

async function lookAt(destination: Destination, deps: StepDeps, needed: number) {
  const name = `Destination ${destination.name}`;
  try {
    return { name, free: await writable(destination, deps.gateway.name, needed), fault: null };
  } catch (fault) {
    if (fault instanceof Fault) return { name, free: null, fault };
    throw fault;
  }
}

async function writable(destination: Destination, gateway: string, needed: number): Promise<number | null> {
  await destination.probe(gateway);
  const free = await destination.freeBytes();
  return free === null ? null : enough(`destination ${destination.name}`, free, needed);
}

function enough(where: string, free: number, needed: number): number {
  if (free >= needed) return free;
  throw new Fault(
    'too-little-space',
    `There is too little space on ${where}: ${bytesText(free)} free, and up to ${bytesText(needed)} are needed.`,
    `Free ${bytesText(needed - free)} there, or configure another folder, then try again.`,
  );
}
