import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { tellStory, type Told } from '../support/crash/crash-story.ts';
import { need } from '../support/need.ts';
import { startRedis, type TestRedis } from '../support/store/redis.ts';

/** Programs that the bot of the story starts. */
export const CRASH_TOOLS = ['psql', 'pg_dump', 'pg_restore', 'deck', 'age'] as const;

/**
 * The crash test of one queue backend: the whole story is told once as it is, then again with the bot killed by SIGKILL
 * right after each of its appends. Each time it must end the same.
 */
export function crashTest(backend: 'PostgreSQL' | 'Redis'): void {
  const missing = CRASH_TOOLS.some((tool) => !need(tool));
  describe.skipIf(missing)(`a bot that is killed after each append, queues on ${backend} (decision 10)`, () => {
    let redis: TestRedis | null = null;
    let calm: Told;
    let killed: Told;
    beforeAll(async () => {
      redis = backend === 'Redis' ? await startRedis() : null;
      // Bots of different tellings must not take each other's jobs: Redis has numbered databases.
      const queue = (number: number): string | null => (redis === null ? null : `${redis.url}/${number}`);
      [calm, killed] = await Promise.all([tellStory(queue(0), null), tellStory(queue(1), {})]);
    }, 600_000);
    afterAll(async () => {
      await redis?.stop();
    });

    it('takes an encrypted backup, proves it, restores it and takes it back when nobody kills it', () => {
      const { backup, drill, restore } = calm.endings;
      const published = ['', '/database.dump.zst.age', '/declarative-default.yaml.zst.age', '/files.tar.zst.age']
        .concat('/manifest.json', '/manifest.json.sig')
        .map((file) => `production/production-SET${file}`);
      expect(backup).toMatchObject({ outcome: 'succeeded', stored: published, leftBehind: [] });
      expect(drill).toMatchObject({ outcome: 'succeeded', stored: [], databases: ['LIVE'], leftBehind: [] });
      expect(restore).toMatchObject({
        outcome: 'rolled-back',
        // The safety backup stays.
        stored: published,
        databases: ['LIVE'],
        live: 'old',
        served: 200,
        leftBehind: [],
      });
      expect(calm.deaths).toEqual([]);
    });

    it('dies at every append of the story', () => {
      expect(calm.points.length).toBeGreaterThan(75);
      expect(calm.points.filter((point) => !killed.deaths.includes(point))).toEqual([]);
    });

    it('ends the same each time: one set, each message once and final, the old database live, nothing left', () => {
      expect(killed.endings).toEqual(calm.endings);
    });
  });
}
