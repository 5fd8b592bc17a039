import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { realPorts } from '../../../src/cli/wiring.ts';
import { openStage, type Stage } from '../../support/engine.ts';
import { ran, testConfig, testTerminal, type Ran } from '../../support/cli.ts';
import { ONE_APPROVER } from '../../support/story.ts';

// A port that nobody listens on: 1 is reserved.
const NOBODY = '127.0.0.1:1';
let stage: Stage;
let config: ReturnType<typeof testConfig>;
beforeAll(async () => {
  stage = await openStage(ONE_APPROVER);
  config = testConfig(stage.database.botUrl);
});
afterAll(async () => {
  config.remove();
  await stage.close();
});

const cli = async (env: Record<string, string>, systemUser: string, ...args: string[]): Promise<Ran> =>
  await ran(args, testTerminal({ env: { ...config.env, ...env }, systemUser }), realPorts);

describe('while Redis is away', () => {
  const redis = { DATABASE_URL: '', REDIS_URL: `redis://${NOBODY}` };
  beforeAll(() => {
    redis.DATABASE_URL = stage.database.botUrl;
  });

  it('status answers: it needs no queue', async () => {
    const { code, out } = await cli(redis, 'alice', 'status');
    expect([code, out]).toEqual([0, expect.stringContaining('no verified backup yet')]);
  });

  it('a vote counts, and whoever cast it learns that nobody was woken', async () => {
    const { id } = await stage.request();
    await stage.play(id);
    const { code, err } = await cli(redis, 'bob', 'approve', id);
    expect((await stage.load(id)).gates[0]?.status).toBe('go');
    expect([code, err]).toEqual([
      0,
      expect.stringContaining('what you do is recorded all the same, and a running worker finds it by itself'),
    ]);
  });
});

describe('while the database is away', () => {
  it('every command blames the database, not the queue that lies on it', async () => {
    const { code, err } = await cli({ DATABASE_URL: `postgres://u:p@${NOBODY}/db` }, 'alice', 'status');
    expect([code, err]).toEqual([1, expect.stringContaining('DATABASE_URL')]);
    expect(err).not.toContain('queue');
  });
});
