import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';

/** A TCP line to the server that can fall silent without closing, as a pulled cable does. */
export async function breakableLine(url: string) {
  const target = new URL(url);
  const sockets = new Set<Socket>();
  const lines: { dead: boolean }[] = [];
  let silent = false;
  const server: Server = createServer((near) => {
    const far = connect(Number(target.port), target.hostname);
    for (const socket of [near, far]) {
      sockets.add(socket);
      socket.on('error', () => undefined);
      socket.on('close', () => (near.destroy(), far.destroy()));
    }
    // Lines that were silent once stay silent: what was sent meanwhile is gone.
    const own = { dead: silent };
    lines.push(own);
    const forward = (to: Socket) => (chunk: Buffer) => {
      if (!own.dead) to.write(chunk);
    };
    near.on('data', forward(far));
    far.on('data', forward(near));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new TypeError('a TCP server has a port');
  const near = new URL(url);
  near.port = String(address.port);
  return {
    url: near.href,
    fallSilent: () => {
      silent = true;
      for (const line of lines) line.dead = true;
    },
    speakAgain: () => (silent = false),
    async close() {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}
