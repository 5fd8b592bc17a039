import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { tellStory, type Told } from '../support/crash/crash-story.ts';
import { need } from '../support/need.ts';
import { startRedis, type TestRedis } from '../support/store/redis.ts';

/** Programs that the bot of the story starts. */
export const CRASH_TOOLS = ['psql', 'pg_dump', 'pg_restore', 'deck', 'age'] as const;

/** So many tellings share the points at which the bot is killed: each point has its turn in one of them. */
const TELLINGS = 2;
/** Tellings at the same time: each waits for much, and a machine has two cores. */
const AT_ONCE = 2;

/**
 * The crash test of one queue backend: the whole story is told once as it is, then again with the bot killed by SIGKILL
 * right after each of its appends. Each time it must end the same.
 */
export function crashTest(backend: 'PostgreSQL' | 'Redis'): void {
  const missing = CRASH_TOOLS.some((tool) => !need(tool));
  describe.skipIf(missing)(`a bot that is killed after each append, queues on ${backend} (decision 10)`, () => {
    let redis: TestRedis | null = null;
    let calm: Told;
    let killed: readonly Told[];
    beforeAll(async () => {
      redis = backend === 'Redis' ? await startRedis() : null;
      const dooms = [null, ...Array.from({ length: TELLINGS }, (_, telling) => ({ telling, tellings: TELLINGS }))];
      // Bots of different tellings must not take each other's jobs: Redis has numbered databases.
      const told = await inParallel(AT_ONCE, dooms, (doom, index) =>
        tellStory(redis === null ? null : `${redis.url}/${index}`, doom),
      );
      const [first, ...rest] = told;
      if (first === undefined) throw new Error('nothing was told');
      calm = first;
      killed = rest;
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
      const deaths = killed.flatMap((told) => told.deaths);
      expect(calm.points.length).toBeGreaterThan(75);
      expect(calm.points.filter((point) => !deaths.includes(point))).toEqual([]);
    });

    it('ends the same each time: one set, each message once and final, the old database live, nothing left', () => {
      for (const { endings } of killed) expect(endings).toEqual(calm.endings);
    });
  });
}

async function inParallel<T, R>(
  atOnce: number,
  items: readonly T[],
  work: (item: T, index: number) => Promise<R>,
): Promise<readonly R[]> {
  const results: R[] = [];
  const left = [...items.entries()];
  const worker = async (): Promise<void> => {
    for (let next = left.shift(); next !== undefined; next = left.shift())
      results[next[0]] = await work(next[1], next[0]);
  };
  await Promise.all(Array.from({ length: atOnce }, worker));
  return results;
}
