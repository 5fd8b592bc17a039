import { StringDecoder } from 'node:string_decoder';

/** Longer lines are handed over in pieces, so that a program without line ends cannot fill the memory. */
const LONGEST_LINE = 1024 * 1024;

/** Takes a stream's chunks: keeps the first and the last half of `keep` bytes, counts all, hands over whole lines. */
export interface Collector {
  take(chunk: Buffer): void;
  /** The stream has ended: hands over an unfinished last line. */
  end(): void;
  bytes(): number;
  text(): string;
}

/** A {@link Collector} that keeps `keep` bytes, and calls `onLine` for each line without its line end. */
export function collector(keep: number, onLine?: (line: string) => void): Collector {
  const headLimit = Math.ceil(keep / 2);
  const tailLimit = keep - headLimit;
  const head: Buffer[] = [];
  const tail: Buffer[] = [];
  let headBytes = 0;
  let tailBytes = 0;
  let bytes = 0;
  const lines = onLine === undefined ? null : lineSplitter(onLine);

  function keepTail(chunk: Buffer): void {
    tail.push(chunk);
    tailBytes += chunk.length;
    for (let first = tail[0]; first && tailBytes - first.length >= tailLimit; first = tail[0]) {
      tail.shift();
      tailBytes -= first.length;
    }
  }
  return {
    take(chunk) {
      bytes += chunk.length;
      lines?.take(chunk);
      const room = headLimit - headBytes;
      if (room > 0) {
        head.push(chunk.subarray(0, room));
        headBytes += Math.min(room, chunk.length);
      }
      if (chunk.length > room) keepTail(chunk.subarray(Math.max(room, 0)));
    },
    end: () => lines?.end(),
    bytes: () => bytes,
    text() {
      if (keep === 0) return '';
      const last = Buffer.concat(tail);
      const left = bytes - headBytes - Math.min(last.length, tailLimit);
      const start = Buffer.concat(head).toString('utf8');
      const end = tailLimit === 0 ? '' : last.subarray(-tailLimit).toString('utf8');
      // Kept whole: decode whole, or a character on the border of the halves would be torn.
      if (left === 0) return Buffer.concat([...head, last]).toString('utf8');
      return `${start}\n[${left} bytes left out]\n${end}`;
    },
  };
}

function lineSplitter(onLine: (line: string) => void): { take(chunk: Buffer): void; end(): void } {
  const decoder = new StringDecoder('utf8');
  let rest = '';
  return {
    take(chunk) {
      const parts = (rest + decoder.write(chunk)).split('\n');
      rest = parts.pop() ?? '';
      for (const part of parts) onLine(part.endsWith('\r') ? part.slice(0, -1) : part);
      if (rest.length > LONGEST_LINE) {
        onLine(rest);
        rest = '';
      }
    },
    end() {
      rest += decoder.end();
      if (rest !== '') onLine(rest);
      rest = '';
    },
  };
}
