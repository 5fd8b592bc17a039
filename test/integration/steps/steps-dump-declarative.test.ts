import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { localRunner } from '../../../src/run-command/local.ts';
import { artifactName } from '../../../src/steps/backup/admin/names.ts';
import { dumpDeclarative } from '../../../src/steps/backup/dump-declarative.ts';
import { refOf } from '../../../src/steps/deps.ts';
import { preflight } from '../../../src/steps/preflight/preflight.ts';
import { publishSet } from '../../../src/steps/backup/publish-set.ts';
import { fakePrograms } from '../../support/backup/fake-program.ts';
import { need } from '../../support/need.ts';
import { faultFrom, makeWorld } from './steps-world.ts';
import type { World, WorldOptions } from './steps-world.ts';

const ready = [need('fixtures'), need('psql'), need('deck')].every(Boolean);

describe.skipIf(!ready)('dumping the declarative configuration', () => {
  let world: World;
  const fakes = fakePrograms();
  beforeAll(async () => {
    world = await makeWorld({ kinds: ['declarative'] });
  });
  afterAll(async () => {
    fakes.remove();
    await world.end();
  });
  const checked = async (options: WorldOptions = {}): Promise<World> => {
    const here = world.with(options);
    await here.perform('preflight', preflight);
    return here;
  };
  /** A decK that writes this text where it was told to and is content. */
  const writing = (text: string): string =>
    `for a in "$@"; do case $p in -o | --output-file) f=$a ;; esac; p=$a; case $a in --output-file=*) f=\${a#*=} ;; esac; done; printf '${text}' > "$f"; exit 0`;
  /** decK as it is, but for what it does when it dumps. */
  const withDeck = async (script: string): Promise<World> => {
    const { stdout: deck } = await execa('sh', ['-c', 'command -v deck']);
    fakes.write(
      'deck',
      `case "$*" in *"gateway dump"*--help*) exec ${deck} "$@" ;; *"gateway dump"*) ${script} ;; *) exec ${deck} "$@" ;; esac`,
    );
    return checked({ runner: localRunner({ path: fakes.path }) });
  };

  it('stages what decK wrote, counted and with its gaps', async () => {
    const here = await checked();
    const { outputs, progress } = await here.perform('dump-declarative', dumpDeclarative);
    expect(outputs).toMatchObject({
      artifacts: [
        {
          kind: 'declarative',
          name: 'declarative-default.yaml',
          tool: 'decK',
          facts: { workspace: 'default', formatVersion: '3.0', contentSha256: expect.stringMatching(/^[0-9a-f]{64}$/) },
        },
      ],
    });
    expect(outputs['gaps']).toEqual(
      expect.arrayContaining([
        {
          kind: 'basic-auth-passwords',
          count: 2,
          what: '2 basic-auth passwords do not come back through the declarative file',
          why: 'Kong hashes the stored hash again when decK writes it; the set has no database dump',
        },
      ]),
    );
    expect(progress.at(-1)).toMatchObject({ done: 1, total: 1, unit: 'workspaces', note: 'default' });
  });

  it('reports keys that this decK leaves out without a word', async () => {
    const here = await checked();
    const { outputs } = await here.perform('dump-declarative', dumpDeclarative);
    const [artifact] = outputs['artifacts'] as { toolVersion: string }[];
    const keys = (outputs['gaps'] as { kind: string }[]).filter(({ kind }) => kind.startsWith('key'));
    const old = Number(artifact?.toolVersion.split('.')[1]) < 48;
    expect(keys.map(({ kind }) => kind)).toEqual(old ? ['keys', 'key-sets'] : []);
  });

  it('publishes a file that decK reads back with an empty diff', async () => {
    const here = await checked();
    await here.perform('dump-declarative', dumpDeclarative);
    await here.perform('publish-set', publishSet);
    const file = join(here.deps.destinations[0]?.placeOf(refOf(here.run())) ?? '', 'declarative-default.yaml');
    expect(parse(await readFile(file, 'utf8'))).toMatchObject({ _format_version: '3.0' });
    const diff = await execa(
      'deck',
      ['gateway', 'diff', file, '--kong-addr', here.kong.url, '--json-output', '--no-color', '--analytics=false'],
      { env: { HOME: here.home } },
    );
    const json = JSON.parse(diff.stdout.slice(diff.stdout.search(/^\{/m))) as { summary: object };
    expect(json.summary).toMatchObject({ creating: 0, updating: 0, deleting: 0 });
  });

  it('takes only what has the configured tags, and counts what that leaves out', async () => {
    const here = await checked({ gateway: { declarative: { select_tags: ['team-orders'], workspaces_at_once: 4 } } });
    const { outputs } = await here.perform('dump-declarative', dumpDeclarative);
    const [artifact] = outputs['artifacts'] as { facts: { entities: number } }[];
    const gap = (outputs['gaps'] as { kind: string; count: number; why: string }[]).find(
      ({ kind }) => kind === 'consumers',
    );
    expect(gap).toMatchObject({
      why: 'select_tags of this gateway asks for team-orders; the set has no database dump',
    });
    expect(artifact?.facts.entities).toBeLessThan(40);
  });

  it('refuses a file with fewer entities than the gateway lists, although decK reported success', async () => {
    const here = await withDeck(writing('_format_version: "3.0"\\nservices:\\n- name: a\\n'));
    const fault = await faultFrom(here.perform('dump-declarative', dumpDeclarative));
    expect(fault.facts()).toEqual({
      code: 'declarative-incomplete',
      message:
        "decK's file of workspace default holds only 1 of 6 services, 0 of 12 routes, 0 of 12 plugins, 0 of 5 consumers, " +
        '0 of 1 certificates and 10 more, although decK reported success.',
      hint: 'Nothing of it is kept. Look whether the Admin token lost rights or Kong failed meanwhile, then try again.',
    });
    expect(fault.retryable).toBe(true);
    expect(await here.deps.destinations[0]?.stagedArtifacts(refOf(here.run()))).toEqual([]);
  });

  it.each([
    ['is cut in the middle', '_format_version: "3.0"\\nservices:\\n- name: "a', /: it breaks at line \d+\.$/],
    ['is no declarative file', 'hello: world\\n', /is not a declarative configuration\.$/],
  ])('keeps nothing of a file that %s', async (_, text, message) => {
    const here = await withDeck(writing(text));
    const fault = await faultFrom(here.perform('dump-declarative', dumpDeclarative));
    expect(fault.message).toMatch(message);
    expect(await here.deps.destinations[0]?.stagedArtifacts(refOf(here.run()))).toEqual([]);
  });

  it('says that decK crashed', async () => {
    const here = await withDeck('echo "panic: boom" >&2; exit 2');
    const fault = await faultFrom(here.perform('dump-declarative', dumpDeclarative));
    expect(fault.code).toMatch(/^deck\./);
    expect(fault.hint).not.toBe('');
  });

  it('ends a hanging decK as soon as the run no longer wants it', async () => {
    const here = await withDeck('sleep 600');
    const stop = new AbortController();
    const dumping = here.perform('dump-declarative', dumpDeclarative, {
      signal: stop.signal,
      onProgress: () => setTimeout(() => stop.abort(new Error('not wanted')), 300),
    });
    const began = performance.now();
    await expect(dumping).rejects.toThrow(/not wanted|abort/);
    expect(performance.now() - began).toBeLessThan(10_000);
  });

  it('says that Kong went away half-way, and keeps nothing', async () => {
    const here = await checked();
    await here.kong.faults.stopListening();
    const fault = await faultFrom(here.perform('dump-declarative', dumpDeclarative));
    await here.kong.faults.listenAgain();
    expect(fault.retryable).toBe(true);
    expect(await here.deps.destinations[0]?.stagedArtifacts(refOf(here.run()))).toEqual([]);
  });

  it('is a gap where the gateway may go without it', async () => {
    const without = {
      runner: localRunner({ path: join(world.home, 'empty') }),
      gateway: { allow_gaps: ['declarative' as const] },
    };
    const here = await checked(without);
    const { outputs } = await here.perform('dump-declarative', dumpDeclarative);
    expect(outputs).toEqual({
      artifacts: [],
      gaps: [
        {
          kind: 'declarative',
          count: null,
          what: 'the declarative configuration is not in the set',
          why: 'decK is not on this machine, so the declarative configuration cannot be dumped from here.',
        },
      ],
    });
    expect((await faultFrom(here.perform('publish-set', publishSet))).message).toBe(
      'Nothing could be taken of this gateway, so there is no set to publish.',
    );
  });
});

describe('the name of a declarative artifact', () => {
  it('stays inside its folder and keeps workspaces apart', () => {
    expect(artifactName('team.v1')).toBe('declarative-team.v1.yaml');
    expect(artifactName('../x')).toMatch(/^declarative-\.\._x-[0-9a-f]{8}\.yaml$/);
    expect(artifactName('a/b')).not.toBe(artifactName('a_b'));
    expect(artifactName('x'.repeat(300)).length).toBeLessThan(140);
  });
});
