import type { IncomingMessage, ServerResponse } from 'node:http';
import { setTimeout as wait } from 'node:timers/promises';
import { no, type Answer, type Args, type Call, type Edge } from './edge.ts';
import { METHODS, type Method } from './methods/methods.ts';

const BODY_BYTES = 4 * 1024 * 1024;
/** Arguments that the SDK sends as JSON inside a form. */
const NESTED = new Set(['blocks', 'attachments', 'view', 'metadata', 'files']);

/** One Web API call: faults first, then token, scopes, the method's own refusals, then local-slack. */
export async function handleApi(edge: Edge, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const url = new URL(request.url ?? '/', 'http://localhost');
  const method = url.pathname.slice('/api/'.length);
  const args = { ...Object.fromEntries(url.searchParams), ...parseBody(request, await readBody(request)) };
  const call: Call = { method, args: withoutToken(args), at: Date.now(), answer: 'pending' };
  edge.calls.push(call);
  const delay = edge.faults.delayOf(method);
  if (delay > 0) await wait(delay);
  const fate = edge.faults.fate(method);
  if (fate?.kind === 'rate-limit') {
    call.answer = '429';
    response.writeHead(429, { 'retry-after': String(fate.retryAfterSeconds), 'content-type': 'application/json' });
    response.end(JSON.stringify(no('ratelimited')));
    return;
  }
  const answer = fate?.kind === 'fail' ? no(fate.error) : await answerCall(edge, method, request, args);
  call.answer = answer.ok ? 'ok' : (answer.error ?? 'unknown');
  if (fate?.kind === 'lose-response') {
    call.answer = 'lost';
    request.socket.destroy();
    return;
  }
  response.writeHead(200, { 'content-type': 'application/json', ...scopeHeaders(edge, method, args) });
  response.end(JSON.stringify(answer));
}

async function answerCall(edge: Edge, name: string, request: IncomingMessage, args: Args): Promise<Answer> {
  const method = METHODS[name];
  if (method === undefined) return no('unknown_method');
  const refusal = tokenRefusal(edge, method, tokenOf(request, args)) ?? scopeRefusal(edge, method, args);
  return refusal ?? method.answer(edge, withoutToken(args));
}

function tokenOf(request: IncomingMessage, args: Args): string | null {
  const header = request.headers.authorization ?? '';
  if (header.startsWith('Bearer ')) return header.slice('Bearer '.length);
  return typeof args['token'] === 'string' ? args['token'] : null;
}

function tokenRefusal(edge: Edge, method: Method, token: string | null): Answer | null {
  if (token === null || token === '') return no('not_authed');
  if (token !== edge.tokens.bot && token !== edge.tokens.app) return no('invalid_auth');
  const isApp = token === edge.tokens.app;
  return isApp === (method.token === 'app') ? null : no('not_allowed_token_type');
}

function scopeRefusal(edge: Edge, method: Method, args: Args): Answer | null {
  const needed = method.scope(args, edge);
  if (needed === null || edge.scopes.has(needed)) return null;
  return no('missing_scope', { needed, provided: [...edge.scopes].join(',') });
}

/** Slack names on each answer what the token holds and what the method takes. */
function scopeHeaders(edge: Edge, method: string, args: Args): Record<string, string> {
  const needed = METHODS[method]?.scope(args, edge) ?? null;
  return {
    'x-oauth-scopes': [...edge.scopes].join(','),
    ...(needed === null ? {} : { 'x-accepted-oauth-scopes': needed }),
  };
}

function withoutToken(args: Args): Args {
  const { token: _token, ...rest } = args;
  return rest;
}

/** The whole body as text. Throws past 4 MB. */
export async function readBody(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > BODY_BYTES) throw new Error('request body over 4 MB');
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

function parseBody(request: IncomingMessage, body: string): Args {
  if (body === '') return {};
  if ((request.headers['content-type'] ?? '').includes('application/json')) return JSON.parse(body) as Args;
  const entries = [...new URLSearchParams(body)].map(([key, value]) => [key, NESTED.has(key) ? nested(value) : value]);
  return Object.fromEntries(entries) as Args;
}

/** What is not JSON stays the text it was, for the validator to complain about. */
function nested(value: string): unknown {
  try {
    return JSON.parse(value);
  } catch {
    return value;
  }
}
