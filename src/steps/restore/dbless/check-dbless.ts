import type { Manifest } from '../../../backup/set/manifest.ts';
import { plainOf } from '../../../backup/set/manifest.ts';
import type { NodeConfig } from '../../../config/schema/schema-restore.ts';
import type { StepContext } from '../../../engine/ports.ts';
import { largestBody } from '../../../kong/dbless/load-config.ts';
import { Fault } from '../../../runs/fault.ts';
import type { Checklist } from '../../preflight/checklist.ts';
import { bytesText, counted, some } from '../../words.ts';
import { checkVersion } from '../check-place.ts';
import { nodesOf } from '../deps.ts';
import type { RestoreDeps } from '../deps.ts';
import { artifactsFor, savedNodes, withNode } from './nodes.ts';

/** What a restore through POST /config asks of the set, and of the nodes. */
export const DBLESS_NEEDS = { content: checkContent, place: checkPlace };

function checkContent(list: Checklist, manifest: Manifest): void {
  const saved = savedNodes(manifest);
  list.expect('Configuration of nodes', saved.size === 0 ? NO_CONFIGURATION : null, `of ${some([...saved.keys()])}`);
}

async function checkPlace(list: Checklist, deps: RestoreDeps, context: StepContext, manifest: Manifest): Promise<void> {
  const { safety } = context.run.plan.parameters;
  list.expect(
    'Way back',
    safety === 'backup' ? null : NO_WAY_BACK,
    'the safety backup keeps the present configuration',
  );
  await checkVersion(list, deps, context, { manifest, mayBeDown: false });
  if (savedNodes(manifest).size === 0) return;
  const nodes = nodesOf(deps);
  const sizes = await list.check(
    'Nodes of the set',
    async () => artifactsFor(manifest, nodes),
    (found) => counted(found.size, 'node'),
  );
  if (sizes === null) return;
  for (const node of nodes) {
    const artifact = sizes.get(node.name);
    const bytes = artifact === undefined ? 0 : plainOf(artifact).bytes;
    await list.check(
      `Node ${node.name}`,
      () => takesConfig(deps, context, node, bytes),
      () => `runs without a database and takes ${bytesText(bytes)}`,
    );
  }
}

async function takesConfig(deps: RestoreDeps, { signal }: StepContext, node: NodeConfig, bytes: number): Promise<void> {
  await withNode(deps, node, signal, async (admin) => {
    const { databaseKind, role } = await admin.root();
    if (role === 'data_plane') throw dataPlane(node.name);
    if (databaseKind !== 'off') throw hasDatabase(node.name, databaseKind);
    const most = largestBody((await admin.look('/')).body);
    // It travels inside JSON, where every line end and quote takes two bytes.
    if (most !== null && bytes * 1.1 > most) throw tooLarge(node.name, bytes, most);
  });
}

const NO_CONFIGURATION = new Fault(
  'no-dbless',
  'The set holds no configuration of nodes without a database.',
  'Restore another set, or restore its declarative files or its database.',
);

const NO_WAY_BACK = new Fault(
  'dbless.no-way-back',
  'A node without a database keeps no copy of what it has now.',
  'Ask with the safety "backup": the safety backup is what an undo loads again.',
);

function dataPlane(node: string): Fault {
  return new Fault(
    'dbless.data-plane',
    `Node ${node} is a data plane: it has its configuration from its control plane and takes none from anybody else.`,
    'Restore the database of the control plane; its data planes follow within seconds.',
  );
}

function hasDatabase(node: string, kind: string): Fault {
  return new Fault(
    'dbless.has-database',
    `Node ${node} has a database (${kind}), and POST /config works only without one.`,
    'Restore the database, or the declarative files.',
  );
}

function tooLarge(node: string, bytes: number, most: number): Fault {
  return new Fault(
    'dbless.too-large',
    `The configuration has ${bytesText(bytes)}, and the Admin API of node ${node} takes ${bytesText(most)}.`,
    'Raise nginx_admin_client_max_body_size in its kong.conf and reload it, then try again.',
  );
}
