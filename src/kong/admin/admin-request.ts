import { readFile } from 'node:fs/promises';
import type { Agent } from 'undici';
import { Fault } from '../../runs/fault.ts';
import { faultOfNetwork, notKong } from './admin-faults.ts';
import type { AdminQuestion } from './admin-faults.ts';

export interface AdminApiOptions {
  /** The gateway's name, for messages. */
  readonly gateway: string;
  readonly url: string;
  readonly token?: string | undefined;
  readonly caFile?: string | undefined;
  /** Sent with every request. Values may be secrets. */
  readonly headers?: Readonly<Record<string, string>> | undefined;
  /** Both PEM, on the worker. */
  readonly clientCertificate?: { readonly certFile: string; readonly keyFile: string } | undefined;
  /** For one request, answer read. */
  readonly timeoutMs: number;
  readonly signal?: AbortSignal | undefined;
}

/** Any answer of Kong, good or bad. `body` is undefined when it is not JSON. */
export interface Answer {
  readonly status: number;
  readonly body: unknown;
  readonly question: AdminQuestion;
}
/** GET, with the token. Throws a Fault when nothing answers, or the signal's reason once aborted. */
export type Ask = (path: string) => Promise<Answer>;

/** A thousand entities with certificates are far below it; whatever sends more would only fill the memory. */
const LARGEST_ANSWER = 128 * 1024 * 1024;
/** Sockets of a finished step are not to keep anybody awake. */
const KEEP_ALIVE_MS = 1000;

/** Loaded when the first gateway is asked: an idle bot is 10 MB smaller without it. */
const undici = () => import('undici');

/** A request that may change something, with a body of that content type or without one. */
export type Send = (
  method: 'GET' | 'POST' | 'DELETE',
  path: string,
  body?: { readonly type: string; readonly content: string },
) => Promise<Answer>;

/** A connection to one Admin API, made at the first question. */
export function connectAdmin(options: AdminApiOptions): {
  readonly ask: Ask;
  readonly send: Send;
  readonly close: () => Promise<void>;
} {
  const base = new URL(options.url);
  const headers = requestHeaders(base, options);
  base.username = '';
  base.password = '';
  const address = base.href.replace(/\/$/, '');
  let agent: Agent | null = null;
  const send: Send = async (method, path, body) => {
    const question = { gateway: options.gateway, address, path, timeoutMs: options.timeoutMs };
    options.signal?.throwIfAborted();
    agent ??= await agentFor(options);
    return await request(question, { method, agent, headers, signal: options.signal, body });
  };
  return {
    ask: (path) => send('GET', path),
    send,
    close: async () => await agent?.destroy(),
  };
}

/** fetch refuses addresses with user and password, so they travel as the header that they mean. */
function requestHeaders(
  base: URL,
  { token, headers }: Pick<AdminApiOptions, 'token' | 'headers'>,
): Record<string, string> {
  const user = `${decodeURIComponent(base.username)}:${decodeURIComponent(base.password)}`;
  return {
    ...headers,
    accept: 'application/json',
    ...(user === ':' ? {} : { authorization: `Basic ${Buffer.from(user).toString('base64')}` }),
    ...(token === undefined || token === '' ? {} : { 'kong-admin-token': token }),
  };
}

async function agentFor(options: AdminApiOptions): Promise<Agent> {
  const { Agent } = await undici();
  return new Agent({ keepAliveTimeout: KEEP_ALIVE_MS, connect: await trust(options) });
}

async function trust(options: AdminApiOptions): Promise<{ ca?: Buffer; cert?: Buffer; key?: Buffer }> {
  const { caFile, clientCertificate: client, gateway } = options;
  return {
    ...(caFile === undefined ? {} : { ca: await readPem(caFile, `admin_api.ca_file of ${gateway}`) }),
    ...(client === undefined
      ? {}
      : {
          cert: await readPem(client.certFile, `admin_api.client_certificate.cert_file of ${gateway}`),
          key: await readPem(client.keyFile, `admin_api.client_certificate.key_file of ${gateway}`),
        }),
  };
}

async function readPem(path: string, key: string): Promise<Buffer> {
  try {
    return await readFile(path);
  } catch (cause) {
    throw new Fault(
      'kong.ca-file',
      `The file ${path}, which ${key} names, cannot be read.`,
      'Correct the path, or let the user that the bot runs as read it.',
      { cause },
    );
  }
}

interface Means {
  readonly method: string;
  readonly agent: Agent;
  readonly headers: Record<string, string>;
  readonly signal: AbortSignal | undefined;
  readonly body: Parameters<Send>[2];
}

async function request(question: AdminQuestion, { method, agent, headers, signal, body }: Means): Promise<Answer> {
  const timeout = AbortSignal.timeout(question.timeoutMs);
  try {
    const { fetch } = await undici();
    const response = await fetch(question.address + question.path, {
      method,
      ...contentOf(headers, body),
      dispatcher: agent,
      redirect: 'manual',
      signal: signal === undefined ? timeout : AbortSignal.any([signal, timeout]),
    });
    return { status: response.status, body: parseJson(await textOf(response.body, question)), question };
  } catch (error) {
    signal?.throwIfAborted();
    if (error instanceof Fault) throw error;
    throw faultOfNetwork(question, error);
  }
}

function contentOf(
  headers: Record<string, string>,
  body: Means['body'],
): { headers: Record<string, string>; body?: string } {
  if (body === undefined) return { headers };
  return { headers: { ...headers, 'content-type': body.type }, body: body.content };
}

/** Counted after unpacking: a few kilobytes of gzip can be gigabytes. Leaving the loop closes the connection. */
async function textOf(body: AsyncIterable<Uint8Array> | null, question: AdminQuestion): Promise<string> {
  const parts: Uint8Array[] = [];
  let bytes = 0;
  for await (const part of body ?? []) {
    bytes += part.byteLength;
    if (bytes > LARGEST_ANSWER) throw notKong(question, 'its answer is larger than 128 MB');
    parts.push(part);
  }
  return Buffer.concat(parts).toString('utf8');
}

/** Undefined for what is no JSON: Kong itself answers HTML at times. */
function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
