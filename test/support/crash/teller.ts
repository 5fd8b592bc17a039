import { setTimeout as pause } from 'node:timers/promises';
import type { RunEvent } from '../../../src/runs/event.ts';
import type { Run } from '../../../src/runs/run.ts';
import { fold } from '../../../src/runs/evolve.ts';
import { openGate } from '../../../src/runs/rules/gate.ts';
import { isUnsettled } from '../../../src/runs/run-index.ts';
import { ALICE, BOB, CAROL } from '../story.ts';
import { startCrashBot, type CrashBot } from './crash-bot.ts';
import type { Doom } from './crash-child.ts';
import type { CrashWorld } from './crash-world.ts';

/** Without a new event: a machine that is busy with other things tells a long story slowly. */
const PATIENCE_MS = 60_000;
const POLL_MS = 50;

/** The chapters, in the order in which they are told. */
export const CHAPTERS = ['backup', 'drill', 'restore'] as const;
/** `declarative`: a restore by decK, which changes the live database where it is. */
export type Chapter = (typeof CHAPTERS)[number] | 'declarative';

export interface TellerOptions {
  /** When the bot dies; null: it lives. */
  readonly doom?: Doom | null;
  /** Parts of the bot's environment that are not the world's. */
  readonly env?: NodeJS.ProcessEnv;
  /** A second teller on the same world asks for runs of its own. */
  readonly name?: string;
  /** The newest run of the world when this teller begins. */
  readonly after?: string | null;
  /** What the bot logs. */
  readonly heard?: (text: string) => void;
}

/** Plays the people of a story with one bot after the other: whoever was killed is replaced. */
export class Teller {
  #bot: CrashBot;
  #last: string | null;
  readonly #world: CrashWorld;
  readonly #options: TellerOptions;

  constructor(world: CrashWorld, options: TellerOptions = {}) {
    this.#world = world;
    this.#options = options;
    this.#last = options.after ?? null;
    this.#bot = this.#newBot();
  }

  async tell(chapter: Chapter): Promise<{ readonly run: Run; readonly events: readonly RunEvent[] }> {
    let until = Date.now() + PATIENCE_MS;
    let version = 0;
    for (;;) {
      const killed = this.#bot.killed();
      const events = await this.#events();
      const run = fold(events);
      if (events.length > version) until = Date.now() + PATIENCE_MS;
      version = events.length;
      // Whatever died, and whenever: the gateway's database is the old one or the restored one, as the log says.
      const live = await this.#world.live();
      if (killed) {
        expectLive(live, run);
        this.#bot = this.#newBot();
      }
      if (run !== null && isOver(run) && this.#bot.alive()) {
        this.#last = run.id;
        return { run, events };
      }
      await this.#people(chapter, run, live);
      if (Date.now() > until) {
        throw new Error(`the ${chapter} does not end; last event ${JSON.stringify(events.at(-1))}\n${this.#bot.log()}`);
      }
      await pause(POLL_MS);
    }
  }

  #newBot(): CrashBot {
    const { doom = null, env = {}, heard } = this.#options;
    return startCrashBot({ ...this.#world.env, ...env }, doom, heard);
  }

  async end(): Promise<void> {
    await this.#bot.stop();
  }

  /** Events of the newest run, unless that is the one of the chapter before. */
  async #events(): Promise<RunEvent[]> {
    const [newest] = await this.#world.store.findRuns({ limit: 1 });
    return newest === undefined || newest.id === this.#last ? [] : await this.#world.store.load(newest.id);
  }

  /** What people do next: Alice asks, approvers say go once told of the gate, Alice takes back what is live. */
  async #people(chapter: Chapter, run: Run | null, live: 'old' | 'new'): Promise<void> {
    const { name = '' } = this.#options;
    if (run === null) return this.#bot.send(chapter, { do: chapter, person: ALICE, key: `${name}${chapter}` });
    const gate = openGate(run);
    if (gate !== undefined && run.messages[`needs-you:${gate.gate}`]?.status === 'posted')
      return this.#vote(chapter, gate.gate);
    if (run.hold !== undefined && saysLive(this.#world, run)) {
      if ((live === 'new') !== (chapter === 'restore') || (await served(this.#world)) !== 404)
        throw new Error('the card says restored, and it is not');
      return this.#bot.send('rollback', { do: 'rollback', person: ALICE, runId: run.id });
    }
    if (run.outcome === 'rolled-back' && !isUnsettled(run))
      return this.#bot.send('unlock', { do: 'unlock', person: ALICE, runId: run.id });
  }

  /** Of a restore that deletes, two. */
  #vote(chapter: Chapter, gate: string): void {
    for (const person of chapter === 'declarative' ? [BOB, CAROL] : [BOB])
      this.#bot.send(`${gate} ${person}`, { do: 'vote', person, gate });
  }
}

/** What the log says was done is done; in between it is the one or the other. */
function expectLive(live: 'old' | 'new', run: Run | null): void {
  const there = run?.steps['swap-database'];
  const back = run?.steps['swap-back'];
  const must =
    there === undefined || there.attempt === 0 || back?.status === 'succeeded'
      ? 'old'
      : there.status === 'succeeded' && (back === undefined || back.attempt === 0)
        ? 'new'
        : live;
  if (live !== must) throw new Error(`the ${live} database is live where the log says the ${must} one is`);
}

/** The card says which database is live as soon as it is drawn after the swap, and people were told of it. */
function saysLive({ slack }: CrashWorld, run: Run): boolean {
  const card = slack.messages.find(({ ts }) => ts === run.messages['card']?.ts);
  const told = Object.entries(run.messages).some(
    ([slot, { status }]) => slot.startsWith('held:') && status === 'posted',
  );
  return told && card?.text.includes('is live and can be undone') === true;
}

function isOver(run: Run): boolean {
  const owesCause = run.outcome === 'rolled-back' && run.unlocked === undefined;
  return run.outcome !== undefined && !owesCause && !isUnsettled(run);
}

/** What the proxy answers where the restore takes a route away and the undo brings it back. */
export async function served({ node }: CrashWorld): Promise<number> {
  return (await fetch(`${node.proxyUrl}/before`)).status;
}
