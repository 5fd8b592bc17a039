import { createHash } from 'node:crypto';
import type { PreflightFacts } from '../../plan-facts.ts';
import { NOTHING_FURTHER } from '../../plan-facts.ts';

/** `declarative-default.yaml`; a name with other characters keeps apart from others by a piece of its hash. */
export function artifactName(workspace: string): string {
  return `declarative-${fileNamePart(workspace)}.yaml`;
}

/** RBAC roles of a workspace: in files of their own, because decK refuses them beside anything else. */
export function rbacName(workspace: string): string {
  return `rbac-${fileNamePart(workspace)}.yaml`;
}

/** The configuration of a node without a database. */
export function nodeName(node: string): string {
  return `dbless-${fileNamePart(node)}.yaml`;
}

export const ENTITIES_NAME = 'entities.ndjson';
export const DATA_PLANES_NAME = 'data-planes.json';
export const KEYRING_NAME = 'keyring.json';

/** What is read over the Admin API beside the declarative files, as the set names it before it is encoded. */
export function furtherNames(facts: Pick<PreflightFacts, 'further'>): readonly FurtherName[] {
  const { rbac, entities, nodes, dataPlanes } = facts.further ?? NOTHING_FURTHER;
  const plain = (name: string): FurtherName => ({ name, compress: false });
  return [
    ...rbac.map((workspace) => plain(rbacName(workspace))),
    ...(entities ? [{ name: ENTITIES_NAME, compress: true }] : []),
    ...nodes.map((node) => plain(nodeName(node))),
    ...(dataPlanes ? [plain(DATA_PLANES_NAME)] : []),
  ];
}

interface FurtherName {
  readonly name: string;
  /** Also where the set is not encrypted. */
  readonly compress: boolean;
}

function fileNamePart(text: string): string {
  const plain = text.replaceAll(/[^A-Za-z0-9._~-]/g, '_').slice(0, 100);
  return plain === text ? plain : `${plain}-${createHash('sha256').update(text).digest('hex').slice(0, 8)}`;
}
