import { mkdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { stateOf } from '../../../src/runs/next.ts';
import type { Run } from '../../../src/runs/run.ts';
import { need } from '../../support/need.ts';
import { openRestoreWorld, type RestoreWorld } from '../../support/backup/restore-world.ts';
import { BOB, inSlack } from '../../support/story.ts';

const tools = need('pg_dump') && need('psql');

describe.skipIf(!tools)('a restore of the files', () => {
  let world: RestoreWorld;
  let set: string;
  let conf: string;
  let prefix: string;
  let before: string;
  beforeAll(async () => {
    world = await openRestoreWorld({ nodes: 1 });
    set = await world.backup();
    const files = JSON.parse(await readFile(join(world.folder, 'config-0.json'), 'utf8')) as {
      gateways: [{ files: { kong_conf: string; prefix: string } }];
    };
    ({ kong_conf: conf, prefix } = files.gateways[0].files);
    before = await readFile(conf, 'utf8');
  });
  afterAll(() => world?.end());

  const outputs = (run: Run, step: string) => run.steps[step]?.outputs ?? {};
  let held: Run;
  let folder: string;

  it('shows what differs, asks, and writes a folder of its own beside the present files', async () => {
    await writeFile(conf, `${before.replace(/^log_level.*$/m, '')}\nlog_level = debug\nproxy_url = http://new\n`);
    await rm(join(prefix, 'nginx.conf'));
    const waiting = await world.play(await world.request({ set, strategy: 'files' }));
    expect(waiting.fault).toBeUndefined();
    expect(stateOf(waiting)).toBe('waiting');
    const diff = outputs(waiting, 'diff-files');
    expect(diff).toMatchObject({ counts: { changed: 1, missing: 1 }, approversMore: 0 });
    expect(diff['changes']).toMatchObject([
      { kind: 'files', created: 1, updated: 1, deleted: 0, names: [conf, join(prefix, 'nginx.conf')] },
      { kind: 'settings of kong.conf', names: expect.arrayContaining(['log_level', 'proxy_url']) as string[] },
    ]);
    folder = diff['folder'] as string;
    expect(dirname(folder)).toBe(dirname(prefix));

    // What a killed predecessor left: half a file under the very name.
    await mkdir(join(folder, dirname(conf)), { recursive: true });
    await writeFile(join(folder, conf), 'half');
    const present = await readFile(conf, 'utf8');
    held = await world.play(await world.approve(waiting));
    expect(held.hold?.fault).toBeUndefined();
    expect(stateOf(held)).toBe('holding');
    expect(await readFile(conf, 'utf8')).toBe(present);
    expect(await readFile(join(folder, conf), 'utf8')).toBe(before.replaceAll('made-up', '***'));
    const placed = outputs(held, 'place-files');
    expect(placed).toMatchObject({ folder, fillIn: ['pg_password'] });
    expect(placed['commands']).toEqual([
      `diff -u '${conf}' '${join(folder, conf)}'`,
      `cp '${join(folder, conf)}' '${conf}'`,
      `kong check '${conf}' && kong reload -c '${conf}' -p '${prefix}'`,
    ]);
    expect((await stat(folder)).mode & 0o777).toBe(0o700);
    expect((await stat(join(folder, prefix, 'nginx.conf'))).mode & 0o777).toBe(0o644);
    expect(JSON.stringify(await world.core.store.load(held.id))).not.toContain('made-up');
  });

  it('is undone by removing that folder alone', async () => {
    expect((await world.core.operations.rollback(held.id, 'only looked at', inSlack(BOB))).ok).toBe(true);
    const back = await world.play(held.id);
    expect(back.outcome).toBe('rolled-back');
    await expect(stat(folder)).rejects.toThrow('ENOENT');
    expect(await readFile(conf, 'utf8')).toContain('log_level = debug');
    await world.core.operations.unlock('production', 'nothing was wrong with it', inSlack(BOB));
  });

  it('is refused where the folder to write into is not there', async () => {
    const core = await world.another({
      nodes: 1,
      gateway: { files: { kong_conf: conf, prefix, restore_to: join(world.folder, 'nowhere') } },
    });
    const run = await world.play(await world.request({ set, strategy: 'files' }), core);
    expect(run.fault).toEqual({
      code: 'restore-refused',
      message: `Set ${set} cannot be restored, so nothing was touched.\n1. Folder for the files: There is no folder ${join(world.folder, 'nowhere')} (local) in which the files could be written.`,
      hint: 'Create it, or name another folder as files.restore_to.',
    });
  });

  it('works on the day when Kong is down: nothing can be saved first, and nothing is replaced', async () => {
    await world.nodes[0]?.faults.stopListening();
    const asked = { set, strategy: 'files', safety: 'kept-database' };
    const waiting = await world.play(await world.request(asked));
    const checks = outputs(waiting, 'check-set')['checks'] as { name: string; detail: string }[];
    expect(checks.find(({ name }) => name === 'Kong')?.detail).toBe(
      'it does not say its version now; the set is of 3.9.1 community',
    );
    const held = await world.play(await world.approve(waiting));
    expect(stateOf(held)).toBe('holding');
    expect(outputs(held, 'place-files')).toMatchObject({ fillIn: ['pg_password'] });
    await world.core.operations.close(held.id, { drop: false }, inSlack(BOB));
    expect((await world.play(held.id)).outcome).toBe('succeeded');
    await world.nodes[0]?.faults.listenAgain();
  });

  it('asks people again when a file changes while they decide', async () => {
    const waiting = await world.play(await world.request({ set, strategy: 'files' }));
    await writeFile(conf, before);
    const again = await world.play(await world.approve(waiting));
    expect(again.gates.map(({ status }) => status)).toEqual(['superseded', 'open']);
    await expect(stat(outputs(waiting, 'diff-files')['folder'] as string)).rejects.toThrow('ENOENT');
    await world.core.operations.cancel(again.id, undefined, inSlack(BOB));
    await world.play(again.id);
  });
});
