/** Counts what people wait for, so that a stop lets it finish: SocketModeReceiver.stop() waits for nobody. */
export class InFlight {
  readonly #running = new Set<Promise<unknown>>();

  /** Runs the work and counts it until it ends. */
  async run<T>(work: () => Promise<T>): Promise<T> {
    const promise = work();
    this.#running.add(promise);
    try {
      return await promise;
    } finally {
      this.#running.delete(promise);
    }
  }

  get count(): number {
    return this.#running.size;
  }

  /** Waits until nothing runs; false when something still runs after `ms`. */
  async drain(ms: number): Promise<boolean> {
    const timeout = AbortSignal.timeout(ms);
    const late = new Promise<void>((resolve) => {
      timeout.addEventListener('abort', () => resolve(), { once: true });
    });
    while (this.#running.size > 0 && !timeout.aborted) {
      await Promise.race([Promise.allSettled(this.#running), late]);
    }
    return this.#running.size === 0;
  }
}
