import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { tarOf } from '../../../src/backup/artifacts/tar.ts';
import { buffer } from 'node:stream/consumers';
import { LocalDestination } from '../../../src/backup/storage/local.ts';
import type { StepContext, Step } from '../../../src/engine/ports.ts';
import { localRunner } from '../../../src/run-command/local.ts';
import { openRunner } from '../../../src/run-command/runner-for.ts';
import { fold } from '../../../src/runs/evolve.ts';
import type { RestoreDeps } from '../../../src/steps/restore/deps.ts';
import { folderBeside } from '../../../src/steps/restore/files/place.ts';
import { placeFiles, removeFiles } from '../../../src/steps/restore/files/place-files.ts';
import { openTrusted } from '../../../src/steps/restore/set-reader.ts';
import { containerClients } from '../../support/backup/container-clients.ts';
import { publishSmallSet, signingKey } from '../../support/backup/small-set.ts';
import { startSshd } from '../../support/backup/sshd.ts';
import { oneGateway } from '../../support/backup/one-gateway.ts';
import { faultOf } from '../../support/fault-of.ts';
import { need } from '../../support/need.ts';
import { did, events, planOf, requestedBody } from '../../support/story.ts';
import type { Place } from '../run-command/contract.ts';

const PLACES: readonly (readonly [string, () => Promise<Place> | Place])[] = [
  [
    'ssh',
    async () => {
      const sshd = await startSshd();
      return { place: sshd.place, end: async () => await sshd.stop() };
    },
  ],
  [
    'docker',
    () => {
      const clients = containerClients();
      return { place: clients.docker, path: clients.path, end: () => clients.remove() };
    },
  ],
  [
    'kubectl',
    () => {
      const clients = containerClients();
      return { place: clients.kubectl, path: clients.path, end: () => clients.remove() };
    },
  ],
];

describe.skipIf(!need('sshd')).each(PLACES)('files that are restored over %s', (_, openPlace) => {
  let where: Place;
  let home: string;
  let deps: RestoreDeps;
  const entry = (name: string, mode: number, content: string) => ({
    name,
    mode,
    bytes: Buffer.byteLength(content),
    modifiedAt: new Date(0),
    open: async function* whole() {
      yield Buffer.from(content);
    },
  });

  beforeAll(async () => {
    where = await openPlace();
    home = await mkdtemp(join(tmpdir(), 'kong-chatops-files-'));
    const destination = new LocalDestination('main', join(home, 'main'));
    const key = signingKey();
    const set = { gateway: 'production', set: 'production-20261121T0200Z-B-1' };
    const { gateway, limits } = oneGateway(home, {
      admin_api: { url: 'http://127.0.0.1:1' },
      files: { kong_conf: join(home, 'kong.conf'), prefix: join(home, 'it’s a "prefix"') },
    });
    await writeFile(join(home, 'kong.conf'), 'the present one\n');
    const files = tarOf([
      entry(join(home, 'kong.conf').slice(1), 0o644, 'pg_password = made-up-password\n'),
      entry(join(home, 'it’s a "prefix"', 'ssl', '$(touch x).crt').slice(1), 0o640, 'certificate'),
    ]);
    await publishSmallSet(destination, {
      ref: set,
      key,
      sealing: null,
      contents: { 'files.tar': await buffer(files) },
    });
    deps = {
      gateway,
      limits,
      secret: () => '',
      signingKey: () => key.privateKey,
      runner: openRunner(where.place, where),
      worker: localRunner(),
      destinations: [destination],
      clock: () => new Date(),
      set,
      sources: [destination],
      drillUrl: () => null,
    };
  });
  afterAll(async () => {
    await where?.end?.();
    await rm(home, { recursive: true, force: true });
  });

  const context = async (): Promise<StepContext> => {
    const { manifestSha256 } = await openTrusted(deps, deps.sources[0] ?? new LocalDestination('main', home));
    const run = fold(events([requestedBody(planOf(null)), ...did('check-set', { manifestSha256 })], 'R-7'));
    if (run === null) throw new Error('no run');
    const workDir = await mkdtemp(join(home, 'work-'));
    const signal = new AbortController().signal;
    return { run, step: 'place-files', attempt: 1, signal, workDir, applicationName: 't', progress: () => undefined };
  };
  const perform = async (step: Step) => {
    const around = await context();
    expect(await step.check(around)).toBeNull();
    await step.apply(around);
    return await step.check(around);
  };

  it('lie in a folder of their own with their rights, those with secrets for their owner alone, and go again', async () => {
    const { folder } = folderBeside(deps, (await context()).run);
    expect(await perform(placeFiles(deps))).toMatchObject({ folder, files: 2, fillIn: [] });
    const conf = join(folder, home, 'kong.conf');
    const certificate = join(folder, home, 'it’s a "prefix"', 'ssl', '$(touch x).crt');
    expect([await readFile(conf, 'utf8'), (await stat(conf)).mode & 0o777]).toEqual([
      'pg_password = made-up-password\n',
      0o600,
    ]);
    expect([await readFile(certificate, 'utf8'), (await stat(certificate)).mode & 0o777]).toEqual([
      'certificate',
      0o640,
    ]);
    expect((await stat(folder)).mode & 0o777).toBe(0o700);
    expect(await readFile(join(home, 'kong.conf'), 'utf8')).toBe('the present one\n');
    expect(await perform(removeFiles(deps))).toEqual({ removed: folder });
    await expect(stat(folder)).rejects.toThrow('ENOENT');
  });

  it('are none where something of the set leads out of the folder, whoever signed it', async () => {
    const set = { gateway: 'production', set: 'production-20261121T0300Z-B-2' };
    const key = { privateKey: deps.signingKey(), publicKey: '' };
    const [destination] = deps.sources;
    if (destination === undefined) throw new Error('one source');
    const contents = { 'files.tar': await buffer(tarOf([entry('../../outside', 0o644, 'x')])) };
    await publishSmallSet(destination, { ref: set, key, sealing: null, contents });
    const before = deps;
    deps = { ...deps, set };
    expect(await faultOf(perform(placeFiles(deps)))).toEqual({
      code: 'files-strange',
      message: 'The saved files hold something that no backup of the bot puts there: ../../outside.',
      hint: 'Nothing was written. Do not use this set; keep it for whoever looks into it.',
      retryable: false,
    });
    deps = before;
  });
});
