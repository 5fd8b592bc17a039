import { once } from 'node:events';
import { createServer, type Socket } from 'node:net';
import { Client } from 'pg';

/**
 * A pooler in transaction mode, as far as our check needs one: whoever sends the first message of a transaction gets
 * the session that became free last, and keeps it until ReadyForQuery says "idle". Left out: passwords (it lets
 * everybody in), TLS, cancel requests, prepared statements across sessions, waiting when all sessions are taken.
 */
export async function startTransactionPooler(url: string, sessions = 2) {
  const idle = await Promise.all(Array.from({ length: sessions }, () => openSession(url)));
  const all = [...idle];
  const sockets = new Set<Socket>();
  const server = createServer((client) => {
    sockets.add(client);
    client.on('error', () => undefined);
    let mine: Session | null = null;
    client.once('data', () => {
      // The startup message, answered as if the password had been right.
      client.write(Buffer.concat([frame('R', int32(0)), frame('K', int32(1), int32(1)), frame('Z', Buffer.from('I'))]));
      client.on('data', (chunk) => {
        if (chunk[0] === 'X'.charCodeAt(0)) return;
        if (mine === null) {
          mine = idle.pop() ?? null;
          if (mine === null) {
            client.destroy();
            return;
          }
          const taken = mine;
          taken.attach(client, () => {
            mine = null;
            idle.push(taken);
          });
        }
        mine.socket.write(chunk);
      });
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new TypeError('a TCP server has a port');
  const pooled = new URL(url);
  pooled.port = String(address.port);
  return {
    url: pooled.href,
    async stop() {
      for (const socket of sockets) socket.destroy();
      for (const session of all) session.socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}

interface Session {
  readonly socket: Socket;
  attach(client: Socket, free: () => void): void;
}

/** Lets `pg` log in, then takes over its socket. */
async function openSession(url: string): Promise<Session> {
  const login = new Client({ connectionString: url, application_name: 'pooler' });
  login.on('error', () => undefined);
  await login.connect();
  const socket = (login as unknown as { connection: { stream: Socket } }).connection.stream;
  socket.removeAllListeners('data');
  socket.removeAllListeners('end');
  socket.on('error', () => undefined);
  let to: Socket | null = null;
  let freed: () => void = () => undefined;
  let rest = Buffer.alloc(0);
  socket.on('data', (chunk) => {
    to?.write(chunk);
    rest = Buffer.concat([rest, chunk]);
    // Frames: one byte of type, four of length (itself included), the body.
    while (rest.length >= 5 && rest.length >= rest.readInt32BE(1) + 1) {
      const end = rest.readInt32BE(1) + 1;
      if (rest[0] === 'Z'.charCodeAt(0) && rest[5] === 'I'.charCodeAt(0)) freed();
      rest = rest.subarray(end);
    }
  });
  return {
    socket,
    attach(client, free) {
      to = client;
      freed = free;
    },
  };
}

function frame(type: string, ...parts: Buffer[]): Buffer {
  const body = Buffer.concat(parts);
  return Buffer.concat([Buffer.from(type), int32(body.length + 4), body]);
}

function int32(value: number): Buffer {
  const buffer = Buffer.alloc(4);
  buffer.writeInt32BE(value);
  return buffer;
}
