import { mkdtemp, readdir, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { writeKongFiles } from '../../../src/sandbox/kong/prefix.ts';
import { fixturePath, need } from '../../support/need.ts';

const database = { host: '127.0.0.1', port: 5432, name: 'kong', user: 'kong', password: 'made-up-password' };

/** Of the test build of the recorded node, or of its traffic; a real prefix has none of them, or it is a socket. */
const NOT_MADE = /nginx_kong_test_|sockets\/we/;

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'stand-in-prefix-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

async function listing(root: string): Promise<string[]> {
  const names = await readdir(root, { recursive: true });
  const lines = await Promise.all(
    names.map(async (name) => {
      const { mode } = await stat(join(root, name));
      return `${(mode & 0o777).toString(8)} ./${name}`;
    }),
  );
  return lines.sort();
}

describe.each(['3.9.1', '2.8.5'] as const)('the prefix folder of Kong %s', (version) => {
  test.skipIf(!need('fixtures'))('has the names and modes of a real one', async () => {
    const { prefix } = await writeKongFiles(folder, { version, database });
    const text = await readFile(fixturePath(`kong-${version}`, 'prefix-listing.txt'), 'utf8');
    const real = [...text.matchAll(/^(\d{3}) \w \d+ (\.\/\S+) *$/gm)]
      .map(([, mode, path]) => `${mode ?? ''} ${path ?? ''}`)
      .filter((line) => !NOT_MADE.test(line));
    expect(real.length).toBeGreaterThan(20);
    expect(await listing(prefix)).toEqual(real.sort());
  });

  test('keeps the database password in .kong_env alone', async () => {
    const { prefix, conf } = await writeKongFiles(folder, { version, database });
    const holding: string[] = [];
    for (const name of await readdir(prefix, { recursive: true })) {
      const path = join(prefix, name);
      if ((await stat(path)).isFile() && (await readFile(path, 'utf8')).includes(database.password)) holding.push(name);
    }
    expect(holding).toEqual(['.kong_env']);
    expect(await readFile(conf, 'utf8')).toContain('pg_database = kong\n');
  });
});
