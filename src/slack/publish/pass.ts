import type { Run } from '../../runs/run.ts';
import { awaitsReview } from '../../runs/rules/emergency.ts';
import { openGate } from '../../runs/rules/gate.ts';
import { cardLink } from '../answering/links.ts';
import { failureOf } from '../outcome.ts';
import type { ViewContext } from '../views/kit/context.ts';
import { card } from '../views/run/card.ts';
import type { ChannelCheck } from './channel.ts';
import { createChannelCheck } from './channel.ts';
import { Editor } from './edit.ts';
import type { Owed } from './owed.ts';
import { owedMessages } from './owed.ts';
import type { LoadedRun, PublishPorts } from './ports.ts';
import { TIMES } from './ports.ts';
import { Poster } from './post.ts';

/** Where a message is. */
export interface Place {
  readonly channel: string;
  readonly ts: string;
}

/** One look at a run: what is owed, post it; what changed, edit it; what has ended, settle it. */
export class Pass {
  readonly #ports: PublishPorts;
  readonly #poster: Poster;
  readonly #editor: Editor;
  readonly #check: (channel: string) => Promise<ChannelCheck>;

  constructor(ports: PublishPorts) {
    const times = { ...TIMES, ...ports.times };
    this.#ports = ports;
    this.#poster = new Poster(ports, times);
    this.#editor = new Editor(ports);
    this.#check = createChannelCheck(ports.client, ports.clock, times.channelMs);
  }

  /** Answers when to come back, in milliseconds; null when nothing is left to do. */
  async once(runId: string): Promise<number | null> {
    const loaded = await this.#ports.load(runId);
    if (loaded === null) return null;
    const hidden = await this.#hiddenGate(loaded.run);
    if (typeof hidden === 'number') return hidden;
    const round = new Round(loaded.run);
    for (const message of owedMessages(loaded.run, loaded.events, hidden, this.#ports.clock())) {
      if (!round.isStuck(message))
        await this.#bringUpToDate(round, message, await this.#view(loaded, round.run, hidden));
    }
    // Everything was drawn from the run as it was loaded: an end that came during the pass is not on the card yet.
    if (round.later === null && loaded.run.outcome === undefined && round.run.outcome !== undefined) return 0;
    // The card of an emergency is still to say who reviewed it.
    const over = loaded.run.outcome !== undefined && !awaitsReview(loaded.run);
    if (round.later === null && over) await this.#settle(round.run);
    return round.later;
  }

  /** Draws the card at a place where it looks out of date. `draw` is for the living one. */
  async repair(runId: string, place: Place, draw: (runId: string) => Promise<void>): Promise<void> {
    const loaded = await this.#ports.load(runId);
    if (loaded === null) return;
    const known = loaded.run.messages['card'];
    const living = known?.ts === place.ts && known.channel === place.channel;
    this.#editor.forget(runId, 'card');
    if (living && known.settled !== true) return await draw(runId);
    const hidden = await this.#hiddenGate(loaded.run);
    const view = await this.#view(loaded, loaded.run, typeof hidden === 'string' ? hidden : undefined);
    // An old copy gets the same picture under another mark: it must never be taken for the living card.
    const { text, blocks } = card(loaded.run, this.#ports.clock(), view, living ? 'card' : 'card-copy');
    await this.#ports.client.chat.update({ ...place, text, blocks: [...blocks] }).catch((error: unknown) => {
      this.#ports.log.warn({ run: runId, why: failureOf(error).why }, 'an old card could not be repaired');
    });
  }

  async #bringUpToDate(round: Round, message: Owed, view: ViewContext): Promise<void> {
    const state = round.run.messages[message.slot];
    if (state?.status === 'posted') return message.live ? await this.#edit(round, message, view) : undefined;
    if (state?.status === 'lost' || (state === undefined && !message.post)) return;
    await this.#post(round, message, view);
  }

  async #post(round: Round, message: Owed, view: ViewContext): Promise<void> {
    const thread = message.inThread ? round.run.messages['card']?.ts : undefined;
    if (message.inThread && thread === undefined) return;
    const drawing = message.draw(view, this.#ports.clock());
    const request = { slot: message.slot, to: message.to, drawing, ...(thread === undefined ? {} : { thread }) };
    const posting = await this.#poster.post(round.run, request);
    if (posting.is === 'later') return round.comeBack(posting.afterMs, message.slot);
    round.run = posting.run;
    if (posting.is === 'lost') return;
    if (posting.fresh) this.#editor.posted(round.run, message.slot, drawing);
    else if (message.live) await this.#edit(round, message, view);
  }

  async #edit(round: Round, message: Owed, view: ViewContext): Promise<void> {
    const { run } = round;
    if (run.messages[message.slot]?.settled === true) return;
    const drawing = message.draw(view, this.#ports.clock());
    const editing = await this.#editor.edit(run, message.slot, drawing);
    if (editing.is === 'later') round.comeBack(editing.afterMs, null);
    if (editing.is !== 'impossible') return;
    this.#ports.log.warn({ run: run.id, slot: message.slot, why: editing.why }, 'a Slack message could not be edited');
    const data = { slot: message.slot, why: `not editable: ${editing.why}` };
    const isPosted = ({ messages }: Run): boolean => messages[message.slot]?.status === 'posted';
    round.run = (await this.#ports.record(run.id, { type: 'message.lost', data }, isPosted)) ?? run;
  }

  async #settle(run: Run): Promise<void> {
    for (const slot of ['card', 'ended']) {
      const owes = ({ messages }: Run): boolean =>
        messages[slot]?.status === 'posted' && messages[slot].settled !== true;
      if (owes(run)) await this.#ports.record(run.id, { type: 'message.settled', data: { slot } }, owes);
    }
    this.#editor.forget(run.id);
  }

  async #view(loaded: LoadedRun, run: Run, hidden: string | undefined): Promise<ViewContext> {
    return {
      names: this.#ports.names,
      progress: loaded.progress,
      link: cardLink(this.#ports.bot(), run),
      head: run.outcome === undefined ? null : ((await this.#ports.head?.(run)) ?? null),
      ...(hidden === undefined ? {} : { noVotesHere: hidden }),
    };
  }

  /** Why the gate may not be shown in the run's channel; a number (milliseconds) when that must be asked later. */
  async #hiddenGate(run: Run): Promise<string | undefined | number> {
    const gate = openGate(run);
    if (gate === undefined || run.channel === null) return undefined;
    const check = await this.#check(run.channel);
    if (check.may === 'later') return check.afterMs;
    if (check.may === 'yes') return undefined;
    const data = {
      person: run.requestedBy,
      command: `show gate ${gate.gate} in ${run.channel}`,
      code: 'shared-channel',
      message: check.why,
    };
    const isNew = ({ messages }: Run): boolean => messages[`not-here:${gate.gate}`] === undefined;
    if (isNew(run)) await this.#ports.record(run.id, { type: 'refusal.recorded', data }, isNew);
    return check.why;
  }
}

/** What one pass knows so far: the run as it is after each append, and when to come back. */
class Round {
  run: Run;
  later: number | null = null;
  #stuck = 0;

  constructor(run: Run) {
    this.run = run;
  }

  comeBack(afterMs: number, unposted: string | null): void {
    this.later = Math.min(this.later ?? Infinity, Math.max(afterMs, 50));
    // Everything else hangs on the card: thread, links. And when two posts fail, Slack has trouble: leave it alone.
    if (unposted !== null) this.#stuck += unposted === 'card' ? 2 : 1;
  }

  isStuck(message: Owed): boolean {
    return this.#stuck >= 2 && this.run.messages[message.slot]?.status !== 'posted';
  }
}
