import { createServer, type Server } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { latestVersion } from '../../src/postgres/migrations.ts';
import { realPorts } from '../../src/cli/wiring.ts';
import { botWorld, type BotWorld } from '../support/bot-world.ts';
import type { BotSetting } from '../support/bot-config.ts';
import { ran, testTerminal, type Ran } from '../support/cli.ts';
import { need } from '../support/need.ts';
import { freshDatabase, withClient, type TestDatabase } from '../support/store/postgres.ts';

describe.skipIf(!need('local-slack'))('a bot that cannot start says why in two lines and ends', () => {
  let world: BotWorld;
  let empty: TestDatabase;
  let newer: TestDatabase;
  let other: Server;
  let taken: number;
  const gateways = [{ name: 'production', adminUrl: 'http://127.0.0.1:9' }];
  beforeAll(async () => {
    [world, empty, newer] = await Promise.all([
      botWorld({ gateways }),
      freshDatabase(),
      freshDatabase({ migrated: true }),
    ]);
    await withClient(newer.superuserUrl, (client) =>
      client.query(`INSERT INTO kong_chatops.schema_version (version, name) VALUES (9999, 'from the future')`),
    );
    other = createServer().listen(0, '127.0.0.1');
    await once(other, 'listening');
    taken = (other.address() as AddressInfo).port;
  });
  afterEach(() => world.configured({}));
  afterAll(async () => {
    other?.close();
    await world?.end();
    await empty?.drop();
    await newer?.drop();
  });

  /** `kong-chatops start` with this changed; it must end by itself. */
  const started = async (change: Partial<BotSetting>): Promise<Ran> => {
    const { env } = await world.configured(change);
    return await ran(['start'], testTerminal({ env }), realPorts);
  };

  test.each<[string, () => Partial<BotSetting>, string, string]>([
    [
      'on a database that was never migrated',
      () => ({ env: { DATABASE_URL: empty.botUrl } }),
      'Failed: The database of kong-chatops has not been prepared for this version.',
      '  Run `kong-chatops migrate` with DATABASE_OWNER_URL set, then start again.',
    ],
    [
      'on a database that a newer version migrated',
      () => ({ env: { DATABASE_URL: newer.botUrl } }),
      `Failed: The database is at version 9999, this kong-chatops knows versions up to ${latestVersion()}.`,
      '  Start the newer kong-chatops that migrated it. There is no way back down: restore the database if you must.',
    ],
    [
      'where no database listens',
      () => ({ env: { DATABASE_URL: 'postgres://bot@127.0.0.1:9/bot' } }),
      'Failed: The database of kong-chatops does not answer.',
      '  Nothing was recorded by this attempt. Check that PostgreSQL runs and DATABASE_URL leads to it, then try again.',
    ],
    [
      'on a port that another program has',
      () => ({ operationsPort: taken }),
      'Failed: Port PORT on 127.0.0.1 is taken by another program.',
      '  Choose another operations.port, or stop the other program.',
    ],
    [
      'with a token that Slack refuses',
      () => ({ env: { SLACK_BOT_TOKEN: 'xoxb-of-yesterday' } }),
      "Failed: Slack refuses the bot's token (invalid_auth).",
      '  Set SLACK_BOT_TOKEN to the Bot User OAuth Token of the installed app (OAuth & Permissions), then start again.',
    ],
    [
      'with a token of another team',
      () => ({ team: 'T99OTHER' }),
      "Failed: The bot's token belongs to team T01LOCAL, but slack.team in the configuration is T99OTHER.",
      '  Set slack.team to the team of the token, or use the token of the right workspace.',
    ],
  ])('%s', async (_, change, failed, hint) => {
    const { code, out, err } = await started(change());
    expect({ code, out, err: err.replace(`Port ${taken}`, 'Port PORT') }).toEqual({
      code: 1,
      out: '',
      err: `${failed}\n${hint}`,
    });
  });

  test('without one of its tokens, before it connects to anything', async () => {
    const { code, err } = await started({ env: { SLACK_APP_TOKEN: '' } });
    expect(code).toBe(2);
    expect(err).toContain('SLACK_APP_TOKEN\n    found:   nothing\n    allowed: an app-level token');
  });
});
