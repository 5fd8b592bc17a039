import { createHash } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';

/** The server's end of a WebSocket (RFC 6455): text both ways, ping, pong, close. Enough for Socket Mode, no more. */
export interface ServerSocket {
  send(text: string): void;
  /** Asks the peer to close, as Slack does when it recycles a connection. */
  close(): void;
  /** Cuts the line without a word, as a network failure does. */
  destroy(): void;
}
export interface SocketEvents {
  onText(text: string): void;
  onClose(): void;
}

const GUID = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11';
const PING_MS = 10_000;
const OP = { continuation: 0, text: 1, close: 8, ping: 9, pong: 10 } as const;

/** Answers the upgrade request and speaks WebSocket on its socket from then on. */
export function acceptSocket(request: IncomingMessage, stream: Duplex, events: SocketEvents): ServerSocket {
  const key = request.headers['sec-websocket-key'] ?? '';
  const accept = createHash('sha1')
    .update(key + GUID)
    .digest('base64');
  stream.write(
    `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept}\r\n\r\n`,
  );
  const write = (opcode: number, payload: Buffer): void => {
    if (stream.writable) stream.write(frame(opcode, payload));
  };
  let pending: Buffer = Buffer.alloc(0);
  let parts: Buffer[] = [];
  const take = (opcode: number, last: boolean, payload: Buffer): void => {
    if (opcode === OP.ping) write(OP.pong, payload);
    else if (opcode === OP.close) {
      write(OP.close, payload);
      stream.end();
    } else if (opcode === OP.text || opcode === OP.continuation) {
      parts.push(payload);
      if (!last) return;
      const whole = Buffer.concat(parts).toString('utf8');
      parts = [];
      events.onText(whole);
    }
  };
  stream.on('data', (chunk: Buffer) => {
    pending = Buffer.concat([pending, chunk]);
    for (let next = parse(pending); next !== null; next = parse(pending)) {
      pending = pending.subarray(next.length);
      take(next.opcode, next.last, next.payload);
    }
  });
  const pings = setInterval(() => write(OP.ping, Buffer.alloc(0)), PING_MS);
  stream.on('error', () => stream.destroy());
  stream.once('close', () => {
    clearInterval(pings);
    events.onClose();
  });
  return {
    send: (value) => write(OP.text, Buffer.from(value, 'utf8')),
    close: () => write(OP.close, Buffer.from([0x03, 0xe8])),
    destroy: () => stream.destroy(),
  };
}

/** One unmasked frame, as servers send them. */
function frame(opcode: number, payload: Buffer): Buffer {
  const size = payload.length;
  const head = size < 126 ? Buffer.alloc(2) : size < 65_536 ? Buffer.alloc(4) : Buffer.alloc(10);
  head[0] = 0x80 | opcode;
  if (size < 126) head[1] = size;
  else if (size < 65_536) {
    head[1] = 126;
    head.writeUInt16BE(size, 2);
  } else {
    head[1] = 127;
    head.writeBigUInt64BE(BigInt(size), 2);
  }
  return Buffer.concat([head, payload]);
}

interface Frame {
  readonly opcode: number;
  readonly last: boolean;
  readonly payload: Buffer;
  /** Bytes it took, header included. */
  readonly length: number;
}

/** The first whole frame of what has arrived, or null while it is not all there. Clients always mask. */
function parse(bytes: Buffer): Frame | null {
  if (bytes.length < 2) return null;
  const short = bytes.readUInt8(1) & 0x7f;
  const sizeBytes = short === 126 ? 2 : short === 127 ? 8 : 0;
  const start = 2 + sizeBytes + 4;
  if (bytes.length < start) return null;
  const size = sizeBytes === 0 ? short : sizeBytes === 2 ? bytes.readUInt16BE(2) : Number(bytes.readBigUInt64BE(2));
  if (bytes.length < start + size) return null;
  const mask = bytes.subarray(start - 4, start);
  const payload = Buffer.from(bytes.subarray(start, start + size));
  for (let i = 0; i < size; i += 1) payload[i] = payload.readUInt8(i) ^ mask.readUInt8(i % 4);
  const first = bytes.readUInt8(0);
  return { opcode: first & 0x0f, last: (first & 0x80) !== 0, payload, length: start + size };
}
