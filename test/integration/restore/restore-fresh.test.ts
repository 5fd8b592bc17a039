import { readdir } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { LocalDestination } from '../../../src/backup/storage/local.ts';
import { stateOf } from '../../../src/runs/next.ts';
import { publishSmallSet } from '../../support/backup/small-set.ts';
import { need } from '../../support/need.ts';
import { openRestoreWorld, type RestoreWorld } from '../../support/backup/restore-world.ts';
import { ask } from '../../support/kong/stand-in-kong.ts';
import { BOB, inSlack } from '../../support/story.ts';

const tools = need('pg_dump') && need('pg_restore') && need('psql') && need('deck');
const CLI = fileURLToPath(new URL('../../../src/sandbox/kong/cli.ts', import.meta.url));

describe.skipIf(!tools)('a fresh database from the declarative file', () => {
  let world: RestoreWorld;
  let set: string;
  const password = async () => {
    const [row] = await world.sql('SELECT password FROM basicauth_credentials ORDER BY id LIMIT 1');
    return row?.['password'];
  };
  beforeAll(async () => {
    world = await openRestoreWorld({ nodes: 1, restore: { kong_command: [process.execPath, CLI, '3.9.1'] } });
    set = await world.backup();
  });
  afterAll(() => world?.end());

  it('is built beside the live one by Kong’s own program, swapped in, proven, and swapped back', async () => {
    const [hash, folders] = [await password(), await readdir(world.folder)];
    const node = world.nodes[0]?.url ?? '';
    await ask(node, 'DELETE', '/routes/catalog-v1');
    const waiting = await world.play(await world.request({ set, strategy: 'fresh-database' }));
    expect(waiting.fault).toBeUndefined();
    expect(waiting.steps['rebuild-scratch']?.outputs).toMatchObject({ tables: expect.any(Number) as number });
    expect(stateOf(waiting)).toBe('waiting');
    // Its settings hold the password of the database: they are gone.
    expect(await readdir(world.folder)).toEqual(folders);
    const held = await world.play(await world.approve(waiting));
    expect(held.hold?.fault).toBeUndefined();
    expect(stateOf(held)).toBe('holding');
    expect((await fetch(`${world.nodes[0]?.proxyUrl}/api/v1/catalog`)).status).toBe(200);
    expect(hash).toMatch(/^[0-9a-f]{40}$/);
    expect(await password()).toBe(hash);
    await world.core.operations.rollback(held.id, 'only tried', inSlack(BOB));
    expect((await world.play(held.id)).outcome).toBe('rolled-back');
    expect(await world.databases()).toEqual([world.database]);
    expect((await fetch(`${world.nodes[0]?.proxyUrl}/api/v1/catalog`)).status).toBe(404);
    await world.core.operations.unlock('production', 'it was only tried', inSlack(BOB));
  });

  it('is refused where Kong’s program is not there, and nothing is touched', async () => {
    const core = await world.another({ nodes: 1, restore: { kong_command: ['no-such-kong'] } });
    const run = await world.play(await world.request({ set, strategy: 'fresh-database' }), core);
    expect(run.fault).toEqual({
      code: 'restore-refused',
      message: `Set ${set} cannot be restored, so nothing was touched.\n1. Kong’s program: "kong version" did not work (local): there is no program no-such-kong. The live database is untouched.`,
      hint: 'Name Kong’s program under restore.kong_command of this gateway, as it is called where its commands run.',
    });
    expect(await world.databases()).toEqual([world.database]);
  });

  it('is named where a set lacks the dump; a set that lacks the rest is refused too', async () => {
    const bare = 'production-20261121T0200Z-B-900';
    const key = { privateKey: world.env['SIGNING_KEY'] ?? '', publicKey: '' };
    const contents = { 'declarative-default.yaml': Buffer.from('_format_version: "3.0"\n') };
    const ref = { gateway: 'production', set: bare };
    await publishSmallSet(new LocalDestination('main', world.destination), { ref, key, sealing: null, contents });
    const refused = async (strategy: string) => (await world.play(await world.request({ set: bare, strategy }))).fault;
    expect(await refused('database')).toMatchObject({
      message: expect.stringContaining(
        `Set ${bare} cannot be restored, so nothing was touched.\n1. Dump of the database: The set holds no dump of the database.`,
      ) as string,
      hint: expect.stringContaining(
        '1. Restore another set, or build a fresh database from the declarative file of this one (strategy fresh-database).',
      ) as string,
    });
    expect(await refused('files')).toEqual({
      code: 'restore-refused',
      message: `Set ${bare} cannot be restored, so nothing was touched.\n1. Files: The set holds no files.`,
      hint: 'Restore another set. Backups take kong.conf and the prefix once files is in the configuration of the gateway.',
    });
  });

  it('leaves nothing behind when Kong’s program fails in the middle', async () => {
    const folders = await readdir(world.folder);
    const core = await world.another({ nodes: 1, restore: { kong_command: [process.execPath, CLI, '2.8.5'] } });
    const run = await world.play(await world.request({ set, strategy: 'fresh-database' }), core);
    expect(run.outcome).toBe('failed');
    expect(run.fault).toMatchObject({
      code: 'fresh.kong-failed',
      message:
        '"kong config db_import" did not work (local): it ended with exit code 1. The live database is untouched.',
      hint: 'Run it by hand for a database of its own and read what it says; or restore another set.',
    });
    expect(await world.databases()).toEqual([world.database]);
    expect((await readdir(world.folder)).filter((name) => !name.startsWith('config-'))).toEqual(
      folders.filter((name) => !name.startsWith('config-')),
    );
  });

  it('is proposed by name where the dump of the set turns out to be of no use', async () => {
    // Restored with an empty search path, the check finds its other table no more: pg_restore stops.
    await world.sql('CREATE TABLE whole (x int)');
    await world.sql("CREATE FUNCTION few(int) RETURNS bool LANGUAGE sql AS 'SELECT $1 > (SELECT count(*) FROM whole)'");
    await world.sql('CREATE TABLE part (x int CHECK (few(x)))');
    await world.sql('INSERT INTO part VALUES (5)');
    for (const table of ['whole', 'part']) await world.sql(`ALTER TABLE ${table} OWNER TO kong_${world.database}`);
    const broken = await world.backup();
    const run = await world.play(await world.request({ set: broken, strategy: 'database' }));
    expect(run.outcome).toBe('failed');
    expect(run.fault?.code).toBe('restore.failed');
    expect(run.fault?.hint).toMatch(
      new RegExp(
        `If the dump stays unusable, build a fresh database from this set’s declarative file: kong-chatops restore production --set ${broken} --strategy fresh-database --confirm production$`,
      ),
    );
    expect(await world.databases()).toEqual([world.database]);
  });
});
