import { spawn, spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { once } from 'node:events';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { freshDatabase, withClient, type TestDatabase } from '../../support/store/postgres.ts';
import { need } from '../../support/need.ts';
import { startRedis } from '../../support/store/redis.ts';

const START = `
import { startEmbeddedPostgres, THROW_AWAY_SETTINGS } from ${JSON.stringify(import.meta.resolve('../../../src/sandbox/embedded-postgres.ts'))};
const server = await startEmbeddedPostgres({ settings: THROW_AWAY_SETTINGS });
process.stdout.write(JSON.stringify({ folder: server.folder, url: server.url }));
setInterval(() => undefined, 1000);
`;

// `nobody` on Debian and most others.
const NOBODY = 65534;

describe('the embedded server', () => {
  it.skipIf(!runsAs(NOBODY))('runs as an ordinary user as it does as root', async () => {
    const { folder, url, parent } = await startElsewhere({ uid: NOBODY, gid: NOBODY });
    await withClient(url, (client) => client.query('SELECT 1'));
    parent.kill('SIGTERM');
    await expect.poll(() => existsSync(folder), { timeout: 10_000 }).toBe(false);
  });

  it('dies with its parent, also by SIGKILL, and leaves no folder', async () => {
    const { folder, url, parent } = await startElsewhere({});
    await withClient(url, (client) => client.query('SELECT 1'));
    parent.kill('SIGKILL');
    await expect.poll(() => existsSync(folder), { timeout: 10_000 }).toBe(false);
    await expect(withClient(url, (client) => client.query('SELECT 1'))).rejects.toMatchObject({ code: 'ECONNREFUSED' });
  });
});

describe('a test database', () => {
  let database: TestDatabase;
  beforeAll(async () => {
    database = await freshDatabase();
  });
  afterAll(() => database.drop());

  it('belongs to the owner role, and the bot role may not create in it', async () => {
    await withClient(database.ownerUrl, (client) => client.query('CREATE TABLE mine (id int)'));
    await expect(
      withClient(database.botUrl, (client) => client.query('CREATE TABLE other (id int)')),
    ).rejects.toMatchObject({
      code: '42501',
    });
  });

  it('names a leaked connection when it is dropped', async () => {
    const other = await freshDatabase();
    await withClient(other.botUrl, async (client) => {
      await client.query("SET application_name = 'a leaky test'");
      await expect(other.drop()).rejects.toThrow(
        'the test leaked 1 database connections: a leaky test as kong_chatops',
      );
    });
  });
});

describe.skipIf(!need('redis-server'))('a test redis', () => {
  it('starts, restarts on the same port and stops', async () => {
    const redis = await startRedis();
    const { url } = redis;
    await redis.restart();
    expect(redis.url).toBe(url);
    await redis.stop();
  });
});

async function startElsewhere(account: { uid?: number; gid?: number }) {
  const parent = spawn(process.execPath, ['--input-type=module', '-e', START], {
    stdio: ['ignore', 'pipe', 'ignore'],
    cwd: '/',
    ...account,
  });
  const [chunk] = (await once(parent.stdout, 'data')) as [Buffer];
  return { parent, ...(JSON.parse(chunk.toString()) as { folder: string; url: string }) };
}

/** Whether we may become that user, and it may read this project. */
function runsAs(uid: number): boolean {
  const read = 'require("node:fs").accessSync(process.argv[1])';
  return spawnSync(process.execPath, ['-e', read, import.meta.filename], { uid, gid: uid, cwd: '/' }).status === 0;
}
