import { openGate } from '../../runs/rules/gate.ts';
import { digestOf } from '../../runs/json.ts';
import type { Run } from '../../runs/run.ts';
import { failureOf } from '../outcome.ts';
import type { Drawing } from '../views/kit/blocks.ts';
import type { PublishPorts } from './ports.ts';
import { TIMES } from './ports.ts';

/** What became of an edit. `same`: the message already looks like this. */
export type Editing =
  | { readonly is: 'same' | 'edited' }
  | { readonly is: 'impossible'; readonly why: string }
  | { readonly is: 'later'; readonly afterMs: number };

/** chat.update is Tier 3, about 50 a minute for all channels together; the last few are kept for what cannot wait. */
const BUDGET = { ordinary: 40, urgent: 48 } as const;

interface Look {
  readonly digest: string;
  readonly at: number;
}

/** Edits messages when their drawing changed, within the pace that Slack and the reader bear. */
export class Editor {
  readonly #ports: PublishPorts;
  /** How each message looks, by run and slot. In memory: after a restart each gets one edit more. */
  readonly #looks = new Map<string, Map<string, Look>>();
  readonly #recent: number[] = [];
  #pausedUntil = 0;

  constructor(ports: PublishPorts) {
    this.#ports = ports;
  }

  /**
   * Edits the message if its drawing changed; not more often than once in `editSeconds`. An end, or buttons that people
   * were just asked to press, never wait for the progress of other runs.
   */
  async edit(run: Run, slot: string, drawing: Drawing): Promise<Editing> {
    const place = run.messages[slot];
    if (place?.ts === undefined) return { is: 'impossible', why: 'it was never posted' };
    const before = this.#looks.get(run.id)?.get(slot);
    if (before?.digest === digestOf(drawing)) return { is: 'same' };
    const urgent = run.outcome !== undefined || openGate(run) !== undefined;
    const afterMs = this.#wait(before?.at ?? 0, urgent);
    return afterMs > 0 ? { is: 'later', afterMs } : await this.#send(run, slot, drawing, place.channel, place.ts);
  }

  /** Remembers how a message looks that was just posted. */
  posted(run: Run, slot: string, drawing: Drawing): void {
    const slots = this.#looks.get(run.id) ?? new Map<string, Look>();
    slots.set(slot, { digest: digestOf(drawing), at: Date.now() });
    this.#looks.set(run.id, slots);
  }

  /** Forgets how messages look: the next drawing is sent whatever it is. */
  forget(runId: string, slot?: string): void {
    if (slot === undefined) this.#looks.delete(runId);
    else this.#looks.get(runId)?.delete(slot);
  }

  async #send(run: Run, slot: string, drawing: Drawing, channel: string, ts: string): Promise<Editing> {
    this.#recent.push(Date.now());
    try {
      await this.#ports.client.chat.update({ channel, ts, text: drawing.text, blocks: [...drawing.blocks] });
      this.posted(run, slot, drawing);
      return { is: 'edited' };
    } catch (error) {
      const failure = failureOf(error);
      if (failure.kind === 'refused') return { is: 'impossible', why: failure.why };
      // An edit may be sent again and again, also after an unknown outcome: the newest drawing wins.
      if (failure.kind === 'unknown') return { is: 'later', afterMs: 3000 };
      this.#pausedUntil = Math.max(this.#pausedUntil, Date.now() + failure.afterMs);
      return { is: 'later', afterMs: failure.afterMs };
    }
  }

  /** Milliseconds until an edit is allowed; 0 means now. */
  #wait(last: number, urgent: boolean): number {
    const now = Date.now();
    const windowMs = this.#ports.times?.editWindowMs ?? TIMES.editWindowMs;
    while ((this.#recent[0] ?? Infinity) <= now - windowMs) this.#recent.shift();
    const allowed = urgent ? BUDGET.urgent : BUDGET.ordinary;
    const full = this.#recent.length >= allowed;
    const crowded = full ? (this.#recent.at(-allowed) ?? now) + windowMs - now : 0;
    return Math.max(this.#pausedUntil - now, crowded, last + this.#ports.editSeconds * 1000 - now, 0);
  }
}
