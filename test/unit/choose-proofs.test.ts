import { describe, expect, it } from 'vitest';
import { chooseProofs, type Side } from '../../src/kong/proxy/choose-proofs.ts';
import type { RouteFacts } from '../../src/kong/database/database-content.ts';

const route = (id: string, more: Partial<RouteFacts> = {}): RouteFacts => ({
  id,
  name: id,
  paths: [`/${id}`],
  hosts: null,
  methods: null,
  protocols: ['http', 'https'],
  by_more: false,
  key_name: null,
  ...more,
});
const side = (routes: readonly RouteFacts[], keys: Side['keys'] = [], whole = true): Side => ({ routes, keys, whole });

describe('requests that tell the restored state from the one before', () => {
  it('a route that came back must be found, one that is gone must not', () => {
    expect(chooseProofs(side([route('orders'), route('users')]), side([route('users'), route('new')]))).toEqual([
      { route: 'orders', path: '/orders', what: 'route orders is found again', expect: 'routed' },
      { route: 'new', path: '/new', what: 'route new is gone', expect: 'not-routed' },
    ]);
  });

  it('a route whose path another one answers too proves nothing by being gone', () => {
    const all = route('all', { paths: ['/'] });
    expect(chooseProofs(side([all]), side([all, route('new')]))).toEqual([
      { route: 'all', path: '/', what: 'route all is found', expect: 'routed' },
    ]);
    const pattern = route('pattern', { paths: ['~/n.*$'] });
    expect(chooseProofs(side([pattern]), side([pattern, route('new')]))).toEqual([
      { what: 'a path without a route is not found', path: '/kong-chatops-proof-of-no-route', expect: 'not-routed' },
    ]);
  });

  it('of several that came back it takes one that nobody else could have answered for', () => {
    const before = side([route('api')]);
    const live = side([route('api'), route('api/v2'), route('shop')]);
    expect(chooseProofs(live, before).map(({ path }) => path)).toEqual(['/shop']);
  });

  it('a key that is gone must be refused; a live key is never used', () => {
    const keyed = route('orders', { key_name: 'apikey', hosts: ['shop.example.com'] });
    const live = side([keyed], [['1', 'kept']]);
    const before = side(
      [keyed],
      [
        ['1', 'kept'],
        ['2', 'gone'],
      ],
    );
    const [proof, ...more] = chooseProofs(live, before);
    expect(proof).toMatchObject({
      path: '/orders',
      host: 'shop.example.com',
      headers: { apikey: 'gone' },
      expect: 'refused',
    });
    expect(proof?.what).toBe('an API key that is gone is refused on route orders');
    expect(JSON.stringify(more)).not.toContain('kept');
  });

  it('where not everything was read, absence proves nothing', () => {
    const keyed = route('orders', { key_name: 'apikey' });
    const before = side([keyed, route('new')], [['2', 'gone']]);
    expect(chooseProofs(side([keyed], [], false), before).map(({ expect }) => expect)).toEqual(['routed']);
  });

  it('where no route can be asked for and one may answer any path, nothing would tell', () => {
    const everywhere = [
      route('by header', { paths: ['/'], by_more: true }),
      route('pattern', { paths: ['~/.*$'] }),
      route('none of it', { paths: ['~/ko?.*'] }),
      route('alternatives', { paths: ['~/a$|/kong'] }),
    ];
    for (const one of everywhere) expect(chooseProofs(side([one]), side([]))).toEqual([]);
    const secure = route('secure', { protocols: ['https'] });
    expect(chooseProofs(side([secure], [], false), side([]))).toEqual([]);
    expect(chooseProofs(side([secure]), side([])).map(({ expect }) => expect)).toEqual(['not-routed']);
  });

  it('only a plain GET is asked for: no other methods, headers, patterns or host wildcards', () => {
    const routes = [
      route('a', { methods: ['POST'] }),
      route('b', { by_more: true }),
      route('c', { paths: ['~/c$'] }),
      route('d', { hosts: ['*.example.com'] }),
      route('e', { protocols: ['grpc'] }),
    ];
    expect(chooseProofs(side(routes), side([])).map(({ path }) => path)).toEqual(['/kong-chatops-proof-of-no-route']);
  });
});
