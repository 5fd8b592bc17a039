import type { NewSystemEvent } from '../../runs/event.ts';
import type { WatchBody } from '../../schedules/event.ts';
import type { Actor } from '../../runs/person.ts';
import type { EventStore } from '../ports.ts';
import { WATCH_TYPES } from '../../schedules/event.ts';
import { foldWatch, NOTHING_YET, type WatchState } from '../../schedules/fold.ts';

/** The rows of the system stream about schedules, alarms and sets: read once, then only what is new. */
export class WatchLog {
  readonly #store: Pick<EventStore, 'appendSystem' | 'systemEvents'>;
  readonly #clock: () => Date;
  #state: WatchState = NOTHING_YET;
  #reading: Promise<WatchState> | null = null;

  constructor(store: Pick<EventStore, 'appendSystem' | 'systemEvents'>, clock: () => Date) {
    this.#store = store;
    this.#clock = clock;
  }

  /** As the log is at this moment. */
  async state(): Promise<WatchState> {
    // Whoever asks while somebody reads may have appended in between: they read after that.
    while (this.#reading !== null) await this.#reading.catch(() => undefined);
    this.#reading = this.#read();
    try {
      return await this.#reading;
    } finally {
      this.#reading = null;
    }
  }

  /** True when this call recorded it; false when it was recorded under that key before. */
  async record(body: WatchBody, actor: Actor, key?: string): Promise<boolean> {
    const event: NewSystemEvent = { ...body, at: this.#clock().toISOString(), actor };
    return (await this.#store.appendSystem(event, key)).appended;
  }

  async #read(): Promise<WatchState> {
    const events = await this.#store.systemEvents(WATCH_TYPES, this.#state.version);
    this.#state = events.reduce(foldWatch, this.#state);
    return this.#state;
  }
}
