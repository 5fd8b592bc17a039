import { createHash } from 'node:crypto';
import { readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { basename, join, relative } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Run } from '../../../../src/runs/run.ts';
import { openRestoreWorld, type RestoreWorld } from '../../../support/backup/restore-world.ts';
import { diesAtWork } from '../../../support/crash/doomed-workers.ts';
import { acts, LOOKS, type Fates } from '../../../support/crash/fates.ts';
import { tellTwice } from '../../../support/crash/tell-restore.ts';
import { need } from '../../../support/need.ts';
import { BOB, inSlack } from '../../../support/story.ts';

/** The safety backup dies as every backup, in the crash tests. */
const FATES: Fates = {
  'check-set': LOOKS,
  'diff-files': LOOKS,
  'place-files': acts(/^mkdir/, /^write .*nginx\.conf$/),
  'remove-files': acts(),
};

/** Names its run. */
const MARK = 'kong-chatops.json';

describe.skipIf(!(need('pg_dump') && need('psql')))(
  'workers that die around each step of a restore of the files',
  () => {
    let world: RestoreWorld;
    let files: { readonly kong_conf: string; readonly prefix: string };
    beforeAll(async () => {
      world = await openRestoreWorld({ nodes: 1, limits: { step_attempts: 10 } });
      await world.backup();
      files = world.core.config.gateways[0]?.files ?? expect.unreachable('the gateway has files');
      await writeFile(files.kong_conf, `${await readFile(files.kong_conf, 'utf8')}\nproxy_url = http://new\n`);
      await rm(join(files.prefix, 'nginx.conf'));
    });
    afterAll(() => world?.end());

    /** Every file below, with its rights and what is in it. */
    async function below(folder: string): Promise<readonly unknown[]> {
      const entries = await readdir(folder, { recursive: true, withFileTypes: true });
      const paths = entries.filter((entry) => entry.isFile()).map(({ parentPath, name }) => join(parentPath, name));
      return await Promise.all(
        paths.toSorted().map(async (path) => {
          const content = createHash('sha256').update(await readFile(path));
          return [relative(folder, path), (await stat(path)).mode, basename(path) === MARK || content.digest('hex')];
        }),
      );
    }
    const look = async ({ steps }: Run): Promise<unknown> => {
      const { folder = '' } = (steps['place-files']?.outputs ?? {}) as { folder?: string };
      const beside = await readdir(world.folder);
      const inUse = [await readFile(files.kong_conf, 'utf8'), await below(files.prefix)];
      return { beside, inUse, placed: beside.includes(basename(folder)) ? await below(folder) : null };
    };

    it('leave the same files and the same way back, and nothing else', async () => {
      const asked = { strategy: 'files', safety: 'kept-database' };
      const { calm, killed } = await tellTwice(world, { asked, fates: FATES, look });
      const succeeded = Object.keys(FATES);
      expect(calm).toMatchObject({ state: 'holding', outcome: 'rolled-back', gates: ['go'], succeeded });
      expect(calm.live).toHaveProperty('placed.length', 15);
      expect(calm.back).toHaveProperty('placed', null);
      expect(calm.fault).toBeUndefined();
      expect(killed).toEqual(calm);
    });

    it('leave half a folder, and nothing of it once people take that back before another takes over', async () => {
      const waiting = await world.play(await world.request({ strategy: 'files', safety: 'kept-database' }));
      const before = await look(waiting);
      const { id } = await world.approve(waiting);
      expect(await diesAtWork(id, { 'place-files': [/^write .*nginx\.conf$/] }, world.env)).toBe(true);
      expect((await readdir(world.folder)).filter((name) => name.startsWith('kong-chatops-r-'))).toHaveLength(1);
      await world.core.operations.rollback(id, 'it takes too long', inSlack(BOB));
      const back = await world.play(id);
      expect([back.outcome, await look(back)]).toEqual(['rolled-back', before]);
    });
  },
);
