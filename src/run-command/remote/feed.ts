import type { Readable, Writable } from 'node:stream';

const LARGEST_FRAME = 256 * 1024;
/** Bytes under way that the program has not taken yet: enough for 50 MB/s at 20 ms. */
const WINDOW = 1024 * 1024;

/** A program's standard input, sent in frames as wrapper.sh reads them. */
export interface Feed {
  /** The program has taken one more frame. */
  acked(): void;
  /** Sends no more, not even the end of the input, and lets go of the source. */
  stop(): void;
  /** Rejects when the source fails: the program must not take what came until then for the whole. */
  readonly done: Promise<void>;
}

/** Sends `source` to its end (null: just the end). Never more than a window ahead of the program. */
export function feed(source: Readable | null, out: Writable): Feed {
  const underWay: number[] = [];
  const now = { bytes: 0, stopped: false };
  let wake: () => void = () => undefined;

  async function send(part: Buffer): Promise<void> {
    while (!now.stopped && now.bytes > 0 && now.bytes + part.length > WINDOW) {
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
    }
    if (now.stopped) return;
    underWay.push(part.length);
    now.bytes += part.length;
    out.write(Buffer.concat([Buffer.from(`${part.length}\n`), part, Buffer.from('\n')]));
  }
  async function pump(): Promise<void> {
    try {
      for await (const chunk of source ?? []) {
        const whole = typeof chunk === 'string' ? Buffer.from(chunk) : (chunk as Buffer);
        for (let at = 0; at < whole.length; at += LARGEST_FRAME) await send(whole.subarray(at, at + LARGEST_FRAME));
        if (now.stopped) return;
      }
    } catch (error) {
      if (!now.stopped) throw error;
    }
    if (!now.stopped) out.write('0\n');
  }
  const done = pump();
  done.catch(() => undefined); // whoever waits for it may do so later
  return {
    done,
    acked() {
      now.bytes -= underWay.shift() ?? 0;
      wake();
    },
    stop() {
      now.stopped = true;
      wake();
      source?.on('error', () => undefined).destroy();
    },
  };
}
