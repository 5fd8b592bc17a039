import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isRefusal } from '../../../src/runs/refusal.ts';
import { parseSelection } from '../../../src/runbooks/selection.ts';
import { compareDocuments } from '../../../src/steps/restore/declarative/compare.ts';
import type { Document } from '../../../src/steps/restore/declarative/document.ts';
import { entitiesOf } from '../../../src/steps/restore/declarative/document.ts';
import { wordsOf } from '../../../src/steps/restore/declarative/read-back.ts';
import {
  absentFrom,
  problemsOf,
  selectedEntities,
  withSelected,
  withSelectedBefore,
} from '../../../src/steps/restore/declarative/selection.ts';
import { sideOf } from '../../../src/steps/restore/declarative/proof/side.ts';

const SET: Document = {
  _format_version: '3.0',
  services: [
    {
      id: 's1',
      name: 'catalog',
      retries: 3,
      tags: ['b', 'a'],
      routes: [
        {
          id: 'r1',
          name: 'catalog-v1',
          paths: ['/catalog'],
          plugins: [{ id: 'p1', name: 'cors', config: { a: null } }],
        },
      ],
    },
    { id: 's2', name: 'orders', routes: [{ id: 'r2', name: 'orders-v1', paths: ['/orders'] }] },
  ],
  consumers: [
    {
      id: 'c1',
      username: 'alice',
      basicauth_credentials: [{ id: 'b1', username: 'alice', password: 'hash-1' }],
      keyauth_credentials: [{ id: 'k1', key: 'top-secret-key' }],
    },
  ],
  upstreams: [{ id: 'u1', name: 'pool', targets: [{ id: 't1', target: '10.0.0.1:80', weight: 1 }] }],
};

const edited = (edit: (document: Record<string, never>) => void): Document => {
  const copy = structuredClone(SET) as Record<string, never>;
  edit(copy);
  return copy;
};
type Loose = { [key: string]: Loose } & Loose[];
const loose = (document: unknown): Loose => document as Loose;
const compare = (wanted: Document, present: Document) => compareDocuments(entitiesOf(wanted), present, false);

const chosen = (...words: string[]) => {
  const selection = parseSelection(words);
  if (isRefusal(selection)) throw new Error(selection.message);
  return selection;
};

describe('two declarative files', () => {
  it('are equal whatever the order of lists and tags, times, and null for absent', () => {
    const other = edited((document) => {
      const services = loose(document)['services'] as unknown as Record<string, unknown>[];
      services.reverse();
      Object.assign(services[1] ?? {}, { tags: ['a', 'b'], created_at: 1, updated_at: 2, ca_certificates: null });
    });
    expect(compare(SET, other)).toEqual({ differences: [], hashes: [], hashesToCome: [] });
  });

  it('differ by entity and field, in words that hold no value', () => {
    const other = edited((document) => {
      const [catalog] = loose(document)['services'] ?? [];
      Object.assign(catalog ?? {}, { retries: 9 });
      Object.assign(loose(document)['upstreams']?.[0] ?? {}, { targets: [] });
      Object.assign(loose(document)['consumers']?.[0] ?? {}, {
        keyauth_credentials: [{ id: 'k9', key: 'another-secret' }],
      });
    });
    const words = compare(SET, other).differences.map(wordsOf).toSorted();
    expect(words).toEqual([
      'API key of alice is missing',
      'API key of alice should not be there',
      'service catalog differs (retries)',
      'target 10.0.0.1:80 of pool is missing',
    ]);
    expect(JSON.stringify(words)).not.toMatch(/secret/);
  });

  it('differ by an entity that belongs to another one now, though its own fields are the same', () => {
    const moved = edited((document) => {
      const [catalog, orders] = loose(document)['services'] ?? [];
      orders?.['routes']?.push(...(catalog?.['routes']?.splice(0, 1) ?? []));
      const keyauth_credentials = loose(document)['consumers']?.[0]?.['keyauth_credentials']?.splice(0, 1);
      loose(document)['consumers']?.push({ id: 'c2', username: 'bob', keyauth_credentials } as unknown as Loose);
    });
    const expected = ['API key of alice differs (consumer)', 'route catalog-v1 of catalog differs (service)'];
    expect(compare(SET, moved).differences.map(wordsOf)).toEqual([
      ...expected.toReversed(),
      'consumer bob should not be there',
    ]);
    const selection = chosen('service:catalog', 'consumer:alice');
    const merged = withSelected(moved, SET, selection);
    const wanted = selectedEntities(merged, selection);
    expect(compareDocuments(wanted, moved, true).differences.map(wordsOf).toSorted()).toEqual(expected);
    expect(compareDocuments(wanted, merged, true).differences).toEqual([]);
  });

  it('differ by a route that has no service any more', () => {
    const loosened = edited((document) => {
      const route = loose(document)['services']?.[1]?.['routes']?.pop();
      Object.assign(document, { routes: [route] });
    });
    expect(compare(SET, loosened).differences.map(wordsOf)).toEqual(['route orders-v1 of orders differs (service)']);
    expect(compare(loosened, SET).differences.map(wordsOf)).toEqual(['route orders-v1 differs (service)']);
  });

  it('that differ by a stored hash alone differ by nothing that decK could do', () => {
    const other = edited((document) => {
      const [alice] = loose(document)['consumers'] ?? [];
      Object.assign(alice?.['basicauth_credentials']?.[0] ?? {}, { password: 'hash-2' });
    });
    const hash = { list: 'basicauth_credentials', id: 'b1', name: 'alice of alice', value: 'hash-1' };
    expect(compare(SET, other)).toEqual({ differences: [], hashes: [hash], hashesToCome: [] });
    expect(
      compare(
        SET,
        edited((document) => delete document['consumers']),
      ).hashesToCome,
    ).toEqual([hash]);
  });
});

describe('chosen entities', () => {
  it('come with what belongs to them; what is there beyond them is kept', () => {
    const present = edited((document) => {
      const [catalog, orders] = loose(document)['services'] ?? [];
      Object.assign(catalog ?? {}, { retries: 9, routes: [{ id: 'r9', name: 'new', paths: ['/new'] }] });
      Object.assign(orders ?? {}, { retries: 9 });
    });
    const merged = withSelected(present, SET, chosen('service:catalog'));
    expect(
      entitiesOf(merged)
        .map(({ key }) => key)
        .toSorted(),
    ).toEqual(['routes:r9', ...entitiesOf(SET).map(({ key }) => key)].toSorted());
    expect(compare(merged, present).differences.map(wordsOf).toSorted()).toEqual([
      'plugin cors of catalog-v1 is missing',
      'route catalog-v1 of catalog is missing',
      'service catalog differs (retries)',
    ]);
  });

  it('go back to what they were, also to not being there, and nothing else does', () => {
    const before = edited((document) => {
      loose(document)['services']?.shift();
    });
    const after = edited((document) => Object.assign(loose(document)['services']?.[1] ?? {}, { retries: 9 }));
    const back = withSelectedBefore(after, before, chosen('service:catalog'));
    expect(compare(back, after).differences.map(wordsOf).toSorted()).toEqual([
      'plugin cors of catalog-v1 should not be there',
      'route catalog-v1 of catalog should not be there',
      'service catalog should not be there',
    ]);
  });

  it('that were made again under another id are changed in place; a consumer like that is refused', () => {
    const present = edited((document) => {
      Object.assign(loose(document)['services']?.[0] ?? {}, { id: 's9', retries: 9 });
      Object.assign(loose(document)['consumers']?.[0] ?? {}, { id: 'c9' });
    });
    const merged = withSelected(present, SET, chosen('service:catalog'));
    expect(selectedEntities(merged, chosen('service:catalog'))[0]?.fields).toMatchObject({ id: 's9', retries: 3 });
    expect(problemsOf(SET, present, chosen('consumer:alice'))).toEqual([
      'consumer alice was made again since the backup and has another id now, so its credentials cannot come back by themselves',
    ]);
  });

  it('that belong to what is not there need that too', () => {
    const present = edited((document) => {
      loose(document)['services']?.shift();
    });
    expect(problemsOf(SET, present, chosen('route:catalog-v1'))).toEqual([
      'route catalog-v1 belongs to service catalog, which the gateway does not have',
    ]);
    expect(problemsOf(SET, present, chosen('route:catalog-v1', 'service:catalog'))).toEqual([]);
    expect(absentFrom(SET, chosen('route:nothing', 'upstream:u1'))).toEqual(['route nothing']);
  });

  it('a route that lies under another service now moves back with its plugins', () => {
    const present = edited((document) => {
      const [catalog, orders] = loose(document)['services'] ?? [];
      const [route] = catalog?.['routes'] ?? [];
      Object.assign(catalog ?? {}, { routes: [] });
      orders?.['routes']?.push(route as never);
    });
    const merged = withSelected(present, SET, chosen('route:catalog-v1'));
    expect(compare(SET, merged).differences).toEqual([]);
  });

  it('put into any present state take nothing away', () => {
    const name = fc.constantFrom('a', 'b', 'c');
    const route = fc.record({
      id: fc.constantFrom('r1', 'r2', 'r3', 'r4'),
      name: fc.constantFrom('x', 'y', 'z'),
      retries: fc.nat(3),
    });
    const service = fc.record({
      name,
      retries: fc.nat(3),
      routes: fc.uniqueArray(route, { maxLength: 2, selector: ({ id }) => id }),
    });
    const document = fc
      .uniqueArray(service, { maxLength: 3, selector: (one) => one.name })
      .map((services): Document => {
        // Kong lets no two routes have one id or one name.
        const seen = new Set<string>();
        const isNew = (word: string): boolean => !seen.has(word) && seen.add(word) !== undefined;
        const own = services.map((one) => ({
          ...one,
          id: `s-${one.name}`,
          routes: one.routes.filter((each) => isNew(each.name) && isNew(each.id)),
        }));
        return { _format_version: '3.0', services: own };
      });
    fc.assert(
      fc.property(document, document, name, (present, source, which) => {
        const selection = chosen(`service:${which}`);
        const merged = withSelected(present, source, selection);
        const keys = new Set(entitiesOf(merged).map(({ key }) => key));
        const lost = entitiesOf(present).filter(({ key }) => !keys.has(key));
        expect(lost).toEqual([]);
        expect(entitiesOf(merged).length).toBe(keys.size);
        // Twice is once.
        expect(compare(merged, withSelected(merged, source, selection)).differences).toEqual([]);
      }),
    );
  });

  it.each(['catalog', 'service:', 'lighthouse:x', ':x'])('"%s" is refused', (word) => {
    expect(parseSelection([word])).toMatchObject({
      code: 'bad-selection',
      message: `"${word}" names no entity that can be restored alone`,
    });
  });
});

describe('what proxies can tell of a declarative file', () => {
  it('is its routes with the header of their key-auth, and its API keys', () => {
    const side = sideOf({
      ...SET,
      services: [
        {
          name: 'a',
          plugins: [{ name: 'key-auth', config: { key_names: ['apikey'] } }],
          routes: [
            { id: 'r1', paths: ['/a'] },
            { id: 'r2', paths: ['/b'], plugins: [{ name: 'key-auth', config: { key_names: ['x-key'] } }] },
          ],
        },
        { name: 'off', enabled: false, routes: [{ id: 'r3' }] },
      ],
      routes: [
        { id: 'r4', name: 'alone', headers: { 'x-a': ['1'] } },
        { id: 'r5', expression: 'http.path == "/secret"' },
      ],
    });
    expect(side.routes.map(({ id, key_name, by_more }) => [id, key_name, by_more])).toEqual([
      ['r1', 'apikey', false],
      ['r2', 'x-key', false],
      ['r4', null, true],
      ['r5', null, true],
    ]);
    expect(side.keys).toEqual([['k1', 'top-secret-key']]);
  });
});
