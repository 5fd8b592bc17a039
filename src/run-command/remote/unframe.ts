import { Transform } from 'node:stream';

/** What the other machine says between the bytes of a program: `ready`, `ack`, `end status 3`. */
export type OnWord = (word: string) => void;

/** Bytes outside the program's own that are kept, for messages. */
const KEEP_ASIDE = 16 * 1024;

export interface Unframed {
  /** Takes the raw stream, gives the program's own bytes: those between `ready` and `end`, without the words. */
  readonly stream: Transform;
  /** What came before and after: the transport's own words, greetings of the other machine. */
  aside(): string;
}

/** Takes the words that follow `mark` out of a stream. They may stand anywhere, also torn over chunks. */
export function unframe(mark: string, onWord: OnWord): Unframed {
  const needle = Buffer.from(`${mark} `);
  let rest: Buffer = Buffer.alloc(0);
  let inside = false;
  let aside = '';

  function give(stream: Transform, bytes: Buffer): void {
    if (bytes.length === 0) return;
    if (inside) stream.push(bytes);
    else aside = (aside + bytes.toString('utf8')).slice(-KEEP_ASIDE);
  }
  function hear(word: string): void {
    if (word === 'ready') inside = true;
    if (word.startsWith('end ')) inside = false;
    onWord(word);
  }
  const stream = new Transform({
    transform(chunk: Buffer, _, done) {
      let bytes = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
      for (;;) {
        const at = bytes.indexOf(needle);
        const from = at === -1 ? bytes.length - tornAt(bytes, needle) : at;
        give(this, bytes.subarray(0, from));
        bytes = bytes.subarray(from);
        const end = at === -1 ? -1 : bytes.indexOf('\n');
        if (end === -1) break;
        hear(bytes.subarray(needle.length, end).toString('utf8'));
        bytes = bytes.subarray(end + 1);
      }
      rest = bytes;
      done();
    },
    flush(done) {
      give(this, rest);
      done();
    },
  });
  return { stream, aside: () => aside };
}

/** How many of the last bytes may be the begin of the mark. */
function tornAt(bytes: Buffer, needle: Buffer): number {
  const longest = Math.min(bytes.length, needle.length - 1);
  for (let length = longest; length > 0; length -= 1) {
    if (bytes.subarray(-length).equals(needle.subarray(0, length))) return length;
  }
  return 0;
}
