import { Readable } from 'node:stream';
import { z } from 'zod';
import type { Destination } from '../../../backup/storage/destination.ts';
import type { StepContext } from '../../../engine/ports.ts';
import { Fault } from '../../../runs/fault.ts';
import type { StepDeps } from '../../deps.ts';
import { refOf } from '../../deps.ts';
import { withAdmin } from '../../gateway-access.ts';
import { secondsBetween, stageArtifact } from '../staged.ts';
import { KEYRING_NAME } from './names.ts';

const exported = z.object({ data: z.string().min(1) });

/**
 * Exports the keyring (Kong encrypts it for the holder of keyring_private_key) and stages it in the keyring's own
 * destination, under the same set's id: whoever finds the data does not find the keys (behaviour 5.6).
 */
export async function saveKeyring(deps: StepDeps, context: StepContext): Promise<void> {
  const began = performance.now();
  const destination = keyringPlace(deps);
  const { answer, version } = await withAdmin(deps, context.signal, async (admin) => ({
    answer: await admin.post('/keyring/export'),
    version: (await admin.root()).version,
  }));
  const parsed = exported.safeParse(answer.body);
  if (answer.status !== 200 || !parsed.success) throw notExported(deps.gateway.name, answer.status);
  const artifact = {
    kind: 'keyring' as const,
    tool: 'Kong Admin API',
    toolVersion: version,
    seconds: secondsBetween(began, performance.now()),
    facts: { destination: destination.name },
  };
  await stageArtifact(
    { destinations: [destination], encryption: deps.encryption },
    { ref: refOf(context.run), signal: context.signal },
    {
      name: KEYRING_NAME,
      compress: false,
      source: Readable.from([Buffer.from(`${JSON.stringify(parsed.data)}\n`)], { objectMode: false }),
      describe: () => ({ artifact, gaps: [] }),
    },
  );
}

/** Where this gateway's keyring goes. Fault when the configuration names no place any more. */
export function keyringPlace(deps: StepDeps): Destination {
  if (deps.keyringDestination !== undefined) return deps.keyringDestination;
  throw new Fault(
    'no-keyring-place',
    `The configuration of gateway ${deps.gateway.name} names no destination for its keyring, but the preflight found one.`,
    'Add keyring.destination, or start a new backup.',
  );
}

function notExported(gateway: string, status: number): Fault {
  return new Fault(
    'keyring-not-exported',
    `Kong did not export the keyring of ${gateway}: POST /keyring/export answered HTTP ${status}.`,
    status === 401 || status === 403
      ? 'Give the Admin token the permission for /keyring/export.'
      : 'Set keyring_public_key and keyring_private_key in kong.conf (an export needs both), or use a recovery key and take keyring.destination away.',
  );
}
