import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { compareTable } from '../../../src/kong/database/compare-content.ts';
import type { TableChange } from '../../../src/kong/database/compare-content.ts';
import { openContent } from '../../../src/kong/database/database-content.ts';
import type { DatabaseContent } from '../../../src/kong/database/database-content.ts';
import { findPsql } from '../../../src/kong/dump/tools.ts';
import { localRunner } from '../../../src/run-command/local.ts';
import { kongDatabase } from '../../support/kong/kong-database.ts';
import type { KongDatabase } from '../../support/kong/kong-database.ts';
import { need } from '../../support/need.ts';
import { withClient } from '../../support/store/postgres.ts';

describe.skipIf(!need('psql') || !need('fixtures'))('two databases of a real Kong side by side', () => {
  const databases: KongDatabase[] = [];
  let before: DatabaseContent;
  let after: DatabaseContent;
  let old: DatabaseContent;

  beforeAll(async () => {
    databases.push(...(await Promise.all((['3.9.1', '3.9.1', '2.8.5'] as const).map(kongDatabase))));
    const psql = await findPsql(localRunner());
    const applicationName = 'kong-chatops R-1/test/1';
    const contents = databases.map(({ config, password, workDir }) =>
      openContent(localRunner(), config, { password, workDir, applicationName, psql }),
    );
    [before, after, old] = (await Promise.all(contents)) as [DatabaseContent, DatabaseContent, DatabaseContent];
  });
  afterAll(async () => {
    for (const content of [before, after, old]) await content.close();
    for (const database of databases) await database.drop();
  });

  const change = async (...statements: readonly string[]): Promise<void> => {
    const url = databases[1]?.url ?? '';
    await withClient(url, async (client) => {
      for (const statement of statements) await client.query(statement);
    });
  };
  const differences = async (from: DatabaseContent, to: DatabaseContent): Promise<readonly TableChange[]> => {
    const changes: TableChange[] = [];
    for (const shape of await to.tables()) changes.push(await compareTable(from, to, shape));
    return changes.filter(({ prints }) => prints.length > 0);
  };

  test('are the same when both were restored from the same dump', async () => {
    expect(await differences(before, after)).toEqual([]);
  });

  test('differ by exactly the rows that were added, changed and removed, each named as people name it', async () => {
    await change(
      `INSERT INTO services (id, name, protocol, host, port, ws_id)
       SELECT gen_random_uuid(), 'brand-new', 'http', 'new.internal', 80, id FROM workspaces LIMIT 1`,
      `UPDATE plugins SET config = config || '{"changed": true}' WHERE id = (SELECT min(id::text)::uuid FROM plugins)`,
      `DELETE FROM keyauth_credentials WHERE id = (SELECT min(id::text)::uuid FROM keyauth_credentials)`,
    );
    const found = await differences(before, after);
    expect(found.map(({ bare, created, updated, deleted }) => ({ bare, created, updated, deleted }))).toEqual([
      { bare: 'keyauth_credentials', created: 0, updated: 0, deleted: 1 },
      { bare: 'plugins', created: 0, updated: 1, deleted: 0 },
      { bare: 'services', created: 1, updated: 0, deleted: 0 },
      // Kong's own triggers keep it.
      { bare: 'tags', created: 1, updated: 0, deleted: 1 },
    ]);
    expect(found.find(({ bare }) => bare === 'services')?.names).toEqual(['brand-new']);
  });

  test('say of a route whether more than host and path leads to it; Kong 2 knows no expressions', async () => {
    const byMore = async (content: DatabaseContent): Promise<ReadonlySet<string | null>> =>
      new Set((await content.routes(5000)).filter(({ by_more }) => by_more).map(({ name }) => name));
    const usual = await byMore(after);
    await change(
      `INSERT INTO routes (id, name, protocols, expression, ws_id)
       SELECT gen_random_uuid(), 'by-expression', ARRAY['http'], 'http.path == "/a"', id FROM workspaces LIMIT 1`,
    );
    expect(await byMore(after)).toEqual(new Set([...usual, 'by-expression']));
    expect((await old.routes(5000)).length).toBeGreaterThan(0);
  });
});
