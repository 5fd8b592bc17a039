import { selectWorkspaces } from '../db/statements.ts';
import { type Answer, methodNotAllowed, notFound, ok } from '../admin/answer.ts';
import type { Call, Node } from '../admin/node.ts';
import { page, pageSize } from '../admin/pages.ts';
import type { Json } from '../schema/field.ts';

export interface KeyringMemory {
  ids: readonly string[];
  active: string | null;
  /** Keys that encrypted fields of the database were written with: without them lists answer 500. */
  needed: readonly string[];
  /** The private half of the recovery key (PEM). */
  readonly recoveryKey: string;
}

/** What an Enterprise gateway holds beside its proxy configuration. Held in memory, read only. */
export interface EnterpriseEntities {
  /**
   * By path: `groups`, `groups/ID/roles`, or below a workspace `team-1/rbac/users`. A list is answered page by page, an
   * object as it is.
   */
  readonly lists?: Readonly<Record<string, Json>>;
  /** Keys of the database's encryption; absent: it is not switched on. */
  readonly keyring?: {
    readonly recoveryKey?: boolean;
    /** What `POST /keyring/export` answers; null: the node has no key pair to export with. */
    readonly exported: string | null;
    /** What the node holds in memory; a test may take keys away, as a restart of all nodes does. */
    readonly memory?: KeyringMemory;
  };
}

/** Lists that every Enterprise has, full or empty. Others are there when they hold something. */
const ALWAYS = new Set(['rbac', 'groups', 'admins', 'event-hooks', 'licenses']);

/** First segments that lists may have. */
export const ENTERPRISE_LISTS = [...ALWAYS, 'files', 'consumer_groups'] as const;

export async function enterpriseList(node: Node, call: Call): Promise<Answer> {
  if (call.method !== 'GET') return methodNotAllowed;
  const found = await held(node, call);
  if (found === undefined) return ALWAYS.has(call.path[0] ?? '') ? ok(page([], null, '')) : notFound;
  return ok(Array.isArray(found) ? pageOf(found, call) : found);
}

/** Of the call's workspace, or of the whole gateway. */
async function held(node: Node, { path, workspace }: Call): Promise<Json | undefined> {
  const lists = node.enterprise.lists ?? {};
  const name = (await selectWorkspaces(node.pool)).find(({ id }) => id === workspace)?.name ?? 'default';
  return lists[`${name}/${path.join('/')}`] ?? lists[path.join('/')];
}

function pageOf(list: readonly Json[], { query, path }: Call): Json {
  const size = pageSize(query);
  const start = Number(query.get('offset') ?? 0);
  const offset = list.length > start + size ? String(start + size) : null;
  return page(list.slice(start, start + size), offset, `/${path.join('/')}?offset=${offset ?? ''}`);
}
