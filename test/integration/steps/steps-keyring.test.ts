import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { LocalDestination } from '../../../src/backup/storage/local.ts';
import type { EnterpriseEntities } from '../../../src/sandbox/kong/enterprise/lists.ts';
import { startStandInKong } from '../../../src/sandbox/kong/stand-in.ts';
import type { StandInKong } from '../../../src/sandbox/kong/stand-in.ts';
import { discardSet } from '../../../src/steps/backup/discard-set.ts';
import { dumpDeclarative } from '../../../src/steps/backup/dump-declarative.ts';
import { publishSet } from '../../../src/steps/backup/publish-set.ts';
import { verifySet } from '../../../src/steps/backup/verify-set.ts';
import type { StepDeps } from '../../../src/steps/deps.ts';
import { refOf } from '../../../src/steps/deps.ts';
import { preflight } from '../../../src/steps/preflight/preflight.ts';
import { need } from '../../support/need.ts';
import { faultFrom, makeWorld } from './steps-world.ts';
import type { World } from './steps-world.ts';

const ready = [need('fixtures'), need('psql'), need('deck')].every(Boolean);
describe.skipIf(!ready)('a gateway that encrypts fields of its database', () => {
  let world: World;
  const nodes: StandInKong[] = [];
  let home = '';
  beforeAll(async () => {
    world = await makeWorld({ kinds: ['declarative'] });
    home = await mkdtemp(join(tmpdir(), 'kong-chatops-keyring-'));
  });
  afterAll(async () => {
    for (const node of nodes) await node.stop();
    await world.end();
    await rm(home, { recursive: true, force: true });
  });
  const gatewayOf = async (
    enterprise: EnterpriseEntities,
    { gateway = {} }: { gateway?: object } = {},
  ): Promise<World> => {
    const node = await startStandInKong({
      databaseUrl: world.databaseUrl,
      edition: 'enterprise',
      enterprise,
    });
    nodes.push(node);
    return world.with({ gateway: { admin_api: { url: node.url, timeout_seconds: 5 }, ...gateway } });
  };
  const placeOf = (here: World): string => here.deps.destinations[0]?.placeOf(refOf(here.run())) ?? '';

  describe('the keyring', () => {
    const held = { keyring: { exported: 'sealed-keys', recoveryKey: false } };

    it('refuses a backup that would lose it, and says what to do', async () => {
      const here = await gatewayOf(held);
      expect((await faultFrom(here.perform('preflight', preflight))).message).toBe(
        '1 check of gateway production failed, so nothing was started.\n1. Keyring: Kong encrypts fields of its database, and nothing would keep the keys: there is no recovery key and no place to export them to.',
      );
    });

    it('is a gap in words where the gateway may go without it', async () => {
      const here = await gatewayOf(held, { gateway: { allow_gaps: ['keyring'] } });
      await here.perform('preflight', preflight);
      const { outputs } = await here.perform('dump-declarative', dumpDeclarative);
      expect(outputs['gaps']).toContainEqual({
        kind: 'keyring',
        count: null,
        what: 'The keys that open encrypted fields of the database are not in the set',
        why: 'keyring.destination of this gateway names no place for them, and Kong has no recovery key',
      });
    });

    it('is no gap with a recovery key: the database holds the keys', async () => {
      const here = await gatewayOf({ keyring: { exported: null, recoveryKey: true } });
      const { outputs } = await here.perform('preflight', preflight);
      expect(outputs['checks']).toContainEqual({
        name: 'Keyring',
        detail: 'its keys are in the database, for whoever has the private recovery key',
      });
      expect((outputs['further'] as { gaps: unknown }).gaps).toEqual([]);
    });

    const strongroom = (here: World): World & { readonly deps: StepDeps } => {
      const keyringDestination = new LocalDestination('strongroom', join(home, 'strongroom'));
      Object.assign(here.deps, { keyringDestination });
      return here;
    };

    it('lies apart from the data that it opens, signed and verified like a set', async () => {
      const here = strongroom(await gatewayOf(held, { gateway: { keyring: { destination: 'strongroom' } } }));
      await here.perform('preflight', preflight);
      const { outputs } = await here.perform('dump-declarative', dumpDeclarative);
      expect(outputs['artifacts']).toContainEqual(
        expect.objectContaining({ kind: 'keyring', name: 'keyring.json', facts: { destination: 'strongroom' } }),
      );
      const ref = refOf(here.run());
      const room = here.deps.keyringDestination;
      expect(await room?.isPublished(ref)).toBe(false);
      await here.perform('publish-set', publishSet);
      const { outputs: verified } = await here.perform('verify-set', verifySet);
      expect((verified['places'] as { destination: string }[]).map(({ destination }) => destination)).toEqual([
        'main',
        'strongroom',
      ]);
      const place = room?.placeOf(ref) ?? '';
      expect(await readFile(join(place, 'keyring.json'), 'utf8')).toBe('{"data":"sealed-keys"}\n');
      const manifest = JSON.parse(await readFile(join(place, 'manifest.json'), 'utf8')) as {
        artifacts: { kind: string }[];
      };
      expect(manifest.artifacts.map(({ kind }) => kind)).toEqual(['keyring']);
      const data = await readFile(join(placeOf(here), 'manifest.json'), 'utf8');
      expect(data).not.toContain('keyring.json');
    });

    it('leaves nothing behind when the run ends before it is published', async () => {
      const here = strongroom(await gatewayOf(held, { gateway: { keyring: { destination: 'strongroom' } } }));
      await here.perform('preflight', preflight);
      await here.perform('dump-declarative', dumpDeclarative);
      await here.perform('discard-set', discardSet);
      expect(await here.deps.keyringDestination?.hasStaged(refOf(here.run()))).toBe(false);
    });

    it('is refused before anything is taken where its place cannot be written', async () => {
      const here = await gatewayOf(held, { gateway: { keyring: { destination: 'strongroom' } } });
      const keyringDestination = new LocalDestination('strongroom', '/proc/no-such-place');
      Object.assign(here.deps, { keyringDestination });
      const fault = await faultFrom(here.perform('preflight', preflight));
      expect(fault.message).toContain('1. Destination strongroom: ');
    });

    it('says what to set when Kong has nothing to export it with', async () => {
      const bare = { keyring: { exported: null, recoveryKey: false } };
      const here = strongroom(await gatewayOf(bare, { gateway: { keyring: { destination: 'strongroom' } } }));
      await here.perform('preflight', preflight);
      expect((await faultFrom(here.perform('dump-declarative', dumpDeclarative))).facts()).toEqual({
        code: 'keyring-not-exported',
        message: 'Kong did not export the keyring of production: POST /keyring/export answered HTTP 400.',
        hint: 'Set keyring_public_key and keyring_private_key in kong.conf (an export needs both), or use a recovery key and take keyring.destination away.',
      });
    });
  });
});
