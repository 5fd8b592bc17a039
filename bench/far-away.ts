import { once } from 'node:events';
import { createServer, request, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';

/** The same server as at `target`, but every answer takes `delayMs` longer: as over a network, or from a busy Kong. */
export async function farAway(
  target: string,
  delayMs: number,
): Promise<{ readonly url: string; stop(): Promise<void> }> {
  const server = createServer((incoming, answer) => void pass(incoming, answer, target, delayMs));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    stop: async () => {
      const closed = once(server, 'close');
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}

async function pass(incoming: IncomingMessage, answer: ServerResponse, target: string, delayMs: number): Promise<void> {
  await pause(delayMs);
  const { method, headers, url } = incoming;
  const outgoing = request(target + (url ?? ''), { method, headers }, (response) => {
    answer.writeHead(response.statusCode ?? 502, response.headers);
    response.pipe(answer);
  });
  outgoing.on('error', () => answer.destroy());
  incoming.pipe(outgoing);
}
