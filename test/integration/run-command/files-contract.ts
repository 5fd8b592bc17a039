import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { RunCommand } from '../../../src/run-command/command.ts';
import { openRunner } from '../../../src/run-command/runner-for.ts';
import { faultOf } from '../../support/fault-of.ts';
import { need } from '../../support/need.ts';
import type { Place } from './contract.ts';

/** What every way to read and write files near a gateway must do. The machine that is reached is always this one. */
export function filesContract(name: string, open: () => Promise<Place> | Place): void {
  let where: Place;
  let run: RunCommand;
  let folder = '';
  /** How messages name the machine and its user. */
  let there = '';
  let user = '';

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'files-'));
    where = await open();
    run = openRunner(where.place, where);
    there = run.sameHost ? 'this machine' : run.where;
    user = run.sameHost ? "The bot's user" : `The user of ${run.where}`;
  });
  afterAll(async () => {
    await where.end?.();
    rmSync(folder, { recursive: true, force: true });
  });

  describe(`${name}: files near a gateway`, () => {
    test('are listed sorted, with kinds and rights, links not followed', async () => {
      const tree = join(folder, 'tree');
      mkdirSync(join(tree, 'b'), { recursive: true });
      writeFileSync(join(tree, 'b', 'inner'), '12345', { mode: 0o640 });
      writeFileSync(join(tree, 'a'), '', { mode: 0o600 });
      writeFileSync(join(tree, 'b', "it's\na name"), '');
      symlinkSync('b', join(tree, 'c'));
      const server = createServer().listen(join(tree, 'd'));
      await new Promise((done) => server.once('listening', done));
      const entries = await run.listFiles(tree, { deep: true });
      server.close();
      expect(entries.map(({ path, kind }) => `${kind} ${path.slice(tree.length)}`)).toEqual([
        'file /a',
        'folder /b',
        'file /b/inner',
        "file /b/it's\na name",
        'link /c',
        'socket /d',
      ]);
      expect(entries[2]).toMatchObject({ bytes: 5, mode: 0o640 });
      expect((await run.listFiles(tree)).map(({ path }) => path.slice(tree.length))).toEqual(['/a', '/b', '/c']);
    });

    test('a written file has exactly its rights and leaves no draft', async () => {
      const path = join(folder, 'written', 'secret');
      mkdirSync(join(folder, 'written'));
      await run.writeFile(path, 'one');
      await run.writeFile(path, 'two');
      expect(readFileSync(path, 'utf8')).toBe('two');
      expect(statSync(path).mode & 0o777).toBe(0o600);
      expect(await run.listFiles(join(folder, 'written'))).toHaveLength(1);
    });

    test('any bytes are written and read back unchanged', async () => {
      const path = join(folder, "any 'bytes'");
      const content = Buffer.from(Array.from({ length: 300_000 }, (_, at) => (at * 7919) % 256));
      await run.writeFile(path, content, { mode: 0o644 });
      expect((await run.readFile(path)).equals(content)).toBe(true);
      expect((await run.fileEntry(path))?.mode).toBe(0o644);
      await run.writeFile(path, '');
      expect(await run.readFile(path)).toHaveLength(0);
    });

    test('an entry that is not there is null, also below a file', async () => {
      writeFileSync(join(folder, 'plain'), '');
      expect(await run.fileEntry(join(folder, 'none'))).toBeNull();
      expect(await run.fileEntry(join(folder, 'plain', 'below'))).toBeNull();
      expect(await run.fileEntry(join(folder, 'plain'))).toMatchObject({ kind: 'file', bytes: 0 });
    });

    test('free space is a number of bytes', async () => {
      expect(await run.freeBytes(folder)).toBeGreaterThan(1024);
    });

    test('a missing file says where it was expected', async () => {
      expect(await faultOf(run.readFile(join(folder, 'none')))).toEqual({
        code: 'file.missing',
        message: `There is no ${folder}/none on ${there}.`,
        hint: `Correct the path in the configuration, or mount the folder where ${run.sameHost ? 'the bot runs' : 'the gateway is'}.`,
        retryable: false,
      });
    });

    test('a file that is too large is refused, also when its size says nothing', async () => {
      const path = join(folder, 'large');
      writeFileSync(path, 'x'.repeat(200_000));
      // Files of the kernel say that they have 0 bytes.
      const silent = ['/proc/self/status'].filter((each) => existsSync(each));
      for (const large of [path, ...silent])
        expect(await faultOf(run.readFile(large, { maxBytes: 100 }))).toEqual({
          code: 'file.too-large',
          message: `${large} has more than 100 bytes, which is the most that is read of one file.`,
          hint: 'Look whether this file belongs to the gateway; keep large data elsewhere.',
          retryable: false,
        });
      expect(await run.readFile(path, { maxBytes: 200_000 })).toHaveLength(200_000);
    });

    test('a file of others names itself and what to give', async () => {
      const path = join(folder, 'of-others');
      writeFileSync(path, '');
      chmodSync(path, 0);
      // Root may read everything, but even root cannot make a file in the kernel's own tree.
      const asRoot = process.getuid?.() === 0;
      const place = asRoot ? '/sys/kong-chatops' : path;
      expect(await faultOf(asRoot ? run.writeFile(place, '') : run.readFile(place))).toEqual({
        code: 'file.forbidden',
        message: `${user} may not use ${place}.`,
        hint: `Give ${run.sameHost ? 'the user that the bot runs as' : 'that user'} the right to read it (for instance by its group).`,
        retryable: false,
      });
    });

    test.skipIf(!need('root'))('a full disk is told from other trouble', async ({ skip }) => {
      const disk = join(folder, 'disk');
      mkdirSync(disk);
      const mounted = await run.run({ program: 'mount', args: ['-t', 'tmpfs', '-o', 'size=64k', 'tmpfs', disk] });
      skip(mounted.exitCode !== 0, 'this root may not mount');
      const fault = await faultOf(run.writeFile(join(disk, 'large'), 'x'.repeat(200_000)));
      await run.run({ program: 'umount', args: [disk] });
      expect(fault).toEqual({
        code: 'file.disk-full',
        message: `The disk of ${disk}/large${run.sameHost ? '' : ` on ${there}`} is full.`,
        hint: 'Free some space there, then try again.',
        retryable: false,
      });
    });
  });
}
