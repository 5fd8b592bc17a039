import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createEventStore } from '../../src/audit/store.ts';
import { realPorts } from '../../src/cli/wiring.ts';
import { createPool } from '../../src/postgres/pool.ts';
import { STAGING } from '../../src/sandbox/kong/seed/gateway.ts';
import { seedKong } from '../../src/sandbox/kong/seed/seed.ts';
import { ALICE, BOB } from '../../src/sandbox/slack/cast.ts';
import { wordsOf } from '../../src/sandbox/tour/stage.ts';
import { botWorld, type BotWorld } from '../support/bot-world.ts';
import { ran, testTerminal } from '../support/cli.ts';
import { emptyStandIn, type Running } from '../support/kong/stand-in-kong.ts';
import { need } from '../support/need.ts';
import { startRedis, type TestRedis } from '../support/store/redis.ts';
import { BOT } from '../support/story.ts';

const CRON = '30 2 * * *';
const DAY_MS = 86_400_000;

/** A timing that was in force two days ago: what came since is owed as soon as a bot starts, and nobody has to wait. */
async function inForceSinceDays(world: BotWorld, days: number): Promise<void> {
  const url = world.written.config.environment.DATABASE_URL;
  const pool = createPool({ url, applicationName: 'test schedule', max: 1, onError: () => undefined });
  const since = new Date(Date.now() - days * DAY_MS).toISOString();
  const data = { schedule: 'staging/backup', cron: CRON, zone: 'UTC', since, configDigest: 'c'.repeat(64) };
  await createEventStore(pool).appendSystem({ type: 'schedule.adopted', at: since, actor: BOT, data });
  await pool.end();
}

describe.skipIf(!need('local-slack') || !need('deck')).each(['PostgreSQL', 'Redis'] as const)(
  'queues on %s',
  (queues) => {
    let kong: Running;
    let redis: TestRedis | null;
    let watcher: Server;
    let beats: number;
    let world: BotWorld;
    beforeAll(async () => {
      beats = 0;
      watcher = createServer((_, response) => {
        beats += 1;
        response.end('ok');
      }).listen(0, '127.0.0.1');
      await once(watcher, 'listening');
      redis = queues === 'Redis' && need('redis-server') ? await startRedis() : null;
      kong = await emptyStandIn('3.9.1', { fill: (url) => seedKong(url, STAGING) });
      const schedules = { backup: { cron: CRON, heartbeat: { env: 'HEARTBEAT' } } };
      world = await botWorld({
        gateways: [{ name: 'staging', adminUrl: kong.kong.url, approvers: 1, schedules }],
        env: { HEARTBEAT: `http://127.0.0.1:${(watcher.address() as AddressInfo).port}/ping` },
        ...(redis === null ? {} : { redisUrl: redis.url }),
      });
      await inForceSinceDays(world, 3);
    });
    afterAll(async () => {
      await world?.end();
      await kong?.end();
      await redis?.stop();
      watcher?.close();
    });

    test.skipIf(queues === 'Redis' && !need('redis-server'))(
      'nights without anybody are made up for once, by a worker alone or by two bots together: verified, ungated, told',
      async () => {
        if (queues === 'PostgreSQL') {
          // Where there is no Slack there is no bot: a worker looks at the clock as well.
          await world.start({ bot: false, queues: ['backup'], awaitSlack: false });
          await world.until('B-1', 'ended', ({ outcome }) => outcome !== undefined);
        }
        await Promise.all([world.start(), world.start()]);
        const words = await world.ended('B-1');
        expect(words).toContain('Every byte was read back and compared');
        expect(words).toContain('scheduled, due');
        expect(words).toContain('2 before it passed unanswered');
        const { run } = await world.load('B-1');
        expect([run.requestedBy, run.gates, run.outcome]).toEqual(['schedule/staging/backup', [], 'succeeded']);
        await world.slack.control.until('the watcher outside to be told', () => (beats > 0 ? true : null));
        expect(await world.stored('staging')).toHaveLength(1);

        const status = await world.type(ALICE, '/kong-status');
        expect(wordsOf(status)).toContain('Next backup: ');
        await world.slack.control.openHome(ALICE);
        await world.slack.control.until('App Home to say when', () =>
          JSON.stringify(world.slack.control.home(ALICE) ?? '').includes('Next backup: ') ? true : null,
        );
        const cli = await ran(
          ['schedules'],
          testTerminal({ systemUser: 'bob', env: { ...world.written.env } }),
          realPorts,
        );
        expect(cli.out).toMatch(
          /^staging\/backup: 30 2 \* \* \* UTC\n {4}next .*\n {4}last due .*: B-1 succeeded, verified$/,
        );
        expect(JSON.stringify(world.logged)).not.toContain('/ping');
        // A gap of this gateway is an alarm in its channel, once, and Bob may not stand for it.
        const alarms = await ran(
          ['alarms'],
          testTerminal({ systemUser: 'alice', env: { ...world.written.env } }),
          realPorts,
        );
        expect([alarms.code, alarms.err]).toEqual([0, '']);
        const refused = await ran(
          ['alarm', 'ack', 'staging/gaps', '--reason', 'known since the migration'],
          testTerminal({ systemUser: 'bob', env: { ...world.written.env } }),
          realPorts,
        );
        expect([refused.code, BOB]).toEqual([4, BOB]);
        expect(await world.load('B-2').catch((error: unknown) => String(error))).toContain('there is no run B-2');
      },
    );
  },
);
