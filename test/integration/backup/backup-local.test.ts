import { mkdir, mkdtemp, readFile, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { LocalDestination } from '../../../src/backup/storage/local.ts';
import { storeEverywhere } from '../../../src/backup/storage/store-everywhere.ts';
import { Fault } from '../../../src/runs/fault.ts';
import { need } from '../../support/need.ts';
import { destinationContract, source } from './backup-destination-contract.ts';

const never = new AbortController().signal;
const ref = { gateway: 'production', set: 'production-20261121T0740Z-B-142' };
let home: string;
let made = 0;

beforeAll(async () => {
  home = await mkdtemp(join(tmpdir(), 'kong-chatops-test-'));
});
afterAll(async () => {
  await rm(home, { recursive: true, force: true });
});

const fresh = (name = 'vault'): LocalDestination => new LocalDestination(name, join(home, `root-${(made += 1)}`));
const faultOf = async (work: Promise<unknown>): Promise<Fault> =>
  work.then(
    () => Promise.reject(new Error('it was allowed')),
    (error: unknown) => (error instanceof Fault ? error : Promise.reject(error as Error)),
  );

destinationContract('local', () => Promise.resolve(fresh()));

describe('a local destination on the disk', () => {
  it('keeps folders 0700 and files 0600, whatever the umask', async () => {
    const place = fresh();
    await place.writeArtifact(ref, 'database.tar.zst', source(), never);
    await place.writeFacts(ref, 'database.tar.zst', {});
    await place.publish(ref, '{}', 'x');
    const set = place.placeOf(ref);
    const modes = await Promise.all(
      ['', 'database.tar.zst', 'manifest.json', 'manifest.json.sig'].map(
        async (name) => (await stat(join(set, name))).mode & 0o777,
      ),
    );
    expect(modes).toEqual([0o700, 0o600, 0o600, 0o600]);
    expect(await readdir(join(set, '..'))).toEqual([ref.set]);
  });

  it('does not take a folder that somebody copied there without a manifest for a set', async () => {
    const place = fresh();
    await place.probe('production');
    await mkdir(place.placeOf(ref));
    await writeFile(join(place.placeOf(ref), 'database.tar.zst'), 'x');
    expect(await place.listSets('production')).toEqual([]);
  });

  it('does not make the parents of its folder: a missing mount is not filled on the wrong disk', async () => {
    const place = new LocalDestination('vault', join(home, 'mnt', 'backups'));
    const fault = await faultOf(place.probe('production'));
    expect(fault.facts()).toEqual({
      code: 'destination-missing',
      message: 'Destination vault: writing a small file failed because the folder does not exist (ENOENT).',
      hint: 'Create the folder, or mount what should be there, then try again.',
    });
    expect(fault.retryable).toBe(false);
  });
});

describe.skipIf(!need('root'))('a destination that is full', () => {
  let small: string;
  let mounted = false;
  beforeAll(async () => {
    small = join(home, 'small');
    await mkdir(small);
    const mount = await execa('mount', ['-t', 'tmpfs', '-o', 'size=256k', 'tmpfs', small], { reject: false });
    mounted = mount.exitCode === 0;
    if (!mounted) process.stderr.write('skipping: this system does not let root mount a tmpfs\n');
  });
  afterEach(async () => {
    if (mounted) await execa('umount', [small]);
  });

  it('says so, keeps nothing that looks like a backup, and lets the other copies be made', async (test) => {
    if (!mounted) test.skip();
    const roomy = fresh('roomy');
    const full = new LocalDestination('full', join(small, 'root'));
    const why = 'Destination full: writing database.tar.zst failed because it has no space left (ENOSPC).';
    const both = await storeEverywhere([full, roomy], ref, 'database.tar.zst', source(), never);
    expect(both).toMatchObject({
      stored: { bytes: 300_000 },
      holders: [roomy],
      lost: [{ destination: 'full', why }],
    });
    const fault = await faultOf(storeEverywhere([full], ref, 'database.tar.zst', source(), never));
    expect(fault.facts()).toEqual({
      code: 'destination-full',
      message: why,
      hint: 'Free space there or give the gateway another destination, then try again.',
    });
    expect(fault.retryable).toBe(false);
    expect(await full.stagedArtifacts(ref)).toEqual([]);
    expect(await readdir(join(small, 'root', 'production', `.incoming-${ref.set}`, 'part'))).toEqual([]);
  });
});

describe('a published set', () => {
  it('in which somebody put a pipe or a folder in the place of a file is not waited for', async () => {
    const place = fresh();
    await place.writeArtifact(ref, 'a.tar', source(), never);
    await place.writeFacts(ref, 'a.tar', {});
    await place.publish(ref, '{}', 'x');
    const [pipe, folder] = ['b.tar', 'c.tar'].map((name) => join(place.placeOf(ref), name));
    await execa('mkfifo', [pipe ?? '']);
    await mkdir(folder ?? '');
    for (const path of [pipe, folder]) {
      expect((await faultOf(place.read(ref, (path ?? '').slice(-5)))).facts()).toEqual({
        code: 'destination-odd',
        message: `Destination vault: ${path} is a folder, a pipe or a device, and no file.`,
        hint: 'Somebody else put it there: look who writes to this destination, and use another copy of the set.',
      });
    }
  });
});

describe('several destinations', () => {
  it('get the same bytes from one read of the source', async () => {
    const places = [fresh('one'), fresh('two'), fresh('three')];
    const stored = await storeEverywhere(places, ref, 'database.tar.zst', source(), never);
    const copies = await Promise.all(
      places.map(async (place) => {
        await place.writeFacts(ref, 'database.tar.zst', {});
        await place.publish(ref, '{}', 'x');
        return readFile(join(place.placeOf(ref), 'database.tar.zst'));
      }),
    );
    expect(copies.every((copy) => copy.equals(copies[0] ?? Buffer.alloc(0)))).toBe(true);
    expect(stored).toMatchObject({ stored: { bytes: 300_000 }, lost: [], holders: places });
  });

  it('all stop when the run is cancelled', async () => {
    const stop = new AbortController();
    stop.abort(new Error('cancelled'));
    await expect(storeEverywhere([fresh(), fresh()], ref, 'a.tar', source(), stop.signal)).rejects.toThrow(
      /abort|cancelled/i,
    );
  });
});
