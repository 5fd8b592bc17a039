import { createPublicKey } from 'node:crypto';
import { readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { catalogue } from '../../../src/backup/set/catalogue.ts';
import { LocalDestination } from '../../../src/backup/storage/local.ts';
import { timeOfSet } from '../../../src/backup/set/set-id.ts';
import { parseManifest } from '../../../src/backup/set/manifest.ts';
import { isSignedBy } from '../../../src/backup/set/signature.ts';
import type { Gap, PublishOutputs } from '../../../src/runbooks/backup.ts';
import { Fault } from '../../../src/runs/fault.ts';
import { isRefusal } from '../../../src/runs/refusal.ts';
import { refOf } from '../../../src/steps/deps.ts';
import { discardSet } from '../../../src/steps/backup/discard-set.ts';
import { dumpDatabase } from '../../../src/steps/backup/dump-database.ts';
import { dumpDeclarative } from '../../../src/steps/backup/dump-declarative.ts';
import { preflight } from '../../../src/steps/preflight/preflight.ts';
import { publishSet } from '../../../src/steps/backup/publish-set.ts';
import { saveFiles } from '../../../src/steps/backup/save-files.ts';
import { backupSteps } from '../../../src/steps/steps.ts';
import { verifySet } from '../../../src/steps/backup/verify-set.ts';
import { need } from '../../support/need.ts';
import { planOf } from '../../support/story.ts';
import { faultFrom, makeWorld } from './steps-world.ts';
import type { World, WorldOptions } from './steps-world.ts';

const ready = [need('fixtures'), need('psql'), need('pg_dump'), need('pg_restore')].every(Boolean);
const now = new Date('2026-11-21T03:05:00.000Z');

describe.skipIf(!ready)('publishing and verifying a set', () => {
  let world: World;
  let made = 0;
  beforeAll(async () => {
    world = await makeWorld({ kinds: ['files'] });
  });
  afterAll(async () => {
    await world.end();
  });
  const copies = (count: number): LocalDestination[] =>
    Array.from(
      { length: count },
      () => new LocalDestination(`copy-${(made += 1)}`, join(world.home, `copies-${made}`)),
    );
  const staged = async (options: WorldOptions = {}): Promise<World> => {
    const here = world.with(options);
    await here.perform('preflight', preflight);
    await here.perform('save-files', saveFiles);
    return here;
  };
  const published = async (options: WorldOptions = {}): Promise<World> => {
    const here = await staged(options);
    await here.perform('publish-set', publishSet);
    return here;
  };
  const place = (here: World, index = 0): string => here.deps.destinations[index]?.placeOf(refOf(here.run())) ?? '';

  it.skipIf(!need('deck'))('takes everything that applies and says what is where, and what is nowhere', async () => {
    const here = world.with({ kinds: ['database', 'declarative', 'files'] });
    await here.perform('preflight', preflight);
    await here.perform('dump-database', dumpDatabase);
    await here.perform('dump-declarative', dumpDeclarative);
    await here.perform('save-files', saveFiles);
    const { outputs } = await here.perform('publish-set', publishSet);
    expect(outputs).toMatchObject({
      set: refOf(here.run()).set,
      manifestSha256: expect.stringMatching(/^[0-9a-f]{64}$/),
      places: [{ destination: 'main', path: place(here) }],
    });
    const gaps = outputs['gaps'] as readonly Gap[];
    expect(gaps.find(({ kind }) => kind === 'basic-auth-passwords')?.why).toMatch(
      /the database dump brings them back$/,
    );
    expect(gaps.find(({ kind }) => kind === 'encryption')?.what).toMatch(/^NOT ENCRYPTED: /);
    expect(gaps.some(({ what, why }) => `${what}${why}`.includes('.kong_env'))).toBe(true);
    const verified = await here.perform('verify-set', verifySet);
    expect(verified.outputs['bytesRead']).toBe(outputs['bytes']);
    expect((await here.stored()).filter((name) => name.includes('.incoming'))).toEqual([]);
    for (const secret of ['verysecret', here.deps.secret({ env: 'PG_PASSWORD' })]) {
      expect(JSON.stringify(here.run())).not.toContain(secret);
      expect(await readFile(join(place(here), 'manifest.json'), 'utf8')).not.toContain(secret);
    }
  });

  it('writes a manifest that names everything, signed so that openssl can check it', async () => {
    const here = world.with({});
    const deps = { ...here.deps, head: () => Promise.resolve({ seq: 41, hash: 'abc' }) };
    await here.perform('preflight', preflight);
    await here.perform('save-files', saveFiles);
    await here.perform('publish-set', () => publishSet(deps));
    const text = await readFile(join(place(here), 'manifest.json'), 'utf8');
    const manifest = parseManifest(text);
    expect(isRefusal(manifest)).toBe(false);
    expect(manifest).toMatchObject({
      format: 'kong-chatops-backup/2',
      set: refOf(here.run()).set,
      gateway: 'production',
      environment: 'production',
      createdAt: '2026-11-21T02:05:00.000Z',
      runId: here.run().id,
      requestedBy: 'T01LOCAL/U01ALICE',
      approvedBy: [],
      kong: { version: '3.9.1', edition: 'community', databaseKind: 'postgres', workspaces: ['default'] },
      artifacts: [{ kind: 'files', name: 'files.tar' }],
      database: null,
      encryption: 'none',
      destinations: { configured: ['main'], reached: ['main'] },
      auditHead: { seq: 41, hash: 'abc' },
    });
    const signature = await readFile(join(place(here), 'manifest.json.sig'), 'utf8');
    const publicKey = createPublicKey(deps.signingKey()).export({ type: 'spki', format: 'pem' }) as string;
    expect(isSignedBy(text, signature, publicKey)).toBe(true);
    await writeFile(join(here.home, 'public.pem'), publicKey);
    await writeFile(join(here.home, 'sig'), Buffer.from(signature, 'base64'));
    const args = [
      'pkeyutl',
      '-verify',
      '-pubin',
      '-inkey',
      join(here.home, 'public.pem'),
      '-rawin',
      '-in',
      join(place(here), 'manifest.json'),
      '-sigfile',
      join(here.home, 'sig'),
    ];
    expect((await execa('openssl', args)).stdout).toContain('Signature Verified Successfully');
  });

  it('says which kinds the configuration leaves out', async () => {
    const here = await published();
    const { gaps } = publishedAs(here);
    expect(gaps.map(({ kind }) => kind)).toEqual(expect.arrayContaining(['database', 'declarative', 'encryption']));
  });

  it('gives every destination the same documents, also when a predecessor died between two of them', async () => {
    const two = copies(2);
    const here = await staged({ destinations: two });
    const ref = refOf(here.run());
    const [first, second] = two;
    if (second === undefined) throw new Error('two copies');
    const alive = second.publish.bind(second);
    second.publish = () => Promise.reject(new Error('the worker died'));
    const dying = publishSet(here.deps).apply(await here.context('publish-set'));
    await expect(dying).rejects.toThrow('the worker died');
    second.publish = alive;
    expect(await publishSet(here.deps).check(await here.context('publish-set'))).toBeNull();
    await here.perform('publish-set', (deps) => publishSet({ ...deps, clock: () => now }), { attempt: 2 });
    const texts = await Promise.all(
      [first, second].map(async (one) => readFile(join(one?.placeOf(ref) ?? '', 'manifest.json'), 'utf8')),
    );
    expect(texts[1]).toBe(texts[0]);
    expect(texts[0]).toContain('"createdAt":"2026-11-21T02:05:00.000Z"');
  });

  it('publishes once, however often it is asked', async () => {
    const here = await published();
    const before = here.run().steps['publish-set']?.outputs;
    const again = await publishSet(here.deps).check(await here.context('publish-set', { attempt: 2 }));
    expect(again).toEqual(before);
  });

  it('never takes what a killed attempt left for a set', async () => {
    const here = await staged();
    const ref = refOf(here.run());
    await writeFile(join(place(here), '..', `.incoming-${ref.set}`, 'set', 'declarative-default.yaml'), 'half');
    expect((await faultFrom(here.perform('publish-set', publishSet))).facts()).toEqual({
      code: 'staging-unfinished',
      message: `Destination main: declarative-default.yaml was not finished, so set ${ref.set} cannot be published. Nothing was published.`,
      hint: 'Start the backup again.',
    });
    expect(await here.deps.destinations[0]?.listSets('production')).toEqual([]);
  });

  it.each([
    [
      'a flipped byte in an artifact',
      async (set: string) => flip(join(set, 'files.tar'), 700),
      /files\.tar has another SHA-256 than when it was written/,
    ],
    [
      'a cut artifact',
      async (set: string) => truncate(join(set, 'files.tar'), 10),
      /files\.tar has 10 bytes instead of \d+/,
    ],
    ['a missing artifact', async (set: string) => rm(join(set, 'files.tar')), /files\.tar is missing/],
    [
      'a changed manifest',
      async (set: string) => flip(join(set, 'manifest.json'), 2),
      /The manifest of this set cannot be trusted|signature is wrong/,
    ],
    [
      'a changed signature',
      async (set: string) => writeFile(join(set, 'manifest.json.sig'), 'AAAA\n'),
      /the manifest's signature is wrong/,
    ],
    [
      'a missing signature',
      async (set: string) => rm(join(set, 'manifest.json.sig')),
      /manifest\.json\.sig is missing/,
    ],
    [
      'a file that is not in the manifest',
      async (set: string) => writeFile(join(set, 'extra.tar'), 'x'),
      /extra\.tar is not in the manifest/,
    ],
  ])('finds %s, names the destination, and does not call the set verified', async (_, spoil, problem) => {
    const two = copies(2);
    const here = await published({ destinations: two });
    await spoil(place(here, 1));
    const fault = await faultFrom(here.perform('verify-set', verifySet));
    expect(fault.code).toBe('set-damaged');
    expect(fault.retryable).toBe(false);
    expect(fault.message).toMatch(
      new RegExp(`^Set ${refOf(here.run()).set} is published but not as it was written: copy-${made}/`),
    );
    expect(fault.message).toMatch(problem);
    expect(fault.hint).toBe(
      'Do not rely on this set. Look at the storage it lies on, then start a new backup; keep the damaged set until it is explained.',
    );
  });

  it('reads every destination to the last byte, with progress in bytes', async () => {
    const here = await published({ destinations: copies(3) });
    const { outputs, progress } = await here.perform('verify-set', verifySet);
    const { bytes } = publishedAs(here);
    expect(outputs['bytesRead']).toBe(bytes * 3);
    expect(outputs['places']).toHaveLength(3);
    expect(progress.at(-1)).toMatchObject({ done: bytes * 3, total: bytes * 3, unit: 'bytes' });
  });

  it('keeps a published set when the run fails afterwards', async () => {
    const here = await published();
    const { outputs } = await here.perform('discard-set', discardSet);
    expect(outputs).toMatchObject({ keptIn: ['main'] });
    expect(await here.deps.destinations[0]?.listSets('production')).toEqual([refOf(here.run()).set]);
  });

  it('lists the sets of all destinations, newest first, with what is missing where', async () => {
    const two = copies(2);
    const here = await published({ destinations: two });
    const later = await published({ destinations: two.slice(0, 1) });
    const [first, second] = await catalogue(two, 'production', now);
    const ids = [refOf(here.run()).set, refOf(later.run()).set].sort().reverse();
    expect([first?.set, second?.set]).toEqual(ids);
    const lone = [first, second].find((entry) => entry?.set === refOf(later.run()).set);
    expect(lone).toMatchObject({
      state: 'finished',
      // Taken five minutes after it was asked for.
      ageSeconds: 3600,
      missingFrom: [two[1]?.name],
      places: [{ destination: two[0]?.name }],
    });
    const file = join(two[0]?.placeOf(refOf(here.run())) ?? '', 'manifest.json');
    const told = JSON.parse(await readFile(file, 'utf8')) as object;
    await writeFile(file, JSON.stringify({ ...told, createdAt: '2019-01-01T00:00:00.000Z' }));
    const forged = (await catalogue(two, 'production', now)).find((entry) => entry.set === refOf(here.run()).set);
    // No set is older than its name.
    expect(forged).toMatchObject({ state: 'finished', createdAt: timeOfSet(refOf(here.run()).set), ageSeconds: 3900 });
    await writeFile(join(two[0]?.placeOf(refOf(later.run())) ?? '', 'manifest.json'), 'nonsense');
    const damaged = (await catalogue(two, 'production', now)).find((entry) => entry.set === refOf(later.run()).set);
    expect(damaged).toMatchObject({ state: 'damaged', createdAt: null, bytes: null, gaps: null, unreachable: [] });
    const silent = two[1];
    if (silent === undefined) throw new Error('two copies');
    const down = new Fault('destination-unreachable', 'It does not answer.', 'Look at it.');
    silent.listSets = () => Promise.reject(down);
    const [still] = await catalogue(two, 'production', now);
    expect(still).toMatchObject({ set: ids[0], missingFrom: [], unreachable: [silent.name] });
    await expect(catalogue([silent], 'production', now)).rejects.toBe(down);
  });

  it('has a step for every step of the plan, and no other', () => {
    expect(Object.keys(backupSteps(world.deps)).sort()).toEqual(
      planOf()
        .steps.map(({ id }) => id)
        .sort(),
    );
  });

  it('leaves secrets out of the files that it saves, and lists them', async () => {
    const here = await published();
    const { stdout: list } = await execa('tar', ['-tf', join(place(here), 'files.tar')]);
    expect(list).toContain('nginx.conf');
    expect(list).not.toMatch(/\.kong_env|\.key$/m);
    const { stdout: whole } = await execa('tar', ['-xOf', join(place(here), 'files.tar')]);
    expect(whole).not.toContain('verysecret');
  });
});

function publishedAs(world: World): PublishOutputs {
  const outputs = world.run().steps['publish-set']?.outputs;
  if (outputs === undefined) throw new Error('not published');
  return outputs as unknown as PublishOutputs;
}

async function flip(file: string, at: number): Promise<void> {
  const content = await readFile(file);
  content[at] = (content[at] ?? 0) ^ 1;
  await writeFile(file, content);
}
