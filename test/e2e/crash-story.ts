import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openCrashWorld, tellStory, type CrashWorld, type Told } from '../support/crash-story.ts';
import { startRedis, type TestRedis } from '../support/redis.ts';

/**
 * The crash test of one queue backend: the story of one backup is told once as it is, then once for every append of it,
 * with the process killed by SIGKILL right after that append. Each time it must end the same.
 */
export function crashTest(backend: 'PostgreSQL' | 'Redis'): void {
  describe(`a backup whose process is killed after each append, queues on ${backend}`, () => {
    let redis: TestRedis | null = null;
    let world: CrashWorld;
    let calm: Told;
    beforeAll(async () => {
      redis = backend === 'Redis' ? await startRedis() : null;
      world = await openCrashWorld(redis?.url ?? null);
      calm = await tellStory(world, 0);
    });
    afterAll(async () => {
      await world.end();
      await redis?.stop();
    });

    it('ends well when nobody kills it', () => {
      expect(calm.run.outcome).toBe('succeeded');
      expect(setsIn(calm)).toHaveLength(1);
      expect(slotsOf(calm)).toContain('card');
    });

    it(
      'ends the same, with one set published and each message posted once and final',
      { timeout: 280_000 },
      async () => {
        const appends = new Set(calm.events.map(({ at, actor }) => `${at} ${JSON.stringify(actor)}`)).size;
        for (let after = 1; after <= appends; after += 1) {
          const told = await tellStory(world, after);
          const where = `killed after append ${after} of ${appends}`;
          expect(told.killed, where).toBe(1);
          expect(told.run.outcome, where).toBe('succeeded');
          expect(setsIn(told), where).toHaveLength(1);
          expect(shape(told), where).toEqual(shape(calm));
          expect(finalTexts(told), where).toEqual(finalTexts(calm));
        }
      },
    );
  });
}

/** Names of the files of the destination, with set and time made equal: one published set and nothing else. */
function shape({ stored }: Told): readonly string[] {
  return stored.map((path) => path.replaceAll(/\d{8}T\d{4}Z/g, 'TIME'));
}

function setsIn({ stored }: Told): readonly string[] {
  return stored.filter((path) => path.endsWith('/manifest.json'));
}

/** Which message of the run each is, by its block ids: `card`, `ended`, `thread:7` … */
function slotsOf({ messages }: Told): readonly string[] {
  return messages.map(({ blocks }) => blocks[0]?.block_id?.split('/')[1] ?? '?');
}

/** What people read at the end, times and sizes made equal. Evidence of the interruption itself may be there too. */
function finalTexts({ messages }: Told): readonly string[] {
  return messages
    .map(({ text }) => text.replaceAll(/[\d.,]+/g, '#'))
    .filter((text) => !/interrupted|starting again/i.test(text))
    .sort();
}
