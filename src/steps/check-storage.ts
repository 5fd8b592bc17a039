import type { Destination } from '../backup/destination.ts';
import { keyFingerprint } from '../backup/signature.ts';
import type { StepContext } from '../engine/ports.ts';
import { Fault } from '../runs/fault.ts';
import type { Checklist } from './checklist.ts';
import type { StepDeps } from './deps.ts';
import { bytesText } from './words.ts';

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
  await list.check(
    'Signing key',
    async () => keyFingerprint(deps.signingKey()),
    (key) => `Ed25519 ${key.slice(0, 12)}`,
  );
  await list.check(
    'Space on the worker',
    async () => enough('the worker', await deps.worker.freeBytes(context.workDir), needed),
    (free) => `${bytesText(free)} free, at most ${bytesText(needed)} needed`,
  );
  for (const destination of deps.destinations) {
    await list.check(
      `Destination ${destination.name}`,
      () => writable(destination, deps.gateway.name, needed),
      (free) => (free === null ? 'writable' : `writable, ${bytesText(free)} free`),
    );
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
