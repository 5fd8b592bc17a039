import { describe, expect, it } from 'vitest';
import type { DatabaseRow } from '../../src/kong/database/database-admin.ts';
import { identifier, identifierAsTyped, sameSettings, traits } from '../../src/kong/database/database-admin-sql.ts';
import { migrationsDiffer, pendingMigrations, versionsDiffer } from '../../src/steps/restore/migrations.ts';
import { swapStateOf } from '../../src/steps/restore/swap-state.ts';

const meta = (subsystem: string, executed: string[], pending: string[] = []) => ({
  key: 'schema_meta',
  subsystem,
  last_executed: executed.at(-1) ?? null,
  executed,
  pending,
});

describe('migrations of a dump', () => {
  it('equal ones pass in any order', () => {
    expect(
      migrationsDiffer([meta('core', ['a', 'b']), meta('acl', ['x'])], [meta('acl', ['x']), meta('core', ['b', 'a'])]),
    ).toBeNull();
  });

  it('pending ones are refused, whatever the gateway has', () => {
    expect(pendingMigrations([meta('core', ['a'], ['b'])])).toMatchObject({
      message: 'The dump was taken in the middle of a migration: core (b).',
      hint: 'Restore a set from before or after that migration.',
    });
  });

  it('a dump of a Kong that differs both ways is called newer: that is the one Kong would not notice', () => {
    expect(migrationsDiffer([meta('core', ['a', 'c'])], [meta('core', ['a', 'b'])])?.code).toBe('dump-newer');
  });

  it('patch versions may differ, minor versions and editions may not', () => {
    const set = { version: '3.9.1', edition: 'community' };
    expect(versionsDiffer(set, { version: '3.9.0', edition: 'community' })).toBeNull();
    expect(versionsDiffer(set, { version: '3.90.1', edition: 'community' })?.code).toBe('other-kong');
    expect(versionsDiffer(set, { version: '3.9.1.1-enterprise-edition', edition: 'enterprise' })?.code).toBe(
      'other-kong',
    );
  });
});

describe('where a swap stands', () => {
  const names = { live: 'kong', scratch: 'kong_r7_new', kept: 'kong_r7_old' };
  const row = (mark: string | null = null): DatabaseRow => ({ owner: 'kong', owned: true, open: true, mark });
  const among = (...there: readonly string[]) => Object.fromEntries(there.map((name) => [name, row()]));

  it.each([
    [['kong', 'kong_r7_new'], 'before'],
    [['kong', 'kong_r7_old'], 'after'],
    [['kong_r7_new'], 'missing'],
    [['kong_r7_new', 'kong_r7_old'], 'between'],
    [['kong'], 'nothing-restored'],
    [['kong', 'kong_r7_new', 'kong_r7_old'], 'strange'],
    [['kong_r7_old'], 'strange'],
    [[], 'strange'],
  ])('%j is %s', (there, state) => {
    expect(swapStateOf(names, among(...there))).toBe(state);
  });

  it('a live one alone is the restored one when this very run marked it, and not when an earlier run did', () => {
    expect(swapStateOf(names, { kong: row('kong-chatops restored s whole as kong_r7_new: 3 tables, 4 rows') })).toBe(
      'after',
    );
    expect(swapStateOf(names, { kong: row('kong-chatops restored s whole as kong_r5_new: 3 tables, 4 rows') })).toBe(
      'nothing-restored',
    );
  });
});

describe('a database like another one', () => {
  const like = {
    row: { datcollate: 'C.UTF-8', datctype: 'C.UTF-8', datlocprovider: 'c', datconnlimit: 40 },
    encoding: 'UTF8',
    tablespace: 'pg_default',
    settings: ['search_path="$user", public', "application_name=it's", 'search_path=x; DROP DATABASE kong'],
    grants: [
      { to: 'monitor', privilege: 'CONNECT' },
      { to: null, privilege: 'TEMPORARY' },
      { to: 'odd', privilege: 'CONNECT; DROP' },
    ],
  };

  it('gets its locale and limits, and no tablespace that everybody may use anyway', () => {
    expect(traits(like)).toBe("ENCODING E'UTF8' LC_COLLATE E'C.UTF-8' LC_CTYPE E'C.UTF-8' CONNECTION LIMIT 40");
  });

  it('gets its settings and grants, quoted; what is neither is left out', () => {
    expect(sameSettings('new "one"', like)).toEqual([
      'ALTER DATABASE "new ""one""" SET search_path TO "$user", public',
      `ALTER DATABASE "new ""one""" SET application_name TO E'it''s'`,
      'REVOKE ALL ON DATABASE "new ""one""" FROM PUBLIC',
      'GRANT CONNECT ON DATABASE "new ""one""" TO "monitor"',
      'GRANT TEMPORARY ON DATABASE "new ""one""" TO PUBLIC',
    ]);
  });

  it.each(['', 'x'.repeat(64), 'ä'.repeat(32), 'a\0b'])(
    'a name that PostgreSQL would cut or cannot hold is a bug: %j',
    (name) => {
      expect(() => identifier(name)).toThrow(TypeError);
    },
  );

  it.each([
    ['kong', 'kong'],
    ['kong-admin', '"kong-admin"'],
    ['Kong', '"Kong"'],
    ['a"b', '"a""b"'],
  ])('a name that people are told to type is quoted where it must be: %s', (name, typed) => {
    expect(identifierAsTyped(name)).toBe(typed);
  });
});
