import { setTimeout as pause } from 'node:timers/promises';
import type { NodeConfig } from '../../../config/schema/schema-restore.ts';
import type { Step, StepContext } from '../../../engine/ports.ts';
import { openKeyring } from '../../../kong/keyring/keyring.ts';
import type { Keyring } from '../../../kong/keyring/keyring.ts';
import { Fault } from '../../../runs/fault.ts';
import type { JsonObject } from '../../../runs/json.ts';
import { keepProof, readProof } from '../../attempt-proof.ts';
import { adminConnection, withAdmin } from '../../gateway-access.ts';
import type { Checklist } from '../../preflight/checklist.ts';
import { some } from '../../words.ts';
import { nodesOf } from '../deps.ts';
import type { RestoreDeps } from '../deps.ts';
import { keyWay } from './keys.ts';

/** Outputs of `recover-keyring`: ids of keys, never a key. */
export interface KeyringOutputs extends JsonObject {
  /** `off`: Kong encrypts nothing. `there`: the nodes had the keys. `brought`: they were recovered or imported. */
  readonly keys: 'off' | 'there' | 'brought';
  readonly active: string | null;
  /** Rows with encrypted fields that were read as a proof; 0: there are none, so nothing was proven. */
  readonly rowsRead: number;
}

/** Refused before anything is touched: an encrypted database without a key for it is lost (behaviour 6.6). */
export async function checkKeyring(list: Checklist, deps: RestoreDeps, context: StepContext): Promise<void> {
  const settings = await keyringOf(deps, context).catch((error: unknown) => {
    // A Kong that is down says nothing of its keyring; what is known of it then is what is configured.
    if (error instanceof Fault) return null;
    throw error;
  });
  const configured = deps.gateway.restore.keyring_recovery_key !== undefined;
  if (settings !== 'cluster' && !configured) return;
  const isConfigured = configured || deps.keyringDestination !== undefined;
  if (!isConfigured && deps.gateway.allow_gaps.includes('keyring')) {
    list.expect('Keyring', null, 'left to the keys that the nodes hold, as allow_gaps permits');
    return;
  }
  await list.check(
    'Keyring',
    () => keyWay(deps, context),
    ({ what }) => `its keys come back by ${what}`,
  );
}

/** Null: Kong encrypts nothing. */
async function keyringOf(deps: RestoreDeps, { signal }: StepContext): Promise<string | null> {
  return await withAdmin(deps, signal, async (admin) => (await admin.root()).keyring?.strategy ?? null);
}

/**
 * After the restored database is live: brings its keys back where the nodes lack them (recover or import, then activate),
 * and proves on every node that encrypted fields read.
 */
export function recoverKeyring(deps: RestoreDeps): Step {
  return {
    check: readProof,
    apply: async (context) => {
      await keepProof(context, await recover(deps, context));
    },
  };
}

async function recover(deps: RestoreDeps, context: StepContext): Promise<KeyringOutputs> {
  // Of Vault's keys the nodes take care themselves.
  const strategy = await keyringOf(deps, context);
  if (strategy === null) return { keys: 'off', active: null, rowsRead: 0 };
  const [first] = nodesOf(deps);
  if (first === undefined) throw new Error('a gateway has a node');
  const brought = await withKeyring(deps, context, first, (keyring) => bring(deps, context, keyring));
  let rowsRead = 0;
  let active: string | null = null;
  for (const node of nodesOf(deps)) {
    const proven = await withKeyring(deps, context, node, (keyring) => readable(deps, context, node, keyring));
    rowsRead += proven.read;
    active = proven.active;
  }
  return { keys: brought ? 'brought' : 'there', active, rowsRead };
}

/** Brings the keys and has the right one active; false where the node had them all along. */
async function bring(deps: RestoreDeps, context: StepContext, keyring: Keyring): Promise<boolean> {
  const reads = (await keyring.sealed()).lists.length === 0;
  const { ids, active } = await keyring.look();
  const held = heldBefore(context) ?? ids;
  // A predecessor may have died with the keys brought and one of the node's own making still active.
  const isBegun = ids.some((id) => !held.includes(id));
  if (reads && active !== null && !isBegun) return false;
  const brought = await (await keyWay(deps, context)).bring(keyring, held);
  // Until a key is active, Kong would write new fields with a key of its own making, or in clear.
  const now = (await keyring.look()).active;
  if (now === null || !brought.includes(now)) await keyring.activate(toActivate(active, brought));
  return true;
}

/** For whoever takes over: the keys of the node before the first attempt; null where nobody could look. */
function heldBefore({ run, attempt }: StepContext): readonly string[] | null {
  const { keys = null } = (run.steps['reload-nodes']?.outputs ?? {}) as { keys?: readonly string[] };
  return attempt === 1 ? null : keys;
}

/** Ids of the keys that the first node holds; null where Kong encrypts nothing, or does not say. */
export async function keysHeld(deps: RestoreDeps, context: StepContext): Promise<readonly string[] | null> {
  try {
    const [first] = nodesOf(deps);
    if (first === undefined || (await keyringOf(deps, context)) === null) return null;
    return await withKeyring(deps, context, first, async (keyring) => (await keyring.look()).ids);
  } catch (error) {
    if (error instanceof Fault) return null;
    throw error;
  }
}

/** The one that was active, else the only one: which of several was active last, only people can say. */
function toActivate(before: string | null, ids: readonly string[]): string {
  const [only] = ids;
  if (before !== null && ids.includes(before)) return before;
  if (only !== undefined && ids.length === 1) return only;
  throw new Fault(
    'keyring.which-active',
    `${ids.length} keys came back (${some(ids)}), and nobody can say which of them was active.`,
    'Activate the right one by hand (POST /keyring/activate {"key": ID}), then close this run; or roll it back.',
  );
}

/** Keys travel from node to node: other nodes follow after a while. */
async function readable(
  deps: RestoreDeps,
  { signal }: StepContext,
  node: NodeConfig,
  keyring: Keyring,
): Promise<{ readonly read: number; readonly active: string | null }> {
  const until = Date.now() + deps.gateway.restore.proof_seconds * 1000;
  for (;;) {
    const { lists, read } = await keyring.sealed();
    if (lists.length === 0) return { read, active: (await keyring.look()).active };
    if (Date.now() > until) throw stillSealed(node.name, lists);
    await pause(Math.min(500, deps.gateway.restore.proof_seconds * 100), undefined, { signal });
  }
}

async function withKeyring<T>(
  deps: RestoreDeps,
  { signal }: StepContext,
  node: NodeConfig,
  work: (keyring: Keyring) => Promise<T>,
): Promise<T> {
  const keyring = openKeyring({ ...adminConnection(deps, node.admin_api ?? deps.gateway.admin_api), signal });
  try {
    return await work(keyring);
  } finally {
    await keyring.close();
  }
}

function stillSealed(node: string, lists: readonly string[]): Fault {
  return new Fault(
    'keyring.sealed',
    `Node ${node} cannot read encrypted fields of the restored database: ${some(lists)} answer with an error. It lacks their key.`,
    'Give the recovery key that was in force when the set was taken, or import the keys by hand; or roll this run back.',
  );
}
