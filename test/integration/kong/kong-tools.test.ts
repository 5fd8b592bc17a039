import { afterAll, describe, expect, test } from 'vitest';
import { findDeck, findPostgresTools, findPsql } from '../../../src/kong/dump/tools.ts';
import { localRunner } from '../../../src/run-command/local.ts';
import { fakePrograms } from '../../support/backup/fake-program.ts';
import { faultOf } from '../../support/fault-of.ts';
import { need } from '../../support/need.ts';

const run = localRunner();

describe('tools', () => {
  const fakes = fakePrograms();
  afterAll(() => fakes.remove());

  test.skipIf(!need('psql'))('psql is found with its version', async () => {
    expect((await findPsql(run)).version).toMatch(/^\d+\.\d+/);
  });

  test.skipIf(!need('deck'))('decK is found, and what it can do is read from its help', async () => {
    const deck = await findDeck(run);
    expect(deck.version).toMatch(/^\d+\.\d+\.\d+/);
    expect(deck.withId).toBe(true);
    const [major = 0, minor = 0] = deck.version.split('.').map(Number);
    expect(deck.keys).toBe(major > 1 || minor >= 48);
    expect(deck.adminTokenVariable).toBe(major > 1 || minor >= 64);
  });

  test('of exactly the server version are taken, also from PATH, and remembered', async () => {
    for (const name of ['pg_dump', 'pg_restore', 'psql'])
      fakes.write(name, `echo "${name} (PostgreSQL) 99.3 (Somewhere 99.3-1)"; echo x >> "$0.calls"`);
    const runner = localRunner({ path: fakes.path });
    const tools = await findPostgresTools(runner, 99);
    expect(tools).toEqual({
      major: 99,
      pgDump: { program: 'pg_dump', version: '99.3' },
      pgRestore: { program: 'pg_restore', version: '99.3' },
      psql: { program: 'psql', version: '99.3' },
    });
    expect(await findPostgresTools(runner, 99)).toBe(tools);
  });

  test('of another version are not taken, and what is missing is looked for again', async () => {
    for (const name of ['pg_dump', 'psql']) fakes.write(name, `echo "${name} (PostgreSQL) 98.1"`);
    fakes.write('pg_restore', 'echo "pg_restore (PostgreSQL) 97.9"');
    const runner = localRunner({ path: fakes.path });
    expect(await faultOf(findPostgresTools(runner, 98))).toEqual({
      code: 'postgres-tools.missing',
      message: 'The database server is PostgreSQL 98, and pg_restore of version 98 is not on this machine.',
      hint: 'Install them: apt-get install postgresql-client-98 (Debian, Ubuntu; from apt.postgresql.org where the system has another version), dnf install postgresql98 (Red Hat), brew install postgresql@98 (macOS).',
      retryable: false,
    });
    fakes.write('pg_restore', 'echo "pg_restore (PostgreSQL) 98.1"');
    expect((await findPostgresTools(runner, 98)).pgRestore.version).toBe('98.1');
  });
});
