import type { IncomingMessage, ServerResponse } from 'node:http';
import { type Access, refuseAccess, takeWorkspace } from './admin/access.ts';
import { type Answer, KongRefusal, methodNotAllowed, unexpected } from './admin/answer.ts';
import { readBody, segmentsOf, unsupportedMediaType } from './admin/call.ts';
import type { Node } from './admin/node.ts';
import { route } from './admin/router.ts';
import { tellNeighbours } from './neighbours.ts';
import type { Json } from './schema/field.ts';
import type { FaultPlan } from './faults.ts';
import { versionText } from './version.ts';

/** One answered request, for tests that count calls. Never holds bodies or headers: they carry secrets. */
export interface Seen {
  readonly method: string;
  readonly path: string;
  readonly status: number;
}

export interface Serving {
  readonly node: Node;
  readonly access: Access;
  readonly faults: FaultPlan;
  readonly seen: Seen[];
  /** Told of every failure that is not Kong's own no, such as a lost database. */
  readonly onError: (error: unknown) => void;
}

const METHODS = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']);
const SEEN_AT_MOST = 10_000;

/** Answers one request of the Admin API: faults first, then rights, then Kong's rules. Never throws. */
export async function serve(serving: Serving, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const method = request.method ?? 'GET';
  const target = request.url ?? '/';
  const fault = serving.faults.take(method, target);
  if (fault?.kind === 'hang') return;
  if (fault?.kind === 'drop') {
    request.socket.destroy();
    return;
  }
  const answer: Sent =
    fault?.kind === 'respond'
      ? { status: fault.status, body: fault.body as Json }
      : await safely(serving, () => answerTo(serving, request, method, target));
  serving.node.served += 1;
  if (serving.seen.length < SEEN_AT_MOST) serving.seen.push({ method, path: target, status: answer.status });
  send(serving.node, response, method, answer);
}

type Sent = Answer | typeof unsupportedMediaType;

async function safely(serving: Serving, work: () => Promise<Sent>): Promise<Sent> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof KongRefusal) return error.answer;
    serving.onError(error);
    return unexpected;
  }
}

async function answerTo(serving: Serving, request: IncomingMessage, method: string, target: string): Promise<Sent> {
  const { node, access } = serving;
  if (!METHODS.has(method)) return methodNotAllowed;
  const url = new URL(target, 'http://stand-in');
  const path = segmentsOf(url.pathname);
  const body = await readBody(request);
  if (body === 'unsupported') return unsupportedMediaType;
  const token = request.headers['kong-admin-token'];
  const refused = refuseAccess(access, Array.isArray(token) ? token[0] : token, method, path);
  if (refused) return refused;
  if (method === 'OPTIONS') return { status: 204 };
  const { id, rest } = await takeWorkspace(node, path);
  const asked = method === 'HEAD' ? 'GET' : method;
  const answer = await route(node, { method: asked, path: rest, query: url.searchParams, body, workspace: id });
  const changes = asked !== 'GET' && answer.status < 400 && rest[0] !== 'cache' && rest[0] !== 'schemas';
  if (changes && rest[0] !== 'stand-in') await tellNeighbours(node);
  return answer;
}

function send(node: Node, response: ServerResponse, method: string, answer: Sent): void {
  response.statusCode = answer.status;
  response.setHeader('Access-Control-Allow-Origin', '*');
  response.setHeader('Server', `kong/${versionText(node.version, node.edition)}`);
  for (const [name, value] of Object.entries(answer.headers ?? {})) response.setHeader(name, value);
  const text = textOf(answer);
  if (text !== null && !response.hasHeader('Content-Type'))
    response.setHeader('Content-Type', 'application/json; charset=utf-8');
  if (text !== null) response.setHeader('Content-Length', Buffer.byteLength(text));
  response.end(method === 'HEAD' ? undefined : (text ?? undefined));
}

function textOf(answer: Sent): string | null {
  if ('text' in answer) return answer.text;
  return answer.body === undefined ? null : JSON.stringify(answer.body);
}
