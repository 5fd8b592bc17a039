/** Bad days on demand. Each fault takes the next matching requests, then it is spent. */
export interface Faults {
  /**
   * The next `times` (default 1) requests with this method (`*` for any) whose path and query match answer `status`
   * with `body` (default `{"message": "injected"}`) instead of doing anything.
   */
  respond(method: string, path: RegExp, status: number, options?: { times?: number; body?: unknown }): void;
  /** The next `times` (default 1) matching requests are never answered; they end when the caller gives up. */
  hang(method: string, path: RegExp, times?: number): void;
  /** The next `times` (default 1) matching requests lose their connection without an answer. */
  drop(method: string, path: RegExp, times?: number): void;
  /** Forgets every fault that is not spent. */
  clear(): void;
  /** Nobody can connect, open connections are cut: a dead node. */
  stopListening(): Promise<void>;
  /** The node is back at the same address. */
  listenAgain(): Promise<void>;
}

export type Effect =
  | { readonly kind: 'respond'; readonly status: number; readonly body: unknown }
  | { readonly kind: 'hang' | 'drop' };

interface Planned {
  readonly method: string;
  readonly path: RegExp;
  readonly effect: Effect;
  left: number;
}

/** The faults that are planned, in the order in which they were. */
export class FaultPlan {
  private planned: Planned[] = [];

  add(method: string, path: RegExp, effect: Effect, times: number): void {
    this.planned.push({ method, path, effect, left: times });
  }

  clear(): void {
    this.planned = [];
  }

  /** The fault that takes this request, if any; it is used up by one. */
  take(method: string, path: string): Effect | null {
    const hit = this.planned.find(
      (fault) => fault.left > 0 && (fault.method === '*' || fault.method === method) && fault.path.test(path),
    );
    if (!hit) return null;
    hit.left -= 1;
    return hit.effect;
  }
}
