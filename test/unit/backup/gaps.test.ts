import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { countDeclarative, ENTITY_KINDS, unknownTables } from '../../../src/backup/artifacts/entities.ts';
import {
  completeness,
  declarativeGaps,
  gapReport,
  missingKind,
  shortages,
  tableGaps,
  unexplained,
} from '../../../src/backup/set/gaps.ts';
import type { DeclarativeCounts } from '../../../src/backup/set/gaps.ts';
import { fixturePath, need } from '../../support/need.ts';
import { entitiesOf } from '../../../src/steps/restore/declarative/document.ts';

const counts = (inFile: Record<string, number>, on: Record<string, number | null>, after = on): DeclarativeCounts => ({
  inFile,
  before: on,
  after,
});
const origin = (deckVersion: string, databaseTaken: boolean, workspace: string | null = null) => ({
  deckVersion,
  databaseTaken,
  workspace,
});
const ENCRYPTION = expect.objectContaining({ kind: 'encryption', what: expect.stringMatching(/^NOT ENCRYPTED/) });

describe.skipIf(!need('fixtures'))('counting a declarative file that real decK wrote', () => {
  it.each(['kong-2.8.5', 'kong-3.9.1'])('finds in %s what the Admin API listed and the database held', (version) => {
    const inFile = countDeclarative(parse(readFileSync(fixturePath(version, 'deck/dump-with-id.yaml'), 'utf8')));
    const rows = JSON.parse(readFileSync(fixturePath(version, 'database-counts.json'), 'utf8')) as Record<
      string,
      number
    >;
    for (const entity of ENTITY_KINDS.filter((kind) => kind.deck !== 'never')) {
      const inDatabase = entity.tables.reduce((sum, table) => sum + (rows[table] ?? 0), 0);
      expect([entity.kind, inFile[entity.kind] ?? 0]).toEqual([entity.kind, inDatabase]);
    }
  });

  it.each(['kong-2.8.5', 'kong-3.9.1'])('knows every table of Kong %s by name', (version) => {
    const rows = JSON.parse(readFileSync(fixturePath(version, 'database-counts.json'), 'utf8')) as Record<
      string,
      number
    >;
    const full = Object.fromEntries(Object.keys(rows).map((table) => [`public.${table}`, 1]));
    expect(unknownTables(full)).toEqual([]);
  });
});

describe('counting entities in a file', () => {
  it('does not take lists inside the config of a plugin for entities', () => {
    const file = {
      plugins: [{ name: 'x', config: { routes: [{}, {}], keys: [{}] } }],
      services: [{ routes: [{ plugins: [{}] }] }],
    };
    expect(countDeclarative(file)).toEqual({ plugins: 2, services: 1, routes: 1 });
  });

  it('does not take names that an entity holds for entities, or a lost one would not be missed', () => {
    const file = {
      certificates: [{ id: 'c', snis: [{ name: 'one.example' }] }],
      services: [
        { name: 's', ca_certificates: ['an id'], routes: [{ name: 'r', snis: ['one.example', 'two.example'] }] },
      ],
    };
    expect(countDeclarative(file)).toEqual({ certificates: 1, snis: 1, services: 1, routes: 1 });
    const partial = { id: 'one', name: 'redis' };
    const linked = {
      partials: [{ ...partial, type: 'redis-ee', config: {} }],
      plugins: [{ name: 'x', partials: [{ ...partial, path: 'config.redis' }] }],
    };
    expect(countDeclarative(linked)).toEqual({ partials: 1, plugins: 1 });
    expect(entitiesOf(linked).map(({ list, owner }) => [list, owner])).toEqual([
      ['partials', null],
      ['plugins', null],
    ]);
  });

  it('counts nothing in what is no file', () => {
    for (const nonsense of [null, undefined, 'text', 5, [], {}]) expect(countDeclarative(nonsense)).toEqual({});
  });
});

describe('the gap report', () => {
  const facts = {
    planned: ['database', 'declarative', 'files'],
    databaseKind: 'postgres',
    tables: null,
    declarative: true,
    reported: [],
  } as const;
  it('names keys that an old decK left out, and that the database dump has them', () => {
    expect(
      declarativeGaps(counts({ services: 6 }, { services: 6, keys: 3, 'key-sets': 1 }), origin('1.29.2', true)),
    ).toEqual([
      {
        kind: 'keys',
        count: 3,
        what: '3 keys are not in the declarative file',
        why: 'decK 1.29.2 knows no keys; they are in the database dump',
        onlyIn: 'database',
      },
      {
        kind: 'key-sets',
        count: 1,
        what: '1 key set is not in the declarative file',
        why: 'decK 1.29.2 knows no key sets; it is in the database dump',
        onlyIn: 'database',
      },
    ]);
  });

  it('tells "not in the declarative file" from "nowhere"', () => {
    expect(declarativeGaps(counts({}, { keys: 3, 'rbac-users': 2 }), origin('1.29.2', false))).toEqual([
      {
        kind: 'keys',
        count: 3,
        what: '3 keys are nowhere in the set',
        why: 'decK 1.29.2 knows no keys; the set has no database dump',
      },
      {
        kind: 'rbac-users',
        count: 2,
        what: '2 RBAC users are nowhere in the set',
        why: 'decK 1.29.2 does not carry RBAC users; the set has no database dump',
      },
    ]);
  });

  it('keeps workspaces apart', () => {
    const gaps = ['red', 'blue'].flatMap((name) =>
      declarativeGaps(counts({}, { keys: 1 }), origin('1.29.2', true, name)),
    );
    expect(
      gapReport({ ...facts, reported: gaps })
        .map((gap) => gap.what)
        .slice(0, 2),
    ).toEqual([
      '1 key of workspace red is not in the declarative file',
      '1 key of workspace blue is not in the declarative file',
    ]);
  });

  it('says that basic-auth passwords do not come back through decK', () => {
    expect(declarativeGaps(counts({ 'basic-auths': 2 }, { 'basic-auths': 2 }), origin('1.65.1', true))).toEqual([
      {
        kind: 'basic-auth-passwords',
        count: 2,
        what: '2 basic-auth passwords do not come back through the declarative file',
        why: 'Kong hashes the stored hash again when decK writes it; the database dump brings them back',
        onlyIn: 'database',
      },
    ]);
  });

  it('does not blame decK for what was added or removed while it read', () => {
    expect(shortages(counts({ consumers: 5 }, { consumers: 5 }, { consumers: 9 }))).toEqual([]);
    expect(shortages(counts({ consumers: 5 }, { consumers: 9 }, { consumers: 5 }))).toEqual([]);
    expect(shortages(counts({ consumers: 5 }, { consumers: 6 }, { consumers: 7 }))).toMatchObject([
      { inFile: 5, onGateway: 6 },
    ]);
  });

  it('takes no version for an excuse where every decK carries the entity, or this one carried some', () => {
    const missing = shortages(counts({ keys: 1 }, { services: 1, keys: 2, 'key-sets': 3, sessions: 4 }));
    expect(unexplained(missing).map((shortage) => shortage.entity.kind)).toEqual(['services', 'keys']);
  });

  it('lists live data and unknown tables by the rows of the dump', () => {
    expect(
      tableGaps({
        'public.oauth2_tokens': 1200,
        'public.sessions': 0,
        'public.my_plugin': 1,
        'public.services': 9,
        'public.tags': 3,
      }),
    ).toEqual([
      {
        kind: 'oauth2-tokens',
        count: 1200,
        what: '1,200 OAuth 2.0 tokens are not in the declarative file',
        why: 'decK does not carry OAuth 2.0 tokens; they are in the database dump',
        onlyIn: 'database',
      },
      {
        kind: 'table-public.my_plugin',
        count: 1,
        what: '1 row of table public.my_plugin is not in the declarative file',
        why: 'decK does not know what they are, for example entities of a custom plugin; they are in the database dump',
        onlyIn: 'database',
      },
    ]);
  });

  it('says NOT ENCRYPTED on every set, so that no set is called complete', () => {
    expect(gapReport(facts)).toEqual([ENCRYPTION]);
    expect(completeness(gapReport(facts))).toBe('1 gap');
    expect(completeness([])).toBe('complete');
  });

  it('names a whole kind that the configuration leaves out, unless the gateway has none', () => {
    const without = { ...facts, planned: ['declarative'] } as const;
    expect(gapReport(without)).toEqual([
      {
        kind: 'database',
        count: null,
        what: 'the database is not in the set',
        why: 'the configuration of this gateway does not say where it is',
      },
      {
        kind: 'files',
        count: null,
        what: 'kong.conf and the prefix files are not in the set',
        why: 'the configuration of this gateway does not say where it is',
      },
      ENCRYPTION,
    ]);
    expect(gapReport({ ...without, databaseKind: 'off' }).map((gap) => gap.kind)).toEqual(['files', 'encryption']);
  });

  it("prefers the rows of the dump's snapshot to the count of a list", () => {
    const listed = declarativeGaps(counts({}, { 'rbac-users': 2 }), origin('1.65.1', true));
    const gaps = gapReport({ ...facts, tables: { 'public.rbac_users': 3 }, reported: listed });
    expect(gaps.map((gap) => [gap.kind, gap.count])).toEqual([
      ['rbac-users', 3],
      ['encryption', null],
    ]);
  });

  it('does not list what the declarative file lacks when there is none: the kind itself is the gap', () => {
    const gap = missingKind('declarative', 'no decK on this machine, and allow_gaps permits it');
    const gaps = gapReport({ ...facts, declarative: false, tables: { 'public.sessions': 3 }, reported: [gap, gap] });
    expect(gaps).toEqual([gap, ENCRYPTION]);
  });

  it('never says complete when anything at all is missing', () => {
    const kinds = fc.constantFrom(...ENTITY_KINDS.map((entity) => entity.kind));
    fc.assert(
      fc.property(fc.dictionary(kinds, fc.integer({ min: 1, max: 9 }), { minKeys: 1 }), (onGateway) => {
        const gaps = declarativeGaps(counts({}, onGateway), origin('1.0', true));
        expect(gaps.map((gap) => gap.kind).sort()).toEqual(Object.keys(onGateway).sort());
        expect(completeness(gaps)).not.toBe('complete');
      }),
    );
  });
});

describe('what an artifact of its own holds', () => {
  const facts = {
    planned: ['database', 'declarative', 'files'] as const,
    databaseKind: 'postgres',
    declarative: true,
    reported: [],
    encrypted: true,
  };
  const carried = {
    groups: { count: 2, comesBack: 'post' },
    admins: { count: 1, comesBack: 'people' },
  } as const;

  it('is no gap, but what only people can bring back is said to be', () => {
    const tables = { 'public.groups': 2, 'public.admins': 1, 'public.sessions': 4 };
    expect(gapReport({ ...facts, tables, carried })).toEqual([
      expect.objectContaining({ kind: 'sessions', count: 4 }),
      {
        kind: 'admins',
        count: 1,
        what: '1 admin is in the set by name alone',
        why: 'only people can bring it back through the Admin API; it is in the database dump',
        onlyIn: 'database',
      },
    ]);
  });

  it('does not hide that the token could not see all of it', () => {
    const hidden = { kind: 'groups', count: null, what: 'The groups are not all in the set', why: 'HTTP 403' };
    expect(gapReport({ ...facts, tables: null, reported: [hidden], carried })).toContainEqual(hidden);
  });

  it('names what the configured tags leave out, and counts it', () => {
    const [gap] = declarativeGaps(counts({ services: 1 }, { services: 3 }), {
      ...origin('1.29.2', false, 'team-1'),
      selectTags: ['edge'],
    });
    expect(gap).toEqual({
      kind: 'services',
      count: 2,
      what: '2 services of workspace team-1 are nowhere in the set',
      why: 'select_tags of this gateway asks for edge; the set has no database dump',
    });
  });
});
