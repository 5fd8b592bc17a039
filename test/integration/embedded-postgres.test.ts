import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { once } from 'node:events';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { freshDatabase, withClient, type TestDatabase } from '../support/postgres.ts';
import { need } from '../support/need.ts';
import { startRedis } from '../support/redis.ts';

const START = `
import { startEmbeddedPostgres, THROW_AWAY_SETTINGS } from ${JSON.stringify(import.meta.resolve('../../src/sandbox/embedded-postgres.ts'))};
const server = await startEmbeddedPostgres({ settings: THROW_AWAY_SETTINGS });
process.stdout.write(JSON.stringify({ folder: server.folder, url: server.url }));
setInterval(() => undefined, 1000);
`;

describe('the embedded server', () => {
  it('dies with its parent, also by SIGKILL, and leaves no folder', async () => {
    const parent = spawn(process.execPath, ['--input-type=module', '-e', START], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const [chunk] = (await once(parent.stdout, 'data')) as [Buffer];
    const { folder, url } = JSON.parse(chunk.toString()) as { folder: string; url: string };
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
