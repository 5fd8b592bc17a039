import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { LocalDestination } from '../../../src/backup/storage/local.ts';
import { parseManifest } from '../../../src/backup/set/manifest.ts';
import { storageFault } from '../../../src/backup/storage/storage-fault.ts';
import type { Gap } from '../../../src/runbooks/backup.ts';
import { refOf } from '../../../src/steps/deps.ts';
import { discardSet } from '../../../src/steps/backup/discard-set.ts';
import { preflight } from '../../../src/steps/preflight/preflight.ts';
import { publishSet } from '../../../src/steps/backup/publish-set.ts';
import { saveFiles } from '../../../src/steps/backup/save-files.ts';
import { verifySet } from '../../../src/steps/backup/verify-set.ts';
import { need } from '../../support/need.ts';
import { faultFrom, makeWorld } from './steps-world.ts';
import type { World, WorldOptions } from './steps-world.ts';

const ready = [need('fixtures'), need('psql'), need('pg_dump'), need('pg_restore')].every(Boolean);

describe.skipIf(!ready)('a set one of whose destinations fails', () => {
  let world: World;
  let made = 0;
  beforeAll(async () => {
    world = await makeWorld({ kinds: ['files'] });
  });
  afterAll(async () => {
    await world.end();
  });
  const copies = (count: number): LocalDestination[] =>
    Array.from({ length: count }, () => new LocalDestination(`copy-${(made += 1)}`, join(world.home, `lost-${made}`)));
  const staged = async (options: WorldOptions = {}): Promise<World> => {
    const here = world.with(options);
    await here.perform('preflight', preflight);
    await here.perform('save-files', saveFiles);
    return here;
  };
  const place = (here: World, index = 0): string => here.deps.destinations[index]?.placeOf(refOf(here.run())) ?? '';

  it('publishes where it can, and says for good in which destination the set is missing', async () => {
    const [first, second] = copies(2);
    if (first === undefined || second === undefined) throw new Error('two copies');
    const here = await staged({ destinations: [first, second] });
    second.publish = () =>
      Promise.reject(
        storageFault(Object.assign(new Error('full'), { code: 'ENOSPC', syscall: 'write' }), second.name, 'publishing'),
      );
    const { outputs } = await here.perform('publish-set', publishSet);
    expect(outputs['places']).toEqual([{ destination: first.name, path: place(here) }]);
    expect((outputs['gaps'] as readonly Gap[]).filter(({ kind }) => kind === 'destinations')).toEqual([
      {
        kind: 'destinations',
        count: 1,
        what: `1 copy is missing: the set is not in ${second.name}`,
        why: `Destination ${second.name}: publishing failed because it has no space left (ENOSPC).`,
      },
    ]);
    expect((await here.perform('verify-set', verifySet)).outputs['places']).toHaveLength(1);
  });

  it('publishes nothing when no destination takes it, and says so', async () => {
    const two = copies(2);
    const here = await staged({ destinations: two });
    for (const one of two) {
      one.publish = () =>
        Promise.reject(
          storageFault(Object.assign(new Error('full'), { code: 'ENOSPC', syscall: 'write' }), one.name, 'publishing'),
        );
    }
    expect((await faultFrom(here.perform('publish-set', publishSet))).facts()).toEqual({
      code: 'destination-full',
      message: `Destination ${two[0]?.name}: publishing failed because it has no space left (ENOSPC). Nothing was published.`,
      hint: 'Free space there or give the gateway another destination, then try again.',
    });
  });

  it('goes on without a destination that fails while it is written, and the manifest says so for good', async () => {
    const [first, second] = copies(2);
    if (first === undefined || second === undefined) throw new Error('two copies');
    const failing = () =>
      Promise.reject(
        storageFault(Object.assign(new Error('gone'), { code: 'EIO', syscall: 'write' }), second.name, 'writing'),
      );
    const here = world.with({ destinations: [first, second] });
    await here.perform('preflight', preflight);
    const alive = second.writeArtifact.bind(second);
    second.writeArtifact = failing;
    await here.perform('save-files', saveFiles);
    second.writeArtifact = alive;
    const { outputs } = await here.perform('publish-set', publishSet);
    const manifest = parseManifest(await readFile(join(place(here), 'manifest.json'), 'utf8'));
    expect(manifest).toMatchObject({
      destinations: { configured: [first.name, second.name], reached: [first.name] },
      gaps: expect.arrayContaining([
        {
          kind: 'destinations',
          count: 1,
          what: `1 copy is missing: the set is not in ${second.name}`,
          why: `Destination ${second.name}: writing failed because the storage reported an error (EIO).`,
        },
      ]),
    });
    expect(outputs['places']).toHaveLength(1);
    expect(await second.hasStaged(refOf(here.run()))).toBe(false);
    expect(await second.listSets('production')).toEqual([]);
  });

  it('goes on without a destination that stops answering after it took an artifact', async () => {
    const [first, second] = copies(2);
    if (first === undefined || second === undefined) throw new Error('two copies');
    const here = await staged({ destinations: [first, second] });
    const silent = () =>
      Promise.reject(
        storageFault(Object.assign(new Error('gone'), { code: 'EIO', syscall: 'stat' }), second.name, 'looking'),
      );
    Object.assign(second, { stagedArtifacts: silent, isPublished: silent, discard: silent });
    const { outputs } = await here.perform('publish-set', publishSet);
    expect(outputs['places']).toEqual([{ destination: first.name, path: place(here) }]);
    expect(JSON.stringify(outputs['gaps'])).toContain(`the set is not in ${second.name}`);
  });

  it('is taken when the preflight already finds one of them down, and refused when it finds none up', async () => {
    const [first, second] = copies(2);
    if (first === undefined || second === undefined) throw new Error('two copies');
    const down = () =>
      Promise.reject(
        storageFault(Object.assign(new Error('gone'), { code: 'EIO', syscall: 'write' }), second.name, 'writing'),
      );
    second.probe = down;
    const here = world.with({ destinations: [first, second] });
    const { outputs } = await here.perform('preflight', preflight);
    expect(outputs['checks']).toContainEqual({
      name: `Destination ${second.name}`,
      detail: `the set goes without it: Destination ${second.name}: writing failed because the storage reported an error (EIO).`,
    });
    first.probe = down;
    const alone = world.with({ destinations: [first, second] });
    expect((await faultFrom(alone.perform('preflight', preflight))).code).toBe('preflight-failed');
  });

  it('leaves nothing in the others when the run fails, and says which could not be asked', async () => {
    const [first, second] = copies(2);
    if (first === undefined || second === undefined) throw new Error('two copies');
    const here = await staged({ destinations: [first, second] });
    const silent = () =>
      Promise.reject(
        storageFault(Object.assign(new Error('gone'), { code: 'EIO', syscall: 'stat' }), second.name, 'removing'),
      );
    Object.assign(second, { discard: silent, hasStaged: silent });
    const { outputs } = await here.perform('discard-set', discardSet);
    expect(outputs).toMatchObject({ keptIn: [], notReached: [second.name] });
    expect(await first.hasStaged(refOf(here.run()))).toBe(false);
  });
});
