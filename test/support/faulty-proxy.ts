import { createServer, request } from 'node:http';
import type { IncomingMessage, ServerResponse } from 'node:http';

/**
 * What happens to a request: it passes; its connection dies after some bytes of the body; it arrives and its answer is
 * lost; nobody ever answers it; the server says that it is overloaded.
 */
export type Fate = 'pass' | 'cut' | 'lose-answer' | 'silence' | 'slow-down';

export interface FaultyProxy {
  readonly url: string;
  /** Requests so far: `PUT /bucket/key?partNumber=1&…`. */
  readonly seen: string[];
  fate: (request: string) => Fate;
  stop(): Promise<void>;
}

const CUT_AFTER = 200_000;

/** In front of a real server. The Host header goes through, because it is signed. */
export async function startFaultyProxy(target: string): Promise<FaultyProxy> {
  const { hostname, port } = new URL(target);
  const seen: string[] = [];
  const proxy = { fate: (): Fate => 'pass' } as { fate: FaultyProxy['fate'] };
  const server = createServer((incoming, answer) => {
    const name = `${incoming.method} ${incoming.url}`;
    seen.push(name);

    const fate = proxy.fate(name);
    carry(incoming, answer, { hostname, port, fate });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  const own = typeof address === 'object' && address !== null ? address.port : 0;
  return {
    url: `http://127.0.0.1:${own}`,
    seen,
    get fate() {
      return proxy.fate;
    },
    set fate(fate) {
      proxy.fate = fate;
    },
    stop: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

function carry(
  incoming: IncomingMessage,
  answer: ServerResponse,
  { hostname, port, fate }: { readonly hostname: string; readonly port: string; readonly fate: Fate },
): void {
  if (fate === 'silence') return void incoming.resume();
  if (fate === 'slow-down') {
    incoming.resume();
    answer.writeHead(503, { 'content-type': 'application/xml' });
    return void answer.end('<Error><Code>SlowDown</Code><Message>Reduce your request rate.</Message></Error>');
  }
  const { method, url, headers } = incoming;
  const onward = request({ hostname, port, method, path: url, headers }, (response) => {
    if (fate === 'lose-answer') {
      response.resume();
      return void response.once('end', () => incoming.socket.destroy());
    }
    answer.writeHead(response.statusCode ?? 500, response.headers);
    response.pipe(answer);
  });
  onward.on('error', () => incoming.socket.destroy());
  incoming.on('error', () => onward.destroy());
  let passed = 0;
  incoming.on('data', (chunk: Buffer) => {
    passed += chunk.length;
    if (fate === 'cut' && passed > CUT_AFTER) {
      onward.destroy();
      incoming.socket.destroy();
      return;
    }
    if (!onward.write(chunk)) {
      incoming.pause();
      onward.once('drain', () => incoming.resume());
    }
  });
  incoming.on('end', () => onward.end());
}
