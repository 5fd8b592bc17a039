import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { adminApi } from '../../../src/kong/admin/admin.ts';
import type { AdminApi } from '../../../src/kong/admin/admin.ts';
import type { AdminApiOptions } from '../../../src/kong/admin/admin-request.ts';
import { faultOf } from '../../support/fault-of.ts';
import { need } from '../../support/need.ts';
import { json, recordedKong } from '../../support/kong/recorded-kong.ts';
import type { RecordedKong } from '../../support/kong/recorded-kong.ts';

async function all<T>(items: AsyncIterable<T>): Promise<T[]> {
  const list: T[] = [];
  for await (const item of items) list.push(item);
  return list;
}

const TOKEN = 'a-token-nobody-may-see';

describe.skipIf(!need('fixtures'))('the Admin API of a real Kong', () => {
  let kong: RecordedKong;
  let api: AdminApi;
  const opened: AdminApi[] = [];

  function open(changes: Partial<AdminApiOptions> = {}): AdminApi {
    const made = adminApi({ gateway: 'production', url: kong.url, token: TOKEN, timeoutMs: 5000, ...changes });
    opened.push(made);
    return made;
  }

  beforeAll(async () => {
    kong = await recordedKong('3.9.1');
    api = open();
  });
  afterAll(async () => {
    for (const each of opened) await each.close();
    await kong.close();
  });

  test('says what it is', async () => {
    expect(await api.root()).toEqual({
      version: '3.9.1',
      edition: 'community',
      databaseKind: 'postgres',
      role: 'traditional',
      hostname: 'vm',
      nodeId: expect.any(String) as string,
      prefix: '/PREFIX/blue',
      pluginsEnabled: expect.arrayContaining(['key-auth', 'cors', 'prometheus']) as string[],
      keyring: null,
    });
    expect(await api.status()).toEqual({ databaseReachable: true, configurationHash: null });
    expect(await api.workspaces(await api.root())).toBeNull();
    expect(kong.asked.at(-1)?.headers['kong-admin-token']).toBe(TOKEN);
  });

  test('of version 2.8 has no edition field and lists workspaces, and still counts as community', async () => {
    const old = await recordedKong('2.8.5');
    const its = open({ url: old.url });
    const root = await its.root();
    expect(root).toMatchObject({ version: '2.8.5', edition: 'community', databaseKind: 'postgres' });
    expect(await its.workspaces(root)).toBeNull();
    await old.close();
  });

  test.each([
    ['3.4.3.5', 'enterprise'],
    ['2.8.4.9-enterprise-edition', 'enterprise'],
    ['3.9.1', 'community'],
  ])('without an edition field version %s is %s', async (version, edition) => {
    kong.answer('/', json(200, { version, configuration: { database: 'postgres' } }));
    expect((await api.root()).edition).toBe(edition);
    kong.answer('/', null);
  });

  test('lists every page once, in order', async () => {
    kong.answer('/pages', (response) => {
      const offset = new URL(kong.asked.at(-1)?.path ?? '', kong.url).searchParams.get('offset');
      const page = offset === null ? 0 : Number(atob(offset));
      const next = page < 2 ? { offset: btoa(String(page + 1)), next: '/ignored' } : { next: null };
      json(200, { data: [{ id: page * 2 }, { id: page * 2 + 1 }], ...next })(response);
    });
    expect((await all(api.list('/pages'))).map(({ id }) => id)).toEqual([0, 1, 2, 3, 4, 5]);
    expect(await api.count('pages')).toBe(6);
    expect(kong.asked.at(-1)?.path).toBe(`/pages?size=1000&offset=${encodeURIComponent(btoa('2'))}`);
    kong.answer('/pages', null);
  });

  test('counts what it recorded, takes an empty object for an empty list, and null for no list at all', async () => {
    expect(await api.count('/services')).toBe(6);
    expect(await api.count('/licenses')).toBeNull();
    expect(await api.count('/filter-chains')).toBeNull();
    kong.answer('/empty', json(200, { data: {}, next: null }));
    expect(await api.count('/empty')).toBe(0);
    kong.answer('/empty', null);
  });

  test('is asked in a workspace by its prefix', async () => {
    await all(api.list('/services', 'team a')).catch(() => undefined);
    expect(kong.asked.at(-1)?.path).toBe('/team%20a/services?size=1000');
  });

  test('tells which lists a token may read: all of them', async () => {
    const answers = await api.readableLists('3.9.1');
    const grouped = Object.groupBy(answers, ({ answer }) => answer);
    expect(Object.keys(grouped).toSorted()).toEqual(['absent', 'ok']);
    expect(grouped.absent?.map(({ list }) => list)).toEqual([
      'filter-chains',
      'partials',
      'consumer_groups',
      'mtls-auths',
      'degraphql_routes',
      'graphql-rate-limiting-advanced/costs',
    ]);
    expect(grouped.ok?.map(({ list }) => list)).toContain('upstreams/{id}/targets');
  });

  test('tells which lists a token may not read, which decK would take for empty', async () => {
    kong.answer('/keys', json(403, { message: 'you do not have permissions' }));
    kong.answer('/vaults', json(404, { message: 'Not found' }));
    kong.answer('/routes', json(500, { message: 'An unexpected error occurred' }));
    kong.answer('/snis', json(200, { message: 'not a list' }));
    const bad = (await api.readableLists('3.9.1')).filter(({ answer }) => answer !== 'ok' && answer !== 'absent');
    expect(bad).toEqual([
      { list: 'routes', answer: 'failed', status: 500 },
      { list: 'snis', answer: 'failed', status: 200 },
      { list: 'vaults', answer: 'failed', status: 404 },
      { list: 'keys', answer: 'forbidden', status: 403 },
    ]);
    const older = await api.readableLists('2.8.5');
    expect(older.find(({ list }) => list === 'vaults')?.answer).toBe('absent');
    for (const path of ['/keys', '/vaults', '/routes', '/snis']) kong.answer(path, null);
  });

  test('user and password in the address become a header, and never a message', async () => {
    const url = kong.url.replace('http://', 'http://ann:s3cret@');
    const its = open({ url });
    await its.root();
    expect(kong.asked.at(-1)?.headers.authorization).toBe(`Basic ${btoa('ann:s3cret')}`);
    kong.answer('/', json(500, {}));
    expect(JSON.stringify(await faultOf(its.root()))).not.toContain('s3cret');
    kong.answer('/', null);
  });
});
