import { randomBytes } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Answer } from '../admin/answer.ts';
import type { Node } from '../admin/node.ts';
import type { Json } from '../schema/field.ts';
import { asText, type Entity } from '../schema/fill.ts';
import { versionText } from '../version.ts';
import { authenticate } from './authenticate.ts';
import { matchRoute, pluginFor } from './match.ts';

/**
 * Answers one request to the proxy as Kong would up to its upstream, and in the place of that: 200 and who was asked by
 * whom. Never throws.
 */
export async function serveProxy(node: Node, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const answer = await answerTo(node, request).catch(() => error(node, 500, 'An unexpected error occurred'));
  const headers = { Server: `kong/${versionText(node.version, node.edition)}`, ...answer.headers };
  const text = JSON.stringify(answer.body ?? null);
  response.writeHead(answer.status, {
    ...headers,
    'Content-Type': 'application/json; charset=utf-8',
    'Content-Length': Buffer.byteLength(text),
  });
  response.end(request.method === 'HEAD' ? undefined : text);
}

async function answerTo(node: Node, request: IncomingMessage): Promise<Answer> {
  const url = new URL(request.url ?? '/', 'http://proxy');
  const host = (request.headers.host ?? '').replace(/:\d+$/, '');
  const route = matchRoute(node.proxy.routes(), { method: request.method ?? 'GET', host, path: url.pathname });
  if (route === null) return error(node, 404, 'no Route matched with those values');
  const caller = await authenticate(node, route, { headers: request.headers, query: url.searchParams });
  if ('refused' in caller) return error(node, caller.refused.status, messageOf(caller.refused.body));
  const end = pluginFor(node.proxy.plugins(), route, 'request-termination');
  if (end !== null) return terminated(end.config);
  return {
    status: 200,
    headers: { Via: `kong/${node.version}`, 'X-Kong-Upstream-Latency': '1', 'X-Kong-Proxy-Latency': '0' },
    body: { service: route.service, route: route.name, consumer: caller.consumer },
  };
}

function terminated({ status_code, message }: Readonly<Record<string, unknown>>): Answer {
  const text = typeof message === 'string' ? message : 'Service unavailable';
  return { status: typeof status_code === 'number' ? status_code : 503, body: { message: text } };
}

/** Errors of 3.9 carry an id. */
function error({ version }: Node, status: number, message: string): Answer {
  const id = version === '3.9.1' ? { request_id: randomBytes(16).toString('hex') } : {};
  return { status, body: { message, ...id } };
}

function messageOf(body: Json | undefined): string {
  return typeof body === 'object' && body !== null && !Array.isArray(body) ? asText((body as Entity)['message']) : '';
}
