import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { DeckEntry } from '../../../src/kong/deck/deck-changes.ts';
import { escapeTemplates } from '../../../src/kong/deck/deck-template.ts';
import {
  approversMore,
  changesOf,
  digestOfPrints,
  nameOf,
  printsOf,
  printsToCome,
  unplannedChanges,
} from '../../../src/steps/restore/declarative/changes.ts';
import type { WorkspaceDiff } from '../../../src/steps/restore/declarative/changes.ts';
import { putBackToo, tooMuch } from '../../../src/steps/restore/declarative/read-back.ts';

const entry = (kind: string, more: Partial<DeckEntry> = {}): DeckEntry => ({
  action: 'update',
  kind,
  name: 'one',
  before: { name: 'one' },
  after: { name: 'one' },
  ...more,
});
const diff = (...entries: DeckEntry[]): WorkspaceDiff => ({
  workspace: 'default',
  entries,
  hashes: [],
  hashesToCome: [],
});
const login = { list: 'basicauth_credentials', id: 'b1', name: 'alice of alice', value: '5ebe2294' } as const;

describe('a sync needs one approver more', () => {
  it.each([
    ['when anything is deleted', diff(entry('route', { action: 'delete' })), 1],
    ['when it touches consumers', diff(entry('consumer', { action: 'create' })), 1],
    ['when it touches an API key', diff(entry('key-auth')), 1],
    ['when it touches a certificate', diff(entry('certificate')), 1],
    ['when it touches a plugin that authenticates', diff(entry('plugin', { after: { name: 'openid-connect' } })), 1],
    ['when a password comes back', { ...diff(), hashes: [login] }, 1],
    ['not for a plugin of traffic', diff(entry('plugin', { after: { name: 'rate-limiting' } })), 0],
    ['not for services and routes', diff(entry('service'), entry('route', { action: 'create' })), 0],
    ['not for nothing', diff(), 0],
  ])('%s', (_, given, more) => {
    expect(approversMore([given])).toBe(more);
  });
});

describe('what people see of a diff', () => {
  it('names a few of thousands, and none longer than people read', () => {
    const many = Array.from({ length: 3000 }, (_, at) => entry('consumer', { name: `${'😀'.repeat(9999)}${at}` }));
    const [change] = changesOf([diff(entry('consumer', { name: 'alice' }), ...many)]);
    expect(change).toMatchObject({ kind: 'consumers', updated: 3001 });
    expect(change?.names).toEqual(['alice', ...Array.from({ length: 4 }, () => `${'😀'.repeat(59)}…`)]);
  });

  it('is counted by kind, named by workspace where there are several, and logins stand with credentials', () => {
    const changes = changesOf([
      { ...diff(entry('service'), entry('rbac-role', { action: 'create', name: 'auditor' })), hashes: [login] },
      { ...diff(entry('service', { action: 'delete', name: 'two' })), workspace: 'team-a' },
    ]);
    expect(changes).toEqual([
      { kind: 'services', created: 0, updated: 1, deleted: 1, names: ['default/one', 'team-a/two'] },
      { kind: 'basic-auth logins', created: 0, updated: 1, deleted: 0, names: ['default/alice of alice'] },
      { kind: 'rbac roles', created: 1, updated: 0, deleted: 0, names: ['default/auditor'] },
    ]);
  });

  it('names an API key by its consumer: decK shows the end of the key, which may be all of it', () => {
    const key = entry('key-auth', {
      name: 'k3y for consumer alice',
      after: { key: 'k3y', consumer: { username: 'alice' } },
    });
    expect(nameOf(key)).toBe('of alice');
    expect(JSON.stringify(changesOf([diff(key)]))).not.toContain('k3y');
  });
});

it('what a sync deletes or changes beyond its plan is known by name, and nothing else is', () => {
  const planned = diff(entry('route', { action: 'delete', name: 'old' }), entry('service', { name: 'late' }));
  const done = [
    entry('route', { action: 'delete', name: 'old' }),
    entry('route', { action: 'create', name: 'new' }),
    entry('service', { name: 'late' }),
    entry('service', { action: 'delete', name: 'late' }),
    entry('key-auth', { action: 'delete', name: 'k3y', before: { consumer: { username: 'bob' } }, after: null }),
  ];
  const synced = { done, deleted: 3, updated: 1, errors: [], warnings: [] };
  expect(unplannedChanges(synced, planned)).toEqual({ deleted: ['service late', 'key-auth of bob'], updated: [] });
  const changed = { ...synced, done: [...done, entry('plugin', { name: 'cors (global)' })], updated: 2 };
  expect(unplannedChanges(changed, planned).updated).toEqual(['plugin cors (global)']);
  // decK loses some of its list where it works in parallel, and none of its count.
  expect(unplannedChanges({ ...synced, done: done.slice(0, 4), updated: 3 }, planned)).toEqual({
    deleted: ['service late', '1 entity that decK did not name'],
    updated: ['2 entities that decK did not name'],
  });
  expect(tooMuch(['service late']).facts()).toEqual({
    code: 'declarative.deleted-more',
    message: 'All is as it should be, and the sync also deleted what somebody added in the same moment: service late.',
    hint: 'It is in no set: tell whoever added it. Then close this run, or roll it back.',
  });
  expect(putBackToo(['service late']).facts()).toEqual({
    code: 'declarative.changed-more',
    message: 'All is as it should be, and the sync also undid what somebody changed since its plan: service late.',
    hint: 'That change is in no set: tell whoever made it. Then close this run, or roll it back.',
  });
});

describe('the prints of a diff', () => {
  const body = fc.dictionary(fc.string(), fc.oneof(fc.string(), fc.integer(), fc.boolean()));
  const entries = fc.array(
    fc.record({
      action: fc.constantFrom('create' as const, 'update' as const, 'delete' as const),
      kind: fc.constantFrom('service', 'route', 'key-auth'),
      name: fc.string(),
      before: body,
      after: body,
    }),
    { maxLength: 6 },
  );

  it('do not depend on the order in which decK tells its changes', () => {
    fc.assert(
      fc.property(entries, (given) => {
        expect(printsOf([diff(...given)], 'k')).toEqual(printsOf([diff(...given.toReversed())], 'k'));
      }),
    );
  });

  it('of what is left of a diff are among those of the whole, and a change of anything is not', () => {
    fc.assert(
      fc.property(entries, fc.nat(), body, (given, cut, other) => {
        const whole = new Set(printsOf([diff(...given)], 'k'));
        const left = given.slice(cut % (given.length + 1));
        expect(printsOf([diff(...left)], 'k').every((print) => whole.has(print))).toBe(true);
        const strange = entry('service', { name: 'not in it', after: other });
        expect(printsOf([diff(strange)], 'k').some((print) => whole.has(print))).toBe(false);
      }),
    );
  });

  it('cannot be computed without the key, and tell no two diffs alike', () => {
    const prints = (key: string) => printsOf([diff(entry('basic-auth', { after: { password: 'secret' } }))], key);
    expect(prints('one')).not.toEqual(prints('two'));
    expect(digestOfPrints(prints('one'), 'one')).toMatch(/^[0-9a-f]{64}$/);
    expect(digestOfPrints([], 'one')).not.toBe(digestOfPrints(prints('one'), 'one'));
  });

  it('of a password that the sync itself will break are known before, and no change of their own', () => {
    const before = { ...diff(), hashesToCome: [login] };
    expect(printsOf([before], 'k')).toEqual([]);
    expect(printsToCome([before], 'k')).toEqual(printsOf([{ ...diff(), hashes: [login] }], 'k'));
  });
});

describe('what looks like a template of decK', () => {
  /** Go's template of decK, as far as the escape goes. */
  const rendered = (text: string): string => text.replaceAll('${{ "${{" }}', '${{');

  it('is the same text again once decK has rendered it, and nothing else is touched', () => {
    const pieces = fc.array(fc.constantFrom('${{', '}}', '$', '{', ' env "DECK_X" ', 'a', '\n'), { maxLength: 12 });
    fc.assert(
      fc.property(pieces, (given) => {
        const text = given.join('');
        const escaped = escapeTemplates(text);
        expect(rendered(escaped)).toBe(text);
        if (!text.includes('${{')) expect(escaped).toBe(text);
      }),
    );
  });
});
