import { existsSync, readFileSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import type { Run } from '../../../src/runs/run.ts';
import type { Doom } from './crash-child.ts';
import { openCrashWorld, type CrashWorld } from './crash-world.ts';
import { pointsOf } from './point.ts';
import { CHAPTERS, served, Teller, type Chapter } from './teller.ts';

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
  readonly endings: Readonly<Partial<Record<Chapter, Ending>>>;
  /** Every place in the story, in order: `backup: step.started preflight`. */
  readonly points: readonly string[];
  /** Where the bot was killed. */
  readonly deaths: readonly string[];
}

/**
 * Tells the story once: an encrypted backup with a go, a drill of it, a change of the gateway, a restore with its safety
 * backup that goes live, and its undo. With a doom the bot is killed at each point of it, and another takes over.
 */
export async function tellStory(
  redisUrl: string | null,
  doom: Omit<Doom, 'deaths'> | null,
  chapters: readonly Chapter[] = CHAPTERS,
): Promise<Told> {
  const world = await openCrashWorld({ redisUrl });
  const teller = new Teller(world, { doom: doom === null ? null : { ...doom, deaths: world.deaths } });
  try {
    const endings: Partial<Record<Chapter, Ending>> = {};
    const points: string[] = [];
    for (const chapter of chapters) {
      if (chapter === 'restore' || chapter === 'declarative') await world.addRoute();
      const { run, events } = await teller.tell(chapter);
      points.push(...pointsOf(run.kind, events));
      endings[chapter] = await endingOf(world, run);
    }
    await teller.end();
    return { endings, points: [...new Set(points)], deaths: deathsIn(world) };
  } finally {
    await teller.end();
    await world.end();
  }
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
