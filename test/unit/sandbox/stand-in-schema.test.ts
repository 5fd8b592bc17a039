import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { KongRefusal, schemaViolation, uniqueTaken } from '../../../src/sandbox/kong/admin/answer.ts';
import { pageSize, readOffset, writeOffset } from '../../../src/sandbox/kong/admin/pages.ts';
import { kindsOf } from '../../../src/sandbox/kong/entities/table.ts';
import { PLUGINS } from '../../../src/sandbox/kong/plugins/table.ts';
import { fieldsOf, integer, list, map, record, set, text } from '../../../src/sandbox/kong/schema/field.ts';
import { type Entity, fill, merge } from '../../../src/sandbox/kong/schema/fill.ts';
import { luaFinds } from '../../../src/sandbox/kong/schema/lua-pattern.ts';
import { validate } from '../../../src/sandbox/kong/schema/validate.ts';
import { gateway, PRODUCTION, STAGING } from '../../../src/sandbox/kong/seed/gateway.ts';

function refusal(work: () => unknown): unknown {
  try {
    work();
  } catch (error) {
    if (error instanceof KongRefusal) return error.answer.body;
    throw error;
  }
  return null;
}

describe('Lua patterns of Kong schemas', () => {
  test.each([
    ['GET', '^%u+$', true],
    ['get', '^%u+$', false],
    ['*.example.com', '^%*%.', true],
    ['example.*', '%.%*$', true],
    ['a*b*c', '^[^*]*%*?[^*]*$', false],
    ['/var/log/kong.log', '^[^*&%%\\`]+$', true],
    ['/var/`id`', '^[^*&%%\\`]+$', false],
    ['100%', '^[^*&%%\\`]+$', false],
    ['Content-Length', '^[Cc][Oo][Nn][Tt][Ee][Nn][Tt]%-[Ll][Ee][nn][Gg][Tt][Hh]$', true],
    ['x:y', '^[^:]+:.*$', true],
    ['MY_1', '^[%a_][%a%d_]*$', true],
  ])('%s against %s: %s', (value, pattern, found) => {
    expect(luaFinds(value, pattern)).toBe(found);
  });
});

describe('filling in defaults', () => {
  const fields = {
    name: text(),
    weight: integer({ default: 100 }),
    labels: set(text()),
    deep: record({ count: integer({ default: 3 }), note: text() }, { required: true }),
    optional: record({ count: integer({ default: 3 }) }),
  };

  test('gives every field a value, also inside records that must be there', () => {
    expect(fill(fields, { name: 'x' }, 0)).toEqual({
      name: 'x',
      weight: 100,
      labels: null,
      deep: { count: 3, note: null },
      optional: null,
    });
  });

  test('filling twice is filling once, and what was given stays', () => {
    const given = fc.record(
      {
        name: fc.option(fc.string()),
        weight: fc.integer(),
        labels: fc.uniqueArray(fc.string()),
        deep: fc.record({ note: fc.string() }),
      },
      { requiredKeys: [] },
    );
    fc.assert(
      fc.property(given, (entity) => {
        const once = fill(fields, entity, 0);
        expect(fill(fields, once, 0)).toEqual(once);
        expect(once).toMatchObject(entity);
      }),
    );
  });

  test('a set holds each member once, in the order in which they came', () => {
    expect(fill(fields, { labels: ['b', 'a', 'b'] }, 0)['labels']).toEqual(['b', 'a']);
  });

  test('a change merges into records and replaces lists', () => {
    const before = { name: 'x', labels: ['a'], deep: { count: 1, note: 'n' } };
    expect(merge(fields, before, { labels: ['b'], deep: { count: 2 } })).toEqual({
      name: 'x',
      labels: ['b'],
      deep: { count: 2, note: 'n' },
    });
  });
});

describe('validation', () => {
  test('names every fault at once, nested ones by their path, sorted', () => {
    const fields = {
      name: text({ required: true }),
      port: integer({ between: [0, 65535] }),
      config: record({ minute: integer(), hosts: list(text({ len_min: 1 })) }),
      headers: map(text(), list(text())),
    };
    const entity = { name: null, port: 70000, config: { minute: 'x', hosts: ['a', 7] }, headers: { a: 'b' }, odd: 1 };
    expect(
      refusal(() => {
        throw schemaViolation(validate(fields, [], entity));
      }),
    ).toMatchObject({
      code: 2,
      message:
        '6 schema violations (config.hosts.2: expected a string; config.minute: expected an integer; ' +
        'headers.a: expected an array; name: required field missing; odd: unknown field; ' +
        'port: value should be between 0 and 65535)',
    });
  });

  test('an entity that was filled with nothing but what is required is valid, for every kind', () => {
    const needed: Record<string, Entity> = {
      services: { host: 'h' },
      routes: { paths: ['/p'] },
      consumers: { username: 'u' },
      upstreams: { name: 'u' },
      targets: { target: 't:1', upstream: { id: '00000000-0000-4000-8000-000000000001' } },
      key_sets: {},
    };
    const wrong: Record<string, unknown> = {};
    for (const version of ['2.8.5', '3.9.1'] as const)
      for (const [name, given] of Object.entries(needed)) {
        const kind = kindsOf(version).get(name);
        if (kind) wrong[`${version} ${name}`] = validate(kind.fields, kind.checks ?? [], fill(kind.fields, given, 0));
      }
    expect(Object.keys(wrong).length).toBe(11);
    expect(Object.values(wrong).filter((errors) => Object.keys(errors as object).length > 0)).toEqual([]);
  });

  test('a service for TCP has no path, and one without TLS no client certificate', () => {
    const kind = kindsOf('3.9.1').get('services');
    const broken = { host: 'h', protocol: 'tcp', path: '/x', tls_verify: true };
    expect(kind && validate(kind.fields, kind.checks ?? [], fill(kind.fields, broken, 0))).toEqual({
      '@entity': [
        "failed conditional validation given value of field 'protocol'",
        "failed conditional validation given value of field 'protocol'",
      ],
      path: 'value must be null',
      tls_verify: 'value must be null',
    });
  });

  test('unique violations are told as Lua prints tables, keys sorted, nothing as null', () => {
    expect(
      refusal(() => {
        throw uniqueTaken({ target: 't', upstream: { id: 'u' }, name: null });
      }),
    ).toMatchObject({
      message: `UNIQUE violation detected on '{name=null,target="t",upstream={id="u"}}'`,
    });
  });
});

describe('versions', () => {
  test('Kong 2.8.5 knows no vaults and keys, and other fields', () => {
    const [old, new_] = [kindsOf('2.8.5'), kindsOf('3.9.1')];
    expect([...new_.keys()].filter((name) => !old.has(name))).toEqual(['vaults', 'key_sets', 'keys']);
    expect('instance_name' in (old.get('plugins')?.fields ?? {})).toBe(false);
    expect(old.get('plugins')?.endpointKey).toBeUndefined();
  });

  test('no description of a version keeps a mark of our own', () => {
    for (const version of ['2.8.5', '3.9.1'] as const)
      for (const { config } of Object.values(PLUGINS)) {
        const shown = JSON.stringify(fieldsOf(config, version));
        expect(shown).not.toMatch(/"only"|@/);
      }
  });
});

describe('pages', () => {
  test('an offset brings back the key it was made of', () => {
    fc.assert(
      fc.property(fc.uuid(), (id) => {
        expect(readOffset(new URLSearchParams({ offset: writeOffset([id]) }))).toEqual([id]);
      }),
    );
  });

  test('no text makes an offset or a size crash: it is a key, or a refusal with a code', () => {
    fc.assert(
      fc.property(fc.string(), (given) => {
        const refused = refusal(() => readOffset(new URLSearchParams({ offset: given })));
        if (refused !== null) expect(refused).toMatchObject({ code: 7, name: 'invalid offset' });
        const size = refusal(() => pageSize(new URLSearchParams({ size: given })));
        if (size !== null) expect(size).toMatchObject({ code: 9, name: 'invalid size' });
      }),
    );
  });
});

describe('the seed', () => {
  test('is the same each time, holds every kind, and shares no id with another gateway', () => {
    const [staging, production] = [[...gateway(STAGING, '3.9.1')], [...gateway(PRODUCTION, '3.9.1')]];
    expect([...gateway(STAGING, '3.9.1')]).toEqual(staging);
    const kinds = new Set(staging.map(({ path }) => path[0]));
    const paths = [...kindsOf('3.9.1').values()].map(({ path }) => path);
    expect(paths.filter((path) => !kinds.has(path))).toEqual([]);
    const ids = new Set(staging.map(({ path }) => path[1]));
    expect(ids.size).toBe(staging.length);
    expect(production.some(({ path }) => ids.has(path[1]))).toBe(false);
  });
});
