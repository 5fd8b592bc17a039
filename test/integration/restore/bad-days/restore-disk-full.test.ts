import { randomBytes } from 'node:crypto';
import { chown, mkdir, mkdtemp, readdir, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { pack } from 'tar-stream';
import { afterAll, afterEach, beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest';
import { ageProgram } from '../../../../src/backup/encryption/cipher-program.ts';
import { openSet, type OpenSet } from '../../../../src/backup/set/open-set.ts';
import { LocalDestination } from '../../../../src/backup/storage/local.ts';
import type { Command, RunCommand } from '../../../../src/run-command/command.ts';
import { localRunner } from '../../../../src/run-command/local.ts';
import { isRefusal } from '../../../../src/runs/refusal.ts';
import type { Run } from '../../../../src/runs/run.ts';
import { startEmbeddedPostgres, type EmbeddedPostgres } from '../../../../src/sandbox/embedded-postgres.ts';
import { consequences } from '../../../../src/slack/views/run/result.ts';
import { fetchDump } from '../../../../src/steps/restore/set-reader.ts';
import { publishSmallSet, signingKey } from '../../../support/backup/small-set.ts';
import { faultOf } from '../../../support/fault-of.ts';
import { openRestoreWorld, type RestoreWorld } from '../../../support/backup/restore-world.ts';
import { need } from '../../../support/need.ts';
import { smallDisk, type SmallDisk } from '../../../support/backup/small-disk.ts';
import { ALICE, inSlack } from '../../../support/story.ts';
import { newKey } from '../../backup/backup-cipher-contract.ts';

const ready = [need('pg_dump'), need('pg_restore'), need('psql'), need('root')].every(Boolean);
const KIB = 1024;
const REF = { gateway: 'production', set: 'production-20261121T0200Z-B-1' };
const FREE = 'Free space where the worker keeps its temporary files, or point TMPDIR at a larger disk; then try again.';

/** What happens just before the first program of its kind starts. */
type Event = readonly [before: (command: Command) => boolean, act: () => void];

const ofStep =
  (step: string) =>
  ({ env }: Command): boolean =>
    JSON.stringify(env?.['PGAPPNAME'] ?? '').includes(`/${step}/`);

function eventful(...events: readonly Event[]): RunCommand {
  const real = localRunner();
  const left = new Set(events);
  const heard = (command: Command): Command => {
    for (const event of left) if (event[0](command) && left.delete(event)) event[1]();
    return command;
  };
  return {
    ...real,
    run: async (command) => await real.run(heard(command)),
    start: (command) => real.start(heard(command)),
  };
}

async function expectUntouched(world: RestoreWorld, run: Run, left = 'Nothing else.'): Promise<void> {
  expect(run).toMatchObject({ outcome: 'failed', failedStep: 'restore-scratch' });
  expect(consequences(run)).toEqual({
    changed: `the safety backup exists and stays. ${left}`,
    unchanged: 'production: its database was never touched.',
  });
  expect((await fetch(`${world.nodes[0]?.proxyUrl}/api/v1/catalog`)).status).toBe(200);
}

describe.skipIf(!ready)('a worker whose disk fills up while the dump is fetched', () => {
  let world: RestoreWorld;
  let disk: SmallDisk | null = null;
  let set: string;
  beforeAll(async () => {
    world = await openRestoreWorld({ nodes: 1 });
    set = await world.backup();
  });
  afterEach(async () => {
    vi.unstubAllEnvs();
    await disk?.remove();
    disk = null;
  });
  afterAll(() => world?.end());

  const fault = () => ({
    code: 'worker-disk',
    message: `The disk of the worker ran full while the dump of set ${set} was fetched. Nothing of the gateway was touched.`,
    hint: FREE,
  });
  /** What is left of the worker's files but for what filled the disk. */
  async function leftBehind(small: SmallDisk): Promise<string[]> {
    const roots = (await readdir(small.path)).filter((name) => name !== 'filling');
    return (await Promise.all(roots.map((root) => readdir(join(small.path, root))))).flat();
  }

  it('says so, leaves neither a part of the dump nor a scratch database, and can be tried again', async (context) => {
    const small = (disk = await smallDisk(120));
    if (small === null) return context.skip();
    vi.stubEnv('TMPDIR', small.path);
    const core = await world.another({ runner: eventful([ofStep('restore-scratch'), () => small.fillTo(32 * KIB)]) });
    const run = await world.play(await world.request({ set }), core);
    expect(run.fault).toEqual(fault());
    expect(await leftBehind(small)).toEqual([]);
    expect(await world.databases()).toEqual([world.database]);
    await expectUntouched(world, run);
    small.free();
    const again = await world.play(await world.request({ set }), core);
    expect(again.steps['restore-scratch']).toMatchObject({ status: 'succeeded' });
    await world.core.operations.cancel(again.id, undefined, inSlack(ALICE));
    expect((await world.play(again.id, core)).outcome).toBe('cancelled');
  });

  it('to its last byte names the scratch database that it cannot remove, and the statement that does', async (context) => {
    const small = (disk = await smallDisk(120));
    if (small === null) return context.skip();
    vi.stubEnv('TMPDIR', small.path);
    const core = await world.another({
      runner: eventful(
        [ofStep('restore-scratch'), () => small.fillTo(32 * KIB)],
        [ofStep('drop-scratch'), () => small.fillTo(0)],
      ),
    });
    const run = await world.play(await world.request({ set }), core);
    expect(run.fault).toEqual(fault());
    const [scratch, ...others] = (await world.databases()).filter((name) => name !== world.database);
    expect(others).toEqual([]);
    expect(run.steps['drop-scratch']?.fault).toEqual({
      code: 'worker-disk',
      message: `The database ${scratch} may still be there. The disk of the worker ran full before it was removed.`,
      hint: `${FREE} If nothing removes it, do so by hand: DROP DATABASE "${scratch}"`,
    });
    const { message, hint } = run.steps['drop-scratch']?.fault ?? { message: '', hint: '' };
    await expectUntouched(world, run, `*Something is left behind:* ${message} ${hint}.`);
  });
});

describe.skipIf(!need('root'))('a disk that is too small for what is fetched from a set', () => {
  const signal = new AbortController().signal;
  let disk: SmallDisk | null = null;
  let set: OpenSet;
  beforeAll(async () => {
    disk = await smallDisk(1);
    if (disk === null) return;
    const place = new LocalDestination('main', join(disk.path, 'main'));
    const [key, packed] = [signingKey(), pack()];
    packed.entry({ name: 'database/toc.dat' }, Buffer.alloc(300 * KIB));
    packed.finalize();
    const contents = { 'database.tar': await buffer(packed) };
    await publishSmallSet(place, { ref: REF, key, sealing: null, contents });
    const opened = await openSet(place, REF, { publicKeys: [key.publicKey], opening: null });
    if (isRefusal(opened)) throw new Error(opened.message);
    set = opened;
  });
  afterAll(() => disk?.remove());

  it('is named while an artifact is written, and the part of it is gone', async (context) => {
    if (disk === null) return context.skip();
    disk.fillTo(100 * KIB);
    const file = join(disk.path, 'database.tar');
    expect(await faultOf(set.fetchArtifact('database.tar', file, { signal }))).toEqual({
      code: 'file.disk-full',
      message: `The disk of ${file} is full.`,
      hint: 'Free some space there, then try again.',
      retryable: false,
    });
    expect((await readdir(disk.path)).toSorted()).toEqual(['filling', 'main']);
  });

  it('is the worker’s while a packed dump that was fetched whole is unpacked', async (context) => {
    if (disk === null) return context.skip();
    disk.fillTo(450 * KIB);
    const [artifact] = set.manifest.artifacts;
    if (artifact === undefined) throw new Error('one artifact');
    const fetching = { folder: join(disk.path, 'dump'), signal, onBytes: () => undefined };
    expect(await faultOf(fetchDump(set, artifact, fetching))).toEqual({
      code: 'worker-disk',
      message: `The disk of the worker ran full while the dump of set ${REF.set} was fetched. Nothing of the gateway was touched.`,
      hint: FREE,
      retryable: false,
    });
  });
});

describe.skipIf(!need('root') || !need('age'))('a worker without room for a key', () => {
  it('does not blame the destination of the encrypted set that it reads', async (context) => {
    const small = await smallDisk(1);
    if (small === null) return context.skip();
    const home = await mkdtemp(join(tmpdir(), 'kong-chatops-test-'));
    onTestFinished(async () => {
      vi.unstubAllEnvs();
      await small.remove();
      await rm(home, { recursive: true });
    });
    const place = new LocalDestination('main', join(home, 'main'));
    const [key, age] = [signingKey(), await newKey()];
    const cipher = ageProgram(localRunner(), '1');
    const sealing = { cipher, recipients: [age.recipient] };
    await publishSmallSet(place, { ref: REF, key, sealing, contents: { 'database.dump': Buffer.alloc(KIB) } });
    const opening = { cipher, identities: [age.identity] };
    const set = await openSet(place, REF, { publicKeys: [key.publicKey], opening });
    if (isRefusal(set)) throw new Error(set.message);
    vi.stubEnv('TMPDIR', small.path);
    small.fillTo(0);
    const signal = new AbortController().signal;
    const fetching = set.fetchArtifact('database.dump.zst.age', join(home, 'database.dump'), { signal });
    expect(await faultOf(fetching)).toEqual({
      code: 'file.disk-full',
      message: expect.stringMatching(/^The disk of \S+\/kong-chatops-age-\d+-\w+\/keys is full\.$/),
      hint: 'Free some space there, then try again.',
      retryable: false,
    });
    expect(await readdir(home)).toEqual(['main']);
  });
});

describe.skipIf(!ready)('a database server whose disk fills up while a set is restored', () => {
  let server: EmbeddedPostgres;
  let world: RestoreWorld;
  let disk: SmallDisk | null = null;
  let set: string;
  const tablespace = `small_${randomBytes(4).toString('hex')}`;
  beforeAll(async () => {
    // A full tablespace fails the checkpoints of its whole server.
    server = await startEmbeddedPostgres();
    world = await openRestoreWorld({ nodes: 1, kongServer: server.url });
    set = await world.backup();
    disk = await smallDisk(64);
    if (disk !== null) await moveTo(disk);
  });
  afterAll(async () => {
    if (disk !== null)
      await world.sql(`REVOKE ALL ON TABLESPACE ${tablespace} FROM kong_${world.database}`, 'postgres');
    await world?.end();
    await server?.stop();
    await disk?.remove();
  });

  /** The gateway's database, and with it every database that is made like it. */
  async function moveTo({ path }: SmallDisk): Promise<void> {
    const folder = join(path, 'tablespace');
    const [row] = await world.sql('SHOW data_directory');
    const { uid, gid } = await stat(String(row?.['data_directory']));
    await mkdir(folder);
    await chown(folder, uid, gid);
    await world.sql(`CREATE TABLESPACE ${tablespace} LOCATION '${folder}'`, 'postgres');
    await world.sql(`GRANT CREATE ON TABLESPACE ${tablespace} TO kong_${world.database}`, 'postgres');
    const { database } = world;
    await world.sql(`ALTER DATABASE ${database} ALLOW_CONNECTIONS false`, 'postgres');
    await world.sql(
      `SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = '${database}'`,
      'postgres',
    );
    await world.sql(`ALTER DATABASE ${database} SET TABLESPACE ${tablespace}`, 'postgres');
    await world.sql(`ALTER DATABASE ${database} ALLOW_CONNECTIONS true`, 'postgres');
  }

  const restoring = (command: Command): boolean =>
    command.args.includes('--exit-on-error') && ofStep('restore-scratch')(command);
  it.for([
    [
      'by the new database itself',
      { when: ofStep('restore-scratch'), left: 64 * KIB },
      {
        code: 'database.disk-full',
        message: /^The disk of the database server of postgres on \S+ as \w+ is full\. Reason: could not .*$/,
        hint: 'Free space on that server, then try again.',
      },
    ],
    [
      'by what its first session writes',
      { when: restoring, left: 64 * KIB },
      {
        code: 'database.disk-full',
        message: /^The disk of the database server of t_\w+_new on \S+ is full\. Reason: .*could not write init file$/,
        hint: 'Free space on that server, then try again.',
      },
    ],
    [
      'by what pg_restore writes',
      { when: restoring, left: 700 * KIB },
      {
        code: 'restore.disk-full',
        message: /^There is no room to restore into t_\w+_new on \S+: .*could not extend file .*\.$/,
        hint: 'Free space on the database server (the restored copy needs as much as the live database), then restore again.',
      },
    ],
  ] as const)(
    '%s: said as it is, the copy is gone again, the live one as it was',
    async ([, { when, left }, said], context) => {
      if (disk === null) return context.skip();
      const small = disk;
      const core = await world.another({ runner: eventful([when, () => small.fillTo(left)]) });
      const run = await world.play(await world.request({ set }), core);
      small.free();
      expect(run.fault).toEqual({ ...said, message: expect.stringMatching(said.message) });
      expect(await world.databases()).toEqual([world.database]);
      await expectUntouched(world, run);
    },
  );
});
