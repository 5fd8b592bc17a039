import { createHash, timingSafeEqual } from 'node:crypto';
import { selectWorkspaces } from '../db/statements.ts';
import { type Answer, forbidden, KongRefusal, notFound, unauthorized } from './answer.ts';
import type { Node } from './node.ts';
import { isKnown } from './router.ts';

/** What the token may not do. Not recorded from a real Enterprise: only the status is what tools decide by. */
export interface TokenRights {
  /** Collections that it may not read, for example `keys`; decK takes that 403 for "there are none". */
  readonly mayNotRead?: readonly string[];
  /** Every change is refused. */
  readonly readOnly?: boolean;
}

export interface Access {
  readonly token: string | undefined;
  readonly rights: TokenRights;
}

/** Refusal of a request without the right token or without the right; null when it may pass. */
export function refuseAccess(
  { token, rights }: Access,
  given: string | undefined,
  method: string,
  path: readonly string[],
): Answer | null {
  if (token !== undefined && !sameText(token, given ?? ''))
    return unauthorized('Invalid credentials. Token or User credentials required');
  const isRead = method === 'GET' || method === 'HEAD' || method === 'OPTIONS';
  const barred = path.some((segment) => rights.mayNotRead?.includes(segment));
  if (barred || (!isRead && rights.readOnly && !path.includes('validate')))
    return forbidden(`you do not have permissions to ${isRead ? 'read' : 'change'} this resource`);
  return null;
}

/** The workspace that a path starts with, and the rest of the path. Throws 404 for a workspace that is not there. */
export async function takeWorkspace(
  node: Node,
  path: readonly string[],
): Promise<{ id: string; rest: readonly string[] }> {
  const [first] = path;
  if (node.edition !== 'enterprise' || first === undefined || isKnown(node, first))
    return { id: node.workspace, rest: path };
  const found = (await selectWorkspaces(node.pool)).find(({ name }) => name === first);
  if (!found) throw new KongRefusal(notFound);
  return { id: found.id, rest: path.slice(1) };
}

function sameText(a: string, b: string): boolean {
  const digest = (text: string): Buffer => createHash('sha256').update(text).digest();
  return timingSafeEqual(digest(a), digest(b));
}
