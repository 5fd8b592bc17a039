import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  formatFor,
  MANIFEST_FORMAT,
  manifestText,
  parseManifest,
  parseRecord,
} from '../../../src/backup/set/manifest.ts';
import type { Manifest } from '../../../src/backup/set/manifest.ts';
import { isSetId, setIdOf } from '../../../src/backup/set/set-id.ts';
import { isRefusal } from '../../../src/runs/refusal.ts';

const SHA = 'a'.repeat(64);
const manifest: Manifest = {
  format: MANIFEST_FORMAT,
  set: 'production-20261121T0740Z-B-142',
  gateway: 'production',
  environment: 'production',
  createdAt: '2026-11-21T07:41:00.000Z',
  runId: 'B-142',
  requestedBy: 'T01LOCAL/U01ALICE',
  approvedBy: ['T01LOCAL/U01BOB'],
  kong: { version: '3.9.1', edition: 'community', databaseKind: 'postgres', workspaces: ['default'], observed: {} },
  artifacts: [
    {
      kind: 'database',
      name: 'database.tar.zst',
      bytes: 1,
      sha256: SHA,
      tool: 'pg_dump',
      toolVersion: '15.18',
      seconds: 0.5,
      facts: { tables: 2 },
    },
  ],
  database: {
    serverVersion: '15.18',
    tables: { 'public.services': 6 },
    schemaMeta: [{ key: 'schema_meta', subsystem: 'core', last_executed: '009', executed: ['000_base'], pending: [] }],
  },
  gaps: [{ kind: 'encryption', count: null, what: 'NOT ENCRYPTED', why: 'not yet' }],
  tools: { pg_dump: '15.18' },
  encryption: 'none',
  signedBy: SHA,
  auditHead: { seq: 7, hash: SHA },
};

/** Tables have a dot in their names and facts are ours: neither is ever `__proto__`, which an object cannot hold. */
const key = fc.string({ minLength: 1 }).filter((text) => text !== '__proto__');
const arbitrary = fc.record({
  set: fc
    .tuple(
      fc.date({ min: new Date('2020-01-01'), max: new Date('2099-01-01'), noInvalidDate: true }),
      fc.integer({ min: 1, max: 1e9 }),
    )
    .map(([date, number]) => setIdOf({ id: `B-${number}`, requestedAt: date.toISOString(), gateway: 'production' })),
  environment: fc.string({ minLength: 1 }),
  tables: fc.dictionary(key, fc.nat()),
  gaps: fc.array(
    fc.record({
      kind: fc.string({ minLength: 1 }),
      count: fc.option(fc.nat()),
      what: fc.string({ minLength: 1 }),
      why: fc.string({ minLength: 1 }),
    }),
  ),
  facts: fc.dictionary(key, fc.oneof(fc.string(), fc.integer())),
});

describe('a manifest', () => {
  it('is read back as it was written, whatever stands in it', () => {
    fc.assert(
      fc.property(arbitrary, ({ set, environment, tables, gaps, facts }) => {
        const [artifact] = manifest.artifacts;
        const written = {
          ...manifest,
          set,
          environment,
          gaps,
          database: { ...manifest.database, serverVersion: '15', schemaMeta: [], tables },
          artifacts: [{ ...artifact, facts }],
        } as Manifest;
        expect(parseManifest(manifestText(written))).toEqual(JSON.parse(JSON.stringify(written)));
      }),
    );
  });

  it('has one text, in whatever order its parts were put together', () => {
    const turned = Object.fromEntries(Object.entries(manifest).reverse()) as Manifest;
    expect(manifestText(turned)).toBe(manifestText(manifest));
  });

  it('is refused when any byte of it is cut off', () => {
    const text = manifestText(manifest);
    fc.assert(
      fc.property(fc.integer({ min: 0, max: text.length - 1 }), (at) => isRefusal(parseManifest(text.slice(0, at)))),
    );
  });

  it('is refused with the places that are wrong', () => {
    const text = manifestText(manifest)
      .replace('"bytes":1', '"bytes":-1')
      .replace('"encryption":"none"', '"encryption":"rot13","colour":"blue"')
      .replace('database.tar.zst', '../escape');
    expect(parseManifest(text)).toEqual({
      refused: true,
      code: 'manifest-corrupt',
      message:
        'The manifest of this set cannot be trusted: artifacts.0.name: a plain file name; ' +
        'artifacts.0.bytes: Too small: expected number to be >=0; encryption: Invalid input; ' +
        'the document: Unrecognized key: "colour".',
      hint: 'Use another copy of the set or another set. Keep the damaged one for whoever looks into it.',
    });
  });

  it('is refused when it is no JSON, or names two artifacts alike', () => {
    expect(parseManifest('{')).toMatchObject({
      code: 'manifest-corrupt',
      message: expect.stringContaining('the document: Invalid input'),
    });
    const twice = manifestText({ ...manifest, artifacts: [...manifest.artifacts, ...manifest.artifacts] });
    expect(parseManifest(twice)).toMatchObject({
      message: 'The manifest of this set cannot be trusted: artifacts: two of them have the same name.',
    });
  });

  it('is not written when it would not be readable', () => {
    expect(() => manifestText({ ...manifest, set: 'elsewhere' })).toThrow('a set id such as');
  });
});

describe('the facts that a step leaves beside an artifact', () => {
  it('are refused when somebody else wrote them', () => {
    expect(parseRecord({ artifact: manifest.artifacts[0], gaps: [] })).toEqual({
      artifact: manifest.artifacts[0],
      gaps: [],
    });
    expect(parseRecord({ rows: 5 })).toMatchObject({ refused: true, code: 'manifest-corrupt' });
  });
});

describe('the name of a set', () => {
  it('says gateway, minute and run', () => {
    const run = { id: 'B-142', requestedAt: '2026-11-21T07:40:59.123Z', gateway: 'production' };
    expect(setIdOf(run)).toBe('production-20261121T0740Z-B-142');
  });

  it('sorts by time within a gateway and is a safe folder name', () => {
    const date = fc.date({ min: new Date('2020-01-01'), max: new Date('2099-01-01'), noInvalidDate: true });
    fc.assert(
      fc.property(date, date, (one, two) => {
        const [a, b] = [one, two].map((at) => setIdOf({ id: 'B-1', requestedAt: at.toISOString(), gateway: 'eu-1' }));
        if (a === undefined || b === undefined || !isSetId(a)) return false;
        return one.toISOString().slice(0, 16) <= two.toISOString().slice(0, 16) ? a <= b : a > b;
      }),
    );
  });

  it('is not found in what else may lie in a folder', () => {
    for (const text of [
      '',
      '.',
      '..',
      '.incoming-production-20261121T0740Z-B-142',
      'production',
      'a/b-20261121T0740Z-B-142',
    ]) {
      expect(isSetId(text)).toBe(false);
    }
  });
});

describe('the format of a manifest', () => {
  const of = (kind: Manifest['artifacts'][number]['kind'], name: string) => formatFor([{ kind, name }]);

  it('stays the one that older readers know as long as they understand every artifact', () => {
    for (const name of ['database.dump.zst.age', 'database.tar.zst']) {
      expect(of('database', name)).toBe('kong-chatops-backup/2');
    }
    expect(of('declarative', 'declarative-default.yaml')).toBe('kong-chatops-backup/2');
    expect(of('files', 'files.tar')).toBe('kong-chatops-backup/2');
  });

  it('is newer for kinds and dumps that they would misread, so that they say so', () => {
    expect(of('database', 'database.sql.zst.age')).toBe('kong-chatops-backup/3');
    expect(of('database', 'database.pgtar')).toBe('kong-chatops-backup/3');
    for (const kind of ['globals', 'rbac', 'entities', 'keyring', 'dbless'] as const) {
      expect(of(kind, 'x')).toBe('kong-chatops-backup/3');
    }
    const text = manifestText(manifest).replace('kong-chatops-backup/2', 'kong-chatops-backup/4');
    expect(parseManifest(text)).toMatchObject({ code: 'manifest-newer' });
  });
});
