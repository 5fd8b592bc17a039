import { existsSync, readFileSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { setTimeout as pause } from 'node:timers/promises';
import type { RunEvent } from '../../../src/runs/event.ts';
import type { Run } from '../../../src/runs/run.ts';
import { fold } from '../../../src/runs/evolve.ts';
import { openGate } from '../../../src/runs/rules/gate.ts';
import { isUnsettled } from '../../../src/runs/run-index.ts';
import { ALICE, BOB } from '../story.ts';
import { ask } from '../kong/stand-in-kong.ts';
import { startCrashBot, type CrashBot } from './crash-bot.ts';
import type { Doom } from './crash-child.ts';
import { openCrashWorld, type CrashWorld } from './crash-world.ts';
import { pointOf } from './point.ts';

const PATIENCE_MS = 90_000;
const POLL_MS = 30;

/** The chapters, in the order in which they are told. */
export const CHAPTERS = ['backup', 'drill', 'restore'] as const;
type Chapter = (typeof CHAPTERS)[number];

/** How a chapter ended: the same, whenever the bot was killed. */
export interface Ending {
  readonly outcome: Run['outcome'];
  /** What people read at the end, times, sizes and numbers made equal. */
  readonly messages: readonly string[];
  /** Files that the run left at the destination. */
  readonly stored: readonly string[];
  readonly databases: readonly string[];
  readonly live: 'old' | 'new';
  /** What the proxy answers where the restore took a route away and the undo brought it back. */
  readonly served: number;
  readonly leftBehind: readonly string[];
}

/** One telling of the whole story on a gateway of its own. */
export interface Told {
  readonly endings: Readonly<Record<Chapter, Ending>>;
  /** Every place in the story, in order: `backup: step.started preflight`. */
  readonly points: readonly string[];
  /** Where the bot was killed. */
  readonly deaths: readonly string[];
}

/**
 * Tells the story once: an encrypted backup with a go, a drill of it, a change of the gateway, a restore with its safety
 * backup that goes live, and its undo. With a doom the bot is killed at each point of that telling, and another takes over.
 */
export async function tellStory(redisUrl: string | null, doom: Omit<Doom, 'deaths'> | null): Promise<Told> {
  const world = await openCrashWorld(redisUrl);
  const teller = new Teller(world, doom === null ? null : { ...doom, deaths: world.deaths });
  try {
    const endings: Partial<Record<Chapter, Ending>> = {};
    const points: string[] = [];
    for (const chapter of CHAPTERS) {
      if (chapter === 'restore') await addRoute(world);
      const { run, events } = await teller.tell(chapter);
      points.push(...events.map((event) => `${run.kind}: ${pointOf(event, events)}`));
      endings[chapter] = await endingOf(world, run);
    }
    await teller.end();
    return { endings: endings as Record<Chapter, Ending>, points: [...new Set(points)], deaths: deathsIn(world) };
  } finally {
    await teller.end();
    await world.end();
  }
}

/** The change that the restore takes away: a route that is not in the backup. */
async function addRoute({ node }: CrashWorld): Promise<void> {
  await ask(node.url, 'POST', '/services/catalog/routes', { name: 'before', paths: ['/before'] });
}

class Teller {
  #bot: CrashBot;
  #last: string | null = null;
  readonly #world: CrashWorld;
  readonly #doom: Doom | null;

  constructor(world: CrashWorld, doom: Doom | null) {
    this.#world = world;
    this.#doom = doom;
    this.#bot = startCrashBot(world.env, doom);
  }

  async tell(chapter: Chapter): Promise<{ readonly run: Run; readonly events: readonly RunEvent[] }> {
    const until = Date.now() + PATIENCE_MS;
    for (;;) {
      const killed = this.#bot.killed();
      const events = await this.#events();
      const run = fold(events);
      // Whatever died, and whenever: the gateway's database is the old one or the restored one, as the log says.
      const live = await this.#world.live();
      if (killed) {
        expectLive(live, run);
        this.#bot = startCrashBot(this.#world.env, this.#doom);
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

  async end(): Promise<void> {
    await this.#bot.stop();
  }

  /** Events of the newest run, unless that is the one of the chapter before. */
  async #events(): Promise<RunEvent[]> {
    const [newest] = await this.#world.store.findRuns({ limit: 1 });
    return newest === undefined || newest.id === this.#last ? [] : await this.#world.store.load(newest.id);
  }

  /** What people do next: Alice asks, Bob says go once he was told of the gate, Alice takes back what is live. */
  async #people(chapter: Chapter, run: Run | null, live: 'old' | 'new'): Promise<void> {
    if (run === null) return this.#bot.send(chapter, { do: chapter, person: ALICE, key: chapter });
    const gate = openGate(run);
    if (gate !== undefined && run.messages[`needs-you:${gate.gate}`]?.status === 'posted')
      return this.#bot.send(gate.gate, { do: 'vote', person: BOB, gate: gate.gate });
    if (run.hold !== undefined && saysLive(this.#world, run)) {
      if (live !== 'new' || (await served(this.#world)) !== 404)
        throw new Error('the card says restored, and it is not');
      return this.#bot.send('rollback', { do: 'rollback', person: ALICE, runId: run.id });
    }
    if (run.outcome === 'rolled-back' && !isUnsettled(run))
      return this.#bot.send('unlock', { do: 'unlock', person: ALICE, runId: run.id });
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

/** The card says which database is live, as soon as it is drawn after the swap. */
function saysLive({ slack }: CrashWorld, run: Run): boolean {
  const card = slack.messages.find(({ ts }) => ts === run.messages['card']?.ts);
  return card?.text.includes('is live and can be undone') === true;
}

function isOver(run: Run): boolean {
  const owesCause = run.outcome === 'rolled-back' && run.unlocked === undefined;
  return run.outcome !== undefined && !owesCause && !isUnsettled(run);
}

async function endingOf(world: CrashWorld, run: Run): Promise<Ending> {
  return {
    outcome: run.outcome,
    messages: messagesOf(world, run.id),
    stored: await storedOf(world.destination, run.id),
    databases: await world.databases(),
    live: await world.live(),
    served: await served(world),
    leftBehind: (await world.leftBehind()).filter((name) => !/^kong-chatops-\d+-/.test(name)),
  };
}

async function served({ node }: CrashWorld): Promise<number> {
  return (await fetch(`${node.proxyUrl}/before`)).status;
}

/** Evidence of the interruptions themselves is there too, and no part of the ending. */
function messagesOf({ slack }: CrashWorld, runId: string): readonly string[] {
  return slack.messages
    .filter(({ blocks }) => blocks.some(({ block_id }) => block_id?.startsWith(`${runId}/`) === true))
    .map(({ text }) => text.replaceAll(/\bt_[0-9a-f]{12}\w*/g, 'DATABASE').replaceAll(/[\d.,]+/g, '#'))
    .filter((text) => !/interrupted|starting again/i.test(text))
    .sort();
}

/** Names of the files of the run, with set and time made equal: one published set and nothing else. */
async function storedOf(destination: string, runId: string): Promise<readonly string[]> {
  const paths = await readdir(destination, { recursive: true });
  const ours = paths.filter((path) => path.includes(`-${runId}`)).sort();
  return ours.map((path) => path.replaceAll(/\d{8}T\d{4}Z-[A-Z]-\d+/g, 'SET'));
}

function deathsIn({ deaths }: CrashWorld): readonly string[] {
  return existsSync(deaths) ? readFileSync(deaths, 'utf8').trim().split('\n') : [];
}
