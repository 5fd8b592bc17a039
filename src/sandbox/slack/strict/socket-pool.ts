import { randomUUID } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import type { Inbound } from './inbound.ts';
import { acceptSocket, type ServerSocket } from './websocket.ts';

/** Slack's patience for an acknowledgement. */
export const ACK_MS = 3000;

export type Acknowledged = { readonly payload: unknown } | 'timeout' | 'nobody';

/** The Socket Mode connections of the app. Each envelope goes to one of them, as with Slack. */
export interface SocketPool {
  send(inbound: Inbound, retry: number): Promise<Acknowledged>;
  /** Takes a connection; false when its ticket is unknown or used. */
  connect(request: IncomingMessage, stream: Duplex): boolean;
  /** A one-time path for a new connection. */
  newPath(): string;
  size(): number;
  /** `recycle`: Slack's disconnect message and a close; `cut`: the line goes dead. */
  drop(how: 'recycle' | 'cut'): void;
}

export function socketPool(): SocketPool {
  const sockets = new Set<ServerSocket>();
  const tickets = new Set<string>();
  const waiting = new Map<string, (payload: unknown) => void>();
  let turn = 0;
  return {
    send: (inbound, retry) => {
      const socket = [...sockets][turn % Math.max(sockets.size, 1)];
      turn += 1;
      if (socket === undefined) return Promise.resolve('nobody');
      const envelope = randomUUID();
      return new Promise((resolve) => {
        const finish = (how: Acknowledged): void => {
          clearTimeout(timer);
          waiting.delete(envelope);
          resolve(how);
        };
        const timer = setTimeout(() => finish('timeout'), ACK_MS);
        waiting.set(envelope, (payload) => finish({ payload }));
        socket.send(JSON.stringify(envelopeOf(envelope, inbound, retry)));
      });
    },
    connect: (request, stream) => {
      if (!tickets.delete(request.url ?? '')) return false;
      const socket = acceptSocket(request, stream, {
        onText: (text) => {
          const message = JSON.parse(text) as { envelope_id?: string; payload?: unknown };
          waiting.get(message.envelope_id ?? '')?.(message.payload);
        },
        onClose: () => void sockets.delete(socket),
      });
      sockets.add(socket);
      socket.send(hello(sockets.size));
      return true;
    },
    newPath: () => {
      const path = `/socket/${randomUUID()}`;
      tickets.add(path);
      return path;
    },
    size: () => sockets.size,
    drop: (how) => {
      for (const socket of sockets) {
        if (how === 'recycle') socket.send(JSON.stringify({ type: 'disconnect', reason: 'refresh_requested' }));
        else socket.destroy();
      }
    },
  };
}

function hello(connections: number): string {
  return JSON.stringify({
    type: 'hello',
    num_connections: connections,
    connection_info: { app_id: 'sandbox' },
    debug_info: { host: 'strict-stand-in', approximate_connection_time: 18_060 },
  });
}

function envelopeOf(id: string, inbound: Inbound, retry: number): object {
  return {
    envelope_id: id,
    type: inbound.type,
    payload: inbound.payload,
    accepts_response_payload: inbound.type !== 'events_api',
    ...(retry === 0 ? {} : { retry_attempt: retry, retry_reason: 'timeout' }),
  };
}
