import { readFile } from 'node:fs/promises';
import type { Agent } from 'undici';
import { Fault } from '../../runs/fault.ts';
import type { Expectation, Probe } from './choose-proofs.ts';

export interface ProxyAddress {
  /** Of the node, for messages. */
  readonly node: string;
  readonly url: string;
  readonly caFile?: string | undefined;
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
}

/** Answers null when the node's proxy shows what is expected, else what it showed instead. Throws when nobody answers. */
export type Ask = (probe: Probe) => Promise<string | null>;

/** A connection to a node's proxy. */
export async function openProxy(address: ProxyAddress): Promise<{ readonly ask: Ask; close(): Promise<void> }> {
  const { caFile } = address;
  const ca = caFile === undefined ? {} : { ca: await readFile(caFile) };
  // No keep-alive: a reloading Kong closes the connections of its old workers.
  // Loaded here, because an idle bot needs none of it.
  const { Agent } = await import('undici');
  const agent = new Agent({ pipelining: 0, connect: ca });
  return {
    ask: async (probe) => judge(probe.expect, await answerOf(agent, address, probe)),
    close: () => agent.destroy(),
  };
}

interface ProxyAnswer {
  readonly status: number;
  /** True when a route was matched: Kong itself says that none was. */
  readonly routed: boolean;
}

async function answerOf(
  agent: Agent,
  { url, node, timeoutMs, signal }: ProxyAddress,
  probe: Probe,
): Promise<ProxyAnswer> {
  const { path, host, headers = {} } = probe;
  try {
    const { request } = await import('undici');
    const answer = await request(url.replace(/\/$/, '') + path, {
      dispatcher: agent,
      headers: { ...headers, ...(host === undefined ? {} : { host }), 'user-agent': 'kong-chatops proof' },
      headersTimeout: timeoutMs,
      bodyTimeout: timeoutMs,
      signal,
    });
    const body = await firstBytes(answer.body);
    const fromUpstream = answer.headers['x-kong-upstream-latency'] !== undefined;
    const noRoute = answer.statusCode === 404 && !fromUpstream && messageOf(body) === NO_ROUTE_MATCHED;
    const broken = answer.statusCode === 500 && !fromUpstream;
    const elsewhere = BEFORE_KONG.has(answer.statusCode) && !isOfKong(answer.headers);
    return { status: answer.statusCode, routed: !noRoute && !broken && !elsewhere };
  } catch (cause) {
    signal.throwIfAborted();
    throw new Fault(
      'proxy.silent',
      `The proxy of node ${node} (${new URL(url).host}) does not answer.`,
      'Look whether the node runs and whether proxy_url of it is right.',
      { cause },
    );
  }
}

/** What a load balancer answers for a node that is not there. */
const BEFORE_KONG: ReadonlySet<number> = new Set([502, 503, 504]);

/** Kong names itself in `server` and `x-kong-…` headers, also when an upstream does not answer. */
function isOfKong(headers: Readonly<Record<string, string | string[] | undefined>>): boolean {
  return (
    String(headers['server'] ?? '').startsWith('kong') ||
    Object.keys(headers).some((name) => name.startsWith('x-kong-'))
  );
}

/** Kong's own words in every version since 1.0; there is no code beside them. */
const NO_ROUTE_MATCHED = 'no Route matched with those values';
const MOST_BYTES = 10_000;

/** An upstream may stream for ever. */
async function firstBytes(body: AsyncIterable<unknown>): Promise<string> {
  let text = '';
  for await (const chunk of body) {
    text += String(chunk);
    if (text.length > MOST_BYTES) break;
  }
  return text;
}

function messageOf(body: string): unknown {
  try {
    const parsed = JSON.parse(body) as unknown;
    return typeof parsed === 'object' && parsed !== null && 'message' in parsed ? parsed.message : null;
  } catch {
    return null;
  }
}

function judge(expect: Expectation, { status, routed }: ProxyAnswer): string | null {
  const seen = routed ? `HTTP ${status}` : `HTTP ${status}, no route found`;
  return fits(expect, status, routed) ? null : seen;
}

function fits(expect: Expectation, status: number, routed: boolean): boolean {
  const refused = status === 401 || status === 403;
  switch (expect) {
    case 'routed':
      return routed;
    case 'not-routed':
      return !routed && status === 404;
    case 'refused':
      return refused;
    case 'admitted':
      return routed && !refused;
    default:
      return status === expect;
  }
}
