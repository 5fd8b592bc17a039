import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openCrashWorld, type CrashWorld, type Told } from '../support/crash/crash-story.ts';
import { startRedis, type TestRedis } from '../support/store/redis.ts';

/**
 * The crash test of one queue backend: the story of one backup is told once as it is, then once for every append of it,
 * with the process killed by SIGKILL right after that append. Each time it must end the same.
 */
export function crashTest(backend: 'PostgreSQL' | 'Redis'): void {
  describe(`a backup whose process is killed after each append, queues on ${backend} (decision 10)`, () => {
    let redis: TestRedis | null = null;
    let world: CrashWorld;
    let calm: Told;
    beforeAll(async () => {
      redis = backend === 'Redis' ? await startRedis() : null;
      world = await openCrashWorld(redis?.url ?? null);
      calm = await world.tell(0);
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
        // Some appends carry several events, so there are fewer of them than events: the last stories are not killed.
        let lived = 0;
        for (let after = 1; lived === 0; after += 1) {
          const told = await world.tell(after);
          lived += told.killed === 0 ? 1 : 0;
          expect({ after, ...ending(told) }).toEqual({ after, ...ending(calm) });
          // Asked, checked, gated, decided, five more steps begun and ended, and two events for each message.
          if (lived > 0) expect(after).toBeGreaterThan(25);
        }
      },
    );
  });
}

/** What must be the same each time. */
function ending(told: Told) {
  return { outcome: told.run.outcome, sets: setsIn(told).length, files: shape(told), messages: finalTexts(told) };
}

/** Names of the files of the destination, with set and time made equal: one published set and nothing else. */
function shape({ stored }: Told): readonly string[] {
  return stored.map((path) => path.replaceAll(/\d{8}T\d{4}Z-B-\d+/g, 'SET'));
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
