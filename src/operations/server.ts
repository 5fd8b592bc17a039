import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { Fault } from '../runs/fault.ts';
import type { Log } from './log.ts';
import type { Metrics } from './metrics.ts';
import { askReadiness, type Probe } from './readiness.ts';

export interface OperationsServerOptions {
  readonly host: string;
  /** 0 takes a free one. */
  readonly port: number;
  readonly probes: readonly Probe[];
  readonly metrics: Pick<Metrics, 'contentType' | 'text'>;
  readonly log: Pick<Log, 'error'>;
}

export interface OperationsServer {
  /** Throws a Fault `port-in-use` or `port-refused`. */
  start(): Promise<{ readonly host: string; readonly port: number }>;
  /** Ends open connections too: a scraper that keeps its own alive must not hold up a stop. Harmless when not started. */
  stop(): Promise<void>;
}

interface Answer {
  readonly status: number;
  readonly type: string;
  readonly body: string;
}

/**
 * `/healthz`: the process is alive, nothing else, so that nobody restarts it because a neighbour is down.
 * `/readyz`: each part's state as JSON, 503 when one fails. `/metrics`: Prometheus.
 */
export function operationsServer(options: OperationsServerOptions): OperationsServer {
  const routes: Readonly<Record<string, () => Promise<Answer>>> = {
    '/healthz': async () => json(200, { alive: true, pid: process.pid, uptimeSeconds: Math.floor(process.uptime()) }),
    '/readyz': async () => {
      const readiness = await askReadiness(options.probes);
      return json(readiness.ready ? 200 : 503, readiness);
    },
    '/metrics': async () => ({ status: 200, type: options.metrics.contentType, body: await options.metrics.text() }),
  };
  const server = createServer((request, response) => {
    answer(routes, request)
      .catch((error: unknown) => {
        options.log.error({ err: error, path: request.url }, 'the operations endpoint could not answer');
        return json(500, { error: 'internal error; the log has the details' });
      })
      .then((found) => send(request, response, found))
      .catch((error: unknown) =>
        options.log.error({ err: error }, 'the operations endpoint could not send its answer'),
      );
  });
  // Nobody sends a body here; a client that trickles its headers is cut off.
  server.headersTimeout = 5_000;
  server.requestTimeout = 10_000;
  return { start: async () => await listen(server, options), stop: async () => await close(server) };
}

async function answer(
  routes: Readonly<Record<string, () => Promise<Answer>>>,
  request: IncomingMessage,
): Promise<Answer> {
  const path = (request.url ?? '/').split('?')[0] ?? '/';
  const route = Object.hasOwn(routes, path) ? routes[path] : undefined;
  if (route === undefined) return json(404, { error: 'not found', paths: Object.keys(routes) });
  if (request.method !== 'GET' && request.method !== 'HEAD') return json(405, { error: 'only GET and HEAD' });
  return await route();
}

function send(request: IncomingMessage, response: ServerResponse, { status, type, body }: Answer): void {
  response.writeHead(status, {
    'content-type': type,
    'content-length': Buffer.byteLength(body),
    'cache-control': 'no-store',
    ...(status === 405 ? { allow: 'GET, HEAD' } : {}),
  });
  response.end(request.method === 'HEAD' ? undefined : body);
}

function json(status: number, value: unknown): Answer {
  return { status, type: 'application/json; charset=utf-8', body: `${JSON.stringify(value, null, 2)}\n` };
}

async function listen(
  server: Server,
  { host, port }: OperationsServerOptions,
): Promise<{ host: string; port: number }> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => reject(listenFault(error, host, port)));
    server.listen({ host, port }, resolve);
  });
  const address = server.address();
  return { host, port: typeof address === 'object' && address !== null ? address.port : port };
}

function listenFault(cause: NodeJS.ErrnoException, host: string, port: number): Fault {
  if (cause.code === 'EADDRINUSE') {
    return new Fault(
      'port-in-use',
      `Port ${port} on ${host} is taken by another program.`,
      'Choose another operations.port, or stop the other program.',
      { cause },
    );
  }
  return new Fault(
    'port-refused',
    `The operations endpoint cannot listen on ${host}, port ${port} (${cause.code ?? cause.name}).`,
    'Choose an operations.host that this machine has, and a port above 1023.',
    { cause },
  );
}

async function close(server: Server): Promise<void> {
  if (!server.listening) return;
  await new Promise<void>((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });
}
