/** What the stand-in can be told to do wrong. `method` is a Web API method such as `chat.update`, or `*` for all. */
export interface Faults {
  /** Answers 429 with `Retry-After` the next `times` times. */
  rateLimit(method: string, retryAfterSeconds: number, times?: number): void;
  /** Refuses the next `times` calls with this Slack error code, before anything is done. */
  fail(method: string, error: string, times?: number): void;
  /** Does what was asked and then cuts the line instead of answering: accepted, and the caller cannot know. */
  loseResponse(method: string, times?: number): void;
  /** Waits this long before doing anything, until told 0. */
  delay(method: string, milliseconds: number): void;
  /** Delivers the next `times` commands, clicks and events twice. */
  deliverTwice(times?: number): void;
  /** `refused`: nothing listens. `unavailable`: everything answers 503. Socket connections are cut. */
  outage(kind: 'refused' | 'unavailable'): Promise<void>;
  /** Ends an outage on the same address. */
  restore(): Promise<void>;
  /** Recycles every Socket Mode connection, as Slack does every few hours. */
  recycleSockets(): void;
  /** Takes everything back but an outage. */
  clear(): void;
}

export type Fate =
  | { readonly kind: 'rate-limit'; readonly retryAfterSeconds: number }
  | { readonly kind: 'fail'; readonly error: string }
  | { readonly kind: 'lose-response' };

export interface FaultBook {
  readonly planned: Pick<Faults, 'rateLimit' | 'fail' | 'loseResponse' | 'delay' | 'deliverTwice' | 'clear'>;
  /** The fate of one call: taken from the book by asking. */
  fate(method: string): Fate | null;
  delayOf(method: string): number;
  takeDuplicate(): boolean;
}

interface Planned {
  readonly method: string;
  readonly fate: Fate;
  left: number;
}

/** Keeps the faults that were asked for and hands them out, oldest first. */
export function faultBook(): FaultBook {
  let plan: Planned[] = [];
  const delays = new Map<string, number>();
  let duplicates = 0;
  const add = (method: string, fate: Fate, left: number): void => void plan.push({ method, fate, left });
  return {
    planned: {
      rateLimit: (method, retryAfterSeconds, times = 1) =>
        add(method, { kind: 'rate-limit', retryAfterSeconds }, times),
      fail: (method, error, times = 1) => add(method, { kind: 'fail', error }, times),
      loseResponse: (method, times = 1) => add(method, { kind: 'lose-response' }, times),
      delay: (method, milliseconds) => void delays.set(method, milliseconds),
      deliverTwice: (times = 1) => void (duplicates += times),
      clear: () => {
        plan = [];
        delays.clear();
        duplicates = 0;
      },
    },
    fate: (method) => {
      const found = plan.find((one) => one.left > 0 && (one.method === method || one.method === '*'));
      if (found === undefined) return null;
      found.left -= 1;
      return found.fate;
    },
    delayOf: (method) => delays.get(method) ?? delays.get('*') ?? 0,
    takeDuplicate: () => {
      if (duplicates === 0) return false;
      duplicates -= 1;
      return true;
    },
  };
}
