import { createHash } from 'node:crypto';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { startStandInKong } from '../../../src/sandbox/kong/stand-in.ts';
import { freshDatabase, withClient } from '../../support/store/postgres.ts';
import { ask, emptyStandIn, type Running } from '../../support/kong/stand-in-kong.ts';

interface Page {
  readonly data: { id: string; name: string }[];
  readonly offset?: string;
  readonly next: string | null;
}

describe('a stand-in Kong', () => {
  let running: Running;
  let url: string;
  beforeAll(async () => {
    running = await emptyStandIn('3.9.1');
    url = running.kong.url;
  });
  afterAll(() => running.end());
  afterEach(async () => {
    running.kong.faults.clear();
    await withClient(running.database.ownerUrl, (client) =>
      client.query('TRUNCATE services, consumers, upstreams, certificates, ca_certificates CASCADE'),
    );
  });

  const make = async (path: string, body: object): Promise<Record<string, unknown>> => {
    const { status, body: made } = await ask(url, 'POST', path, body);
    expect([status, made]).toEqual([201, expect.anything()]);
    return made as Record<string, unknown>;
  };

  test('lists page by page, each entity once, to the end', async () => {
    for (const name of ['a', 'b', 'c', 'd', 'e']) await make('/services', { name, host: 'h', tags: ['all', name] });
    const seen: string[] = [];
    let next: string | null = '/services?size=2&tags=all';
    let pages = 0;
    while (next !== null) {
      const { body } = await ask(url, 'GET', next);
      const page = body as Page;
      expect(page.data.length).toBeLessThanOrEqual(2);
      seen.push(...page.data.map(({ name }) => name));
      ({ next } = page);
      pages += 1;
    }
    expect([pages, seen.sort()]).toEqual([3, ['a', 'b', 'c', 'd', 'e']]);
  });

  test('filters by all tags with a comma and by any tag with a slash', async () => {
    await make('/services', { name: 'a', host: 'h', tags: ['x', 'y'] });
    await make('/services', { name: 'b', host: 'h', tags: ['x'] });
    const names = async (tags: string): Promise<string[]> =>
      ((await ask(url, 'GET', `/services?tags=${tags}`)).body as Page).data.map(({ name }) => name).sort();
    expect(await names('x,y')).toEqual(['a']);
    expect(await names('y/x')).toEqual(['a', 'b']);
    expect(await names('z')).toEqual([]);
  });

  test('hashes a basic-auth password with the id of its consumer, again at every write but not when it is left alone', async () => {
    const { id } = await make('/consumers', { username: 'ada' });
    const hash = (text: string): string =>
      createHash('sha1')
        .update(`${text}${String(id)}`)
        .digest('hex');
    const made = await make('/consumers/ada/basic-auth', { username: 'ada', password: 'open sesame' });
    expect(made['password']).toBe(hash('open sesame'));
    const path = `/consumers/ada/basic-auth/${String(made['id'])}`;
    const tagged = await ask(url, 'PATCH', path, { tags: ['t'] });
    expect(tagged.body).toMatchObject({ password: hash('open sesame'), tags: ['t'] });
    const again = await ask(url, 'PUT', path, { username: 'ada', password: hash('open sesame') });
    expect(again.body).toMatchObject({ password: hash(hash('open sesame')) });
  });

  test('a credential of one consumer is not found below another', async () => {
    await make('/consumers', { username: 'ada' });
    await make('/consumers', { username: 'ben' });
    const { id } = await make('/consumers/ada/key-auth', { key: 'k' });
    expect((await ask(url, 'GET', `/consumers/ada/key-auth/${String(id)}`)).status).toBe(200);
    expect((await ask(url, 'GET', `/consumers/ben/key-auth/${String(id)}`)).status).toBe(404);
  });

  test('an expired key is gone, one with time left says how much', async () => {
    await make('/consumers', { username: 'ada' });
    const { id } = await make('/consumers/ada/key-auth', { key: 'short', ttl: 100 });
    expect((await ask(url, 'GET', `/key-auths/${String(id)}`)).body).toMatchObject({ ttl: expect.any(Number) });
    await withClient(running.database.ownerUrl, (client) =>
      client.query(`UPDATE keyauth_credentials SET ttl = now() - interval '1 second'`),
    );
    expect((await ask(url, 'GET', '/key-auths')).body).toEqual({ data: [], next: null });
  });

  test('a route must match something, and what it may match depends on its protocol', async () => {
    const bare = await ask(url, 'POST', '/routes', { protocols: ['https'] });
    expect(bare.body).toEqual({
      code: 2,
      name: 'schema violation',
      message:
        "schema violation (must set one of 'methods', 'hosts', 'headers', 'paths', 'snis' when 'protocols' is 'https')",
      fields: {
        '@entity': ["must set one of 'methods', 'hosts', 'headers', 'paths', 'snis' when 'protocols' is 'https'"],
      },
    });
    expect(
      (await ask(url, 'POST', '/routes', { protocols: ['tcp'], sources: [{ ip: '10.0.0.1', port: 9000 }] })).body,
    ).toMatchObject({
      sources: [{ ip: '10.0.0.1', port: 9000 }],
    });
    await withClient(running.database.ownerUrl, (client) => client.query('DELETE FROM routes'));
  });

  test('a plugin that the stand-in cannot configure is refused with 501, not accepted blindly', async () => {
    const { status, body } = await ask(url, 'POST', '/plugins', { name: 'zipkin' });
    expect([status, body]).toEqual([
      501,
      { message: 'the stand-in Kong does not do this: configure the plugin zipkin' },
    ]);
  });

  test('old names of plugin settings are stored under the new ones and shown under both', async () => {
    const made = await make('/plugins', { name: 'rate-limiting', config: { minute: 5, redis_host: 'cache.internal' } });
    expect(made['config']).toMatchObject({
      redis_host: 'cache.internal',
      redis: { host: 'cache.internal', port: 6379 },
    });
    await ask(url, 'DELETE', `/plugins/${String(made['id'])}`);
  });

  test('reads form bodies as well as JSON', async () => {
    const response = await fetch(`${url}/services`, {
      method: 'POST',
      body: new URLSearchParams('name=f&host=h&port=81&tags[]=a'),
    });
    expect(await response.json()).toMatchObject({ name: 'f', port: 81, tags: ['a'] });
  });

  test('an injected answer is given as often as asked, then the real one again', async () => {
    running.kong.faults.respond('GET', /^\/services/, 503, { times: 2, body: { message: 'busy' } });
    const statuses = [];
    for (let turn = 0; turn < 3; turn += 1) statuses.push((await ask(url, 'GET', '/services')).status);
    expect(statuses).toEqual([503, 503, 200]);
  });

  test('a hanging request stays unanswered until its caller gives up, others are served', async () => {
    running.kong.faults.hang('GET', /^\/status$/);
    const hanging = fetch(`${url}/status`, { signal: AbortSignal.timeout(200) });
    expect((await ask(url, 'GET', '/services')).status).toBe(200);
    await expect(hanging).rejects.toThrow('timeout');
    expect((await ask(url, 'GET', '/status')).status).toBe(200);
  });

  test('a dropped connection fails the request without an answer', async () => {
    running.kong.faults.drop('*', /./);
    await expect(ask(url, 'GET', '/services')).rejects.toThrow('fetch failed');
    expect((await ask(url, 'GET', '/services')).status).toBe(200);
  });

  test('a dead node refuses connections and is back at the same address', async () => {
    await running.kong.faults.stopListening();
    await expect(ask(url, 'GET', '/status')).rejects.toThrow('fetch failed');
    await running.kong.faults.listenAgain();
    expect((await ask(url, 'GET', '/status')).status).toBe(200);
  });

  test('remembers requests without bodies or headers', async () => {
    await ask(url, 'POST', '/consumers', { username: 'secret-name' });
    expect(running.kong.requests.at(-1)).toEqual({ method: 'POST', path: '/consumers', status: 201 });
  });

  test('paths of Enterprise are not found on OSS', async () => {
    for (const path of [
      '/workspaces',
      '/default/workspaces/default',
      '/rbac/roles',
      '/licenses',
      '/kong',
      '/consumer_groups',
    ])
      expect([path, (await ask(url, 'GET', path)).body]).toEqual([path, { message: 'Not found' }]);
  });
});

describe('a stand-in Kong whose database goes away', () => {
  test('answers 500 for lists, 200 for its status with an unreachable database, and recovers', async () => {
    const running = await emptyStandIn('3.9.1');
    const { url } = running.kong;
    const { name, superuserUrl } = running.database;
    const admin = new URL(superuserUrl);
    admin.pathname = '/postgres';
    const allow = (allowed: boolean): Promise<unknown> =>
      withClient(admin.href, async (client) => {
        await client.query(`ALTER DATABASE ${name} ALLOW_CONNECTIONS ${allowed}`);
        await client.query('SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1', [name]);
      });
    try {
      await allow(false);
      const list = await ask(url, 'GET', '/services');
      expect([list.status, list.body]).toEqual([500, { message: 'An unexpected error occurred' }]);
      expect((await ask(url, 'GET', '/')).status).toBe(500);
      const status = await ask(url, 'GET', '/status');
      expect([status.status, status.body]).toEqual([200, expect.objectContaining({ database: { reachable: false } })]);
      await allow(true);
      expect((await ask(url, 'GET', '/services')).status).toBe(200);
    } finally {
      await allow(true);
      await running.end();
    }
  });

  test('shows nothing of a database of another cluster until it is reloaded', async () => {
    const running = await emptyStandIn('3.9.1');
    const { url } = running.kong;
    try {
      await ask(url, 'POST', '/services', { name: 'mine', host: 'h' });
      await withClient(running.database.ownerUrl, async (client) => {
        await client.query(`INSERT INTO workspaces (id, name) VALUES (gen_random_uuid(), 'other')`);
        await client.query(`UPDATE services SET ws_id = (SELECT id FROM workspaces WHERE name = 'other')`);
        await client.query(`DELETE FROM workspaces WHERE name = 'default'`);
        await client.query(`UPDATE workspaces SET name = 'default' WHERE name = 'other'`);
      });
      expect((await ask(url, 'GET', '/services')).body).toEqual({ data: [], next: null });
      await running.kong.reload();
      expect((await ask(url, 'GET', '/services')).body).toMatchObject({ data: [{ name: 'mine' }] });
    } finally {
      await running.end();
    }
  });

  test('does not start on a database that was never bootstrapped, and leaks nothing', async () => {
    const database = await freshDatabase();
    await expect(startStandInKong({ databaseUrl: database.ownerUrl })).rejects.toThrow(
      'relation "workspaces" does not exist',
    );
    await database.drop();
  });
});

describe('a stand-in Kong Enterprise, as documented', () => {
  let running: Running;
  let url: string;
  const as = async (token: string | null, method: string, path: string, body?: object): Promise<[number, unknown]> => {
    const response = await fetch(`${url}${path}`, {
      method,
      headers: { ...(token !== null && { 'Kong-Admin-Token': token }), 'Content-Type': 'application/json' },
      ...(body && { body: JSON.stringify(body) }),
    });
    return [response.status, await response.json()];
  };
  beforeEach(async () => {
    running = await emptyStandIn('3.9.1', {
      edition: 'enterprise',
      token: 'worthless-token',
      tokenRights: { mayNotRead: ['keys'] },
    });
    url = running.kong.url;
  });
  afterEach(() => running.end());

  test('refuses a missing or wrong token with 401 and a missing right with 403', async () => {
    expect((await as(null, 'GET', '/'))[0]).toBe(401);
    expect((await as('guess', 'GET', '/services'))[0]).toBe(401);
    expect((await as('worthless-token', 'GET', '/keys'))[0]).toBe(403);
    expect((await as('worthless-token', 'GET', '/services'))[0]).toBe(200);
  });

  test('says which edition it is', async () => {
    const [, root] = await as('worthless-token', 'GET', '/');
    expect(root).toMatchObject({ version: '3.9.1.0-enterprise-edition', edition: 'enterprise' });
    expect((await as('worthless-token', 'GET', '/default/kong'))[1]).toMatchObject({ edition: 'enterprise' });
  });

  test('keeps entities of workspaces apart', async () => {
    expect((await as('worthless-token', 'GET', '/team/workspaces/team'))[0]).toBe(404);
    expect((await as('worthless-token', 'POST', '/workspaces', { name: 'team' }))[0]).toBe(201);
    expect((await as('worthless-token', 'GET', '/team/workspaces/team'))[1]).toMatchObject({ name: 'team' });
    expect((await as('worthless-token', 'POST', '/team/services', { name: 'a', host: 'h' }))[0]).toBe(201);
    expect((await as('worthless-token', 'POST', '/services', { name: 'a', host: 'h' }))[0]).toBe(201);
    const names = async (path: string): Promise<number> =>
      ((await as('worthless-token', 'GET', path))[1] as { data: unknown[] }).data.length;
    expect([await names('/team/services'), await names('/services'), await names('/workspaces')]).toEqual([1, 1, 2]);
  });

  test('a token that may only read is refused every change, but may validate', async () => {
    const reader = await startStandInKong({
      databaseUrl: running.database.ownerUrl,
      edition: 'enterprise',
      token: 'reader',
      tokenRights: { readOnly: true },
    });
    const ownUrl = url;
    url = reader.url;
    try {
      expect((await as('reader', 'POST', '/services', { name: 'a', host: 'h' }))[0]).toBe(403);
      expect((await as('reader', 'POST', '/schemas/services/validate', { name: 'a', host: 'h' }))[0]).toBe(200);
    } finally {
      url = ownUrl;
      await reader.stop();
    }
  });
});
