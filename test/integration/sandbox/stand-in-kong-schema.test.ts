import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createKongSchema } from '../../../src/sandbox/kong/stand-in.ts';
import { fixturePath, need } from '../../support/need.ts';
import { freshDatabase, type TestDatabase, withClient } from '../../support/store/postgres.ts';
import { loadSql, VERSIONS } from '../../support/kong/stand-in-kong.ts';

type Columns = Record<string, Record<string, string>>;

async function select<T extends object>(url: string, text: string): Promise<T[]> {
  return withClient(url, async (client) => (await client.query<T>(text)).rows);
}

async function columnsOf(url: string): Promise<Columns> {
  const rows = await select<{ table_name: string; column_name: string; data_type: string }>(
    url,
    `SELECT table_name, column_name, data_type FROM information_schema.columns
      WHERE table_schema = 'public' ORDER BY table_name, ordinal_position`,
  );
  const tables: Columns = {};
  for (const { table_name, column_name, data_type } of rows) (tables[table_name] ??= {})[column_name] = data_type;
  return tables;
}

/** Everything about the shape that a dump would carry, as sorted text. */
async function shapeOf(url: string): Promise<string[]> {
  const rows = await select<{ line: string }>(
    url,
    `SELECT 'constraint ' || conrelid::regclass || ' ' || conname || ' ' || pg_get_constraintdef(oid) AS line
       FROM pg_constraint WHERE connamespace = 'public'::regnamespace
     UNION ALL SELECT 'index ' || indexdef FROM pg_indexes WHERE schemaname = 'public'
     UNION ALL SELECT 'trigger ' || pg_get_triggerdef(oid) FROM pg_trigger WHERE NOT tgisinternal
     UNION ALL SELECT 'default ' || table_name || '.' || column_name || ' ' || coalesce(column_default, '-') || ' ' || is_nullable
       FROM information_schema.columns WHERE table_schema = 'public'
     UNION ALL SELECT 'function ' || proname FROM pg_proc WHERE pronamespace = 'public'::regnamespace
     ORDER BY 1`,
  );
  return rows.map(({ line }) => line.replaceAll('public.', ''));
}

describe.each(VERSIONS)('the database of a stand-in Kong %s', (version) => {
  let ours: TestDatabase;
  beforeAll(async () => {
    ours = await freshDatabase();
    await createKongSchema(ours.ownerUrl, version);
  });
  afterAll(() => ours.drop());

  test.skipIf(!need('fixtures'))('has the tables, columns and types of a real one, table by table', async () => {
    const real = JSON.parse(readFileSync(fixturePath(`kong-${version}`, 'database-columns.json'), 'utf8')) as Columns;
    const made = await columnsOf(ours.ownerUrl);
    expect(Object.keys(made).sort()).toEqual(Object.keys(real).sort());
    for (const table of Object.keys(real)) expect([table, made[table]]).toEqual([table, real[table]]);
  });

  test.skipIf(!need('fixtures') || !need('psql'))(
    'has the keys, constraints, indexes, triggers and defaults of a real one',
    async () => {
      const restored = await freshDatabase();
      try {
        await loadSql(restored.ownerUrl, fixturePath(`kong-${version}`, 'database.sql'));
        const real = await shapeOf(restored.ownerUrl);
        expect(real.length).toBeGreaterThan(300);
        expect(await shapeOf(ours.ownerUrl)).toEqual(real);
      } finally {
        await restored.drop();
      }
    },
  );

  test.skipIf(!need('fixtures'))('says that it ran the migrations that a real one ran', async () => {
    const real = JSON.parse(
      readFileSync(fixturePath(`kong-${version}`, 'database-schema-meta.json'), 'utf8'),
    ) as unknown;
    const made = await select(ours.ownerUrl, 'SELECT * FROM schema_meta ORDER BY subsystem COLLATE "C"');
    expect(made).toEqual(real);
  });

  test('holds the default workspace and nothing else', async () => {
    expect(await select(ours.ownerUrl, 'SELECT name, comment FROM workspaces')).toEqual([
      { name: 'default', comment: null },
    ]);
    expect(await select(ours.ownerUrl, 'SELECT * FROM services')).toEqual([]);
  });

  test('copies tags into the table of all tags, and takes them out again', async () => {
    const { ownerUrl } = ours;
    const id = '0b0d3f1e-2c4a-4a6b-8c8d-9e0f1a2b3c4d';
    await select(ownerUrl, `INSERT INTO consumers (id, tags) VALUES ('${id}', '{a,b}')`);
    await select(ownerUrl, `UPDATE consumers SET tags = '{c}' WHERE id = '${id}'`);
    expect(await select(ownerUrl, 'SELECT entity_name, tags FROM tags')).toEqual([
      { entity_name: 'consumers', tags: ['c'] },
    ]);
    await select(ownerUrl, 'DELETE FROM consumers');
    expect(await select(ownerUrl, 'SELECT * FROM tags')).toEqual([]);
  });
});
