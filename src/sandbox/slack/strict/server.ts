import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { handleApi, readBody } from './api.ts';
import { drawDates } from './dates.ts';
import { deliver } from './delivery.ts';
import { no, type Args, type Edge } from './edge.ts';
import { notACommand, readInbound } from './inbound.ts';
import { blocksRefusal } from './methods/method-messages.ts';

/** The stand-in's one HTTP server, on 127.0.0.1: Web API, response URLs, Socket Mode, and local-slack's deliveries. */
export interface EdgeServer {
  readonly port: number;
  /** `refused`: nothing listens. `unavailable`: 503 for everything that the bot asks. */
  outage(kind: 'refused' | 'unavailable'): Promise<void>;
  restore(): Promise<void>;
  stop(): Promise<void>;
}

export async function startEdgeServer(edge: Edge): Promise<EdgeServer> {
  let unavailable = false;
  const server = createServer((request, response) => {
    if (unavailable && request.url !== '/inbound') {
      response.writeHead(503).end('Service Unavailable');
      return;
    }
    route(edge, request, response).catch((error: unknown) => {
      if (response.headersSent) response.destroy();
      else response.writeHead(500).end(String(error));
    });
  });
  server.on('upgrade', (request, stream) => {
    if (unavailable || !edge.sockets.connect(request, stream)) stream.destroy();
  });
  const port = await listen(server, 0);
  return {
    port,
    outage: async (kind) => {
      edge.sockets.drop('cut');
      if (kind === 'unavailable') unavailable = true;
      else await close(server);
    },
    restore: async () => {
      unavailable = false;
      if (!server.listening) await listen(server, port);
    },
    stop: async () => {
      edge.sockets.drop('cut');
      await close(server);
    },
  };
}

async function route(edge: Edge, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const path = request.url ?? '/';
  if (path.startsWith('/api/')) return handleApi(edge, request, response);
  if (path.startsWith('/response/')) return handleResponseUrl(edge, path.slice('/response/'.length), request, response);
  if (path !== '/inbound') return answer(response, 404, {});
  const inbound = readInbound(edge, request, await readBody(request));
  const shown = inbound === null ? {} : (notACommand(edge, inbound) ?? (await deliver(edge, inbound)));
  return answer(response, 200, shown);
}

/** An answer by response URL: private unless it says otherwise, 5 times, 30 minutes. */
async function handleResponseUrl(
  edge: Edge,
  id: string,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const body = JSON.parse(await readBody(request)) as Args;
  const spent = edge.responses.spend(id);
  const refusal = 'error' in spent ? no(spent.error) : blocksRefusal(body['blocks']);
  edge.calls.push({ method: 'response_url', args: body, at: Date.now(), answer: refusal?.error ?? 'ok' });
  if ('error' in spent) return answer(response, 404, no(spent.error));
  if (refusal !== null) return answer(response, 400, refusal);
  await fetch(spent.upstream, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(drawDates({ response_type: 'ephemeral', ...body })),
  });
  return answer(response, 200, { ok: true });
}

function answer(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
}

function listen(server: Server, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, '127.0.0.1', () => {
      server.off('error', reject);
      resolve((server.address() as AddressInfo).port);
    });
  });
}

async function close(server: Server): Promise<void> {
  if (!server.listening) return;
  const closed = new Promise((resolve) => server.close(resolve));
  server.closeAllConnections();
  await closed;
}
