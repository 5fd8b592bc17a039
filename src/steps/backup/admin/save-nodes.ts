import { Readable } from 'node:stream';
import type { StepContext } from '../../../engine/ports.ts';
import { adminApi } from '../../../kong/admin/admin.ts';
import type { AdminApi, KongEntity } from '../../../kong/admin/admin.ts';
import { shownConfig } from '../../../kong/dbless/shown-config.ts';
import { Fault } from '../../../runs/fault.ts';
import type { StepDeps } from '../../deps.ts';
import { refOf } from '../../deps.ts';
import { adminConnection, withAdmin } from '../../gateway-access.ts';
import { secondsBetween, stageArtifact } from '../staged.ts';
import { DATA_PLANES_NAME, nodeName } from './names.ts';

/**
 * The configuration of a node without a database, as the node itself says it: with `_transform: false`, so that hashed
 * passwords come back as they are by POST /config.
 */
export async function saveNode(deps: StepDeps, context: StepContext, node: string): Promise<void> {
  const began = performance.now();
  const { admin_api } = deps.gateway.nodes.find(({ name }) => name === node) ?? {};
  const admin = adminApi({
    ...adminConnection(deps, admin_api ?? deps.gateway.admin_api),
    signal: context.signal,
  });
  try {
    const { text, hash, version } = await configurationOf(admin, node);
    await stageDocument(deps, context, {
      name: nodeName(node),
      text,
      began,
      version,
      facts: { node, configurationHash: hash },
    });
  } finally {
    await admin.close();
  }
}

async function configurationOf(
  admin: AdminApi,
  node: string,
): Promise<{ readonly text: string; readonly hash: string; readonly version: string }> {
  const { version } = await admin.root();
  // A configuration that is replaced while it is read has another hash afterwards.
  for (let tried = 0; tried < TRIES; tried += 1) {
    const before = (await admin.status()).configurationHash;
    const text = await shownConfig(admin, node);
    const after = (await admin.status()).configurationHash;
    if (before === after) return { text, hash: after ?? 'unknown', version };
  }
  throw new Fault(
    'node-restless',
    `The configuration of node ${node} changed each time that it was read.`,
    'Wait until whoever loads configurations into it is done, then try again.',
    { retryable: true },
  );
}

const TRIES = 3;

/** The data planes of a control plane, and the hash of the configuration that each of them serves. */
export async function saveDataPlanes(deps: StepDeps, context: StepContext): Promise<void> {
  await withAdmin(deps, context.signal, async (admin) => {
    const began = performance.now();
    const { version } = await admin.root();
    const found: KongEntity[] = [];
    for await (const plane of admin.list('clustering/data-planes')) found.push(dataPlane(plane));
    const hashes = new Set(found.map((plane) => plane['config_hash']));
    await stageDocument(deps, context, {
      name: DATA_PLANES_NAME,
      text: `${JSON.stringify(found, null, 2)}\n`,
      began,
      version,
      facts: { dataPlanes: found.length, configurations: hashes.size },
    });
  });
}

const SHOWN = ['id', 'hostname', 'ip', 'version', 'config_hash', 'sync_status', 'last_seen', 'labels'] as const;

function dataPlane(plane: KongEntity): KongEntity {
  return Object.fromEntries(SHOWN.map((field) => [field, plane[field] ?? null]));
}

async function stageDocument(
  deps: StepDeps,
  context: StepContext,
  document: {
    readonly name: string;
    readonly text: string;
    readonly began: number;
    readonly version: string;
    readonly facts: Readonly<Record<string, string | number>>;
  },
): Promise<void> {
  const { name, text, began, version, facts } = document;
  const artifact = {
    kind: 'dbless' as const,
    tool: 'Kong Admin API',
    toolVersion: version,
    seconds: secondsBetween(began, performance.now()),
    facts,
  };
  await stageArtifact(
    deps,
    { ref: refOf(context.run), signal: context.signal },
    {
      name,
      compress: false,
      source: Readable.from([Buffer.from(text)], { objectMode: false }),
      describe: () => ({ artifact, gaps: [] }),
    },
  );
}
