import type { Kind } from '../entities/table.ts';
import { dblessConfig, refusedWrite } from '../dbless/config.ts';
import { keyring } from '../enterprise/keyring.ts';
import { sealedAnswer } from '../enterprise/keyring-keys.ts';
import { ENTERPRISE_LISTS, enterpriseList } from '../enterprise/lists.ts';
import { asText, idOf } from '../schema/fill.ts';
import { type Answer, badRequest, methodNotAllowed, noContent, notBuilt, notFound, ok } from './answer.ts';
import { collection } from './collections.ts';
import { entity, find } from './entities.ts';
import { enabledPlugins, root, status } from './information.ts';
import { type Call, type Node, type Owner, purgeNode, reloadNode } from './node.ts';
import { schemas } from './schemas.ts';
import { tags, workspaces } from './tags-and-workspaces.ts';

type Handler = (node: Node, call: Call) => Answer | Promise<Answer>;

const getOnly =
  (handler: Handler): Handler =>
  (node, call) =>
    call.method === 'GET' ? handler(node, call) : methodNotAllowed;

const controlPlaneOnly = (): Answer =>
  badRequest('this endpoint is only available when Kong is configured to run as Control Plane for the cluster');

/** First path segment → handler, for what is not an entity. */
const SPECIAL: Readonly<Record<string, Handler>> = {
  '': getOnly(root),
  status: getOnly((node, call) => (call.path.length === 1 ? status(node) : notFound)),
  schemas,
  tags,
  cache: async (node, call) => {
    if (call.method !== 'DELETE') return notFound;
    await purgeNode(node);
    return noContent;
  },
  // Not of the original: what the program `kong reload` does to a node, for ../reload.ts.
  'stand-in': async (node, call) => {
    if (call.method !== 'POST' || call.path[1] !== 'reload') return notFound;
    await reloadNode(node);
    return noContent;
  },
  clustering: getOnly(controlPlaneOnly),
  config: (node, call) => {
    if (node.dbless !== null) return dblessConfig(node, node.dbless, call);
    return call.method === 'GET' ? badRequest('this endpoint only works with database=off') : methodNotAllowed;
  },
};

const SPECIAL_SINCE_3: Readonly<Record<string, Handler>> = {
  'filter-chains': () => badRequest('this endpoint is only available when wasm is enabled'),
  debug: getOnly((_, call) =>
    call.path.join('/') === 'debug/node/log-level' ? ok({ message: 'log level: notice' }) : notBuilt('debugging'),
  ),
  timers: () => notBuilt('timers'),
};

/** There on the original, not here. */
const NOT_BUILT = new Set(['acme', 'acme_storage', 'endpoints', 'metrics', 'oauth2_tokens', 'proxy-cache', 'sessions']);

/** Only of Enterprise. */
const ENTERPRISE: Readonly<Record<string, Handler>> = {
  workspaces,
  kong: getOnly(root),
  keyring,
  ...Object.fromEntries(ENTERPRISE_LISTS.map((first) => [first, enterpriseList])),
};

/** Answers one call; the workspace is already taken off its path. */
export async function route(node: Node, call: Call): Promise<Answer> {
  const [first = '', second, third, fourth] = call.path;
  const special = specialHandler(node, first);
  if (special) return special(node, call);
  if (first === 'plugins' && second === 'enabled') return enabledPlugins(node);
  const kind = kindAt(node, first);
  if (!kind) return isNotBuilt(node, first) ? notBuilt(first) : notFound;
  const refused = refusedFirst(node, call, kind);
  if (refused) return refused;
  if (second === undefined) return collection(node, call, kind);
  if (third === undefined) return entity(node, call, kind, second);
  return below(node, call, kind, second, third, fourth);
}

/** What stands before any entity: no database to write into, no key to read with. */
function refusedFirst(node: Node, call: Call, kind: Kind): Answer | null {
  if (node.dbless !== null && call.method !== 'GET') return refusedWrite(call, kind);
  return sealedAnswer(node, kind.path);
}

function isNotBuilt({ version }: Node, first: string): boolean {
  return NOT_BUILT.has(first) || (first === 'vaults-beta' && version === '2.8.5');
}

/** True for a first segment that is no workspace. */
export function isKnown(node: Node, first: string): boolean {
  return specialHandler(node, first) !== undefined || kindAt(node, first) !== undefined || NOT_BUILT.has(first);
}

function specialHandler(node: Node, first: string): Handler | undefined {
  if (node.edition === 'enterprise' && Object.hasOwn(ENTERPRISE, first)) return ENTERPRISE[first];
  if (node.version === '2.8.5' && first === 'workspaces') return workspaces;
  if (node.version === '3.9.1' && Object.hasOwn(SPECIAL_SINCE_3, first)) return SPECIAL_SINCE_3[first];
  return Object.hasOwn(SPECIAL, first) ? SPECIAL[first] : undefined;
}

function kindAt(node: Node, segment: string): Kind | undefined {
  return [...node.kinds.values()].find(({ path }) => path === segment);
}

/** `/services/ID/routes`, `/services/ID/routes/ID` and `/routes/ID/service`. */
async function below(
  node: Node,
  call: Call,
  parent: Kind,
  key: string,
  segment: string,
  nestedKey: string | undefined,
): Promise<Answer> {
  const found = await find({ pool: node.pool, workspace: call.workspace }, parent, key);
  const other = node.kinds.get(parent.foreign[segment] ?? '');
  if (other && nestedKey === undefined) return referred(node, call, other, idOf(found?.[segment]));
  const child = childAt(node, parent, segment);
  if (!child) return parent.name === 'upstreams' && segment === 'health' ? notBuilt('health checks') : notFound;
  if (!found) return notFound;
  const owner: Owner = { kind: parent, field: child.field, id: asText(found['id']), nested: segment };
  // `/upstreams/ID/targets/all` shows the same targets since version 2.2 keeps no history of them.
  const isList = nestedKey === undefined || (child.kind.name === 'targets' && nestedKey === 'all');
  return isList ? collection(node, call, child.kind, owner) : entity(node, call, child.kind, nestedKey, owner);
}

/** `/routes/ID/service`: the entity that another one refers to. */
function referred(node: Node, call: Call, kind: Kind, id: string): Answer | Promise<Answer> {
  if (call.method !== 'GET') return notBuilt('changing an entity through one that refers to it');
  return id === '' ? notFound : entity(node, call, kind, id);
}

function childAt(node: Node, parent: Kind, segment: string): { kind: Kind; field: string } | null {
  for (const kind of node.kinds.values()) {
    if ((kind.nestedPath ?? kind.path) !== segment) continue;
    const field = Object.entries(kind.foreign).find(([, reference]) => reference === parent.name)?.[0];
    if (field !== undefined) return { kind, field };
  }
  return null;
}
