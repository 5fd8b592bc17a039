import { createServer, type Server } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { openProxy } from '../../../src/kong/proxy/proxy-proof.ts';

let server: Server;
afterEach(() => void server.close());

/** What a proof of "this route is found" comes to when the node's address answers so. */
async function routed(status: number, headers: Readonly<Record<string, string>> = {}): Promise<string | null> {
  server = createServer((_, answer) => answer.writeHead(status, headers).end('{}')).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const address = {
    node: 'n1',
    url: `http://127.0.0.1:${port}`,
    timeoutMs: 5000,
    signal: new AbortController().signal,
  };
  const proxy = await openProxy(address);
  try {
    return await proxy.ask({ what: 'route a is found again', path: '/a', expect: 'routed' });
  } finally {
    await proxy.close();
  }
}

describe('a proof through the proxy', () => {
  it.each([502, 503, 504])('is none when a load balancer answers %s for a node that is not there', async (status) => {
    expect(await routed(status)).toBe(`HTTP ${status}, no route found`);
  });

  it('is one when Kong itself says that the upstream does not answer', async () => {
    expect(await routed(503, { server: 'kong/3.9.1' })).toBeNull();
    expect(await routed(502, { 'x-kong-response-latency': '3' })).toBeNull();
    expect(await routed(200)).toBeNull();
  });
});
