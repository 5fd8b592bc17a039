import { generateKeyPairSync } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { KeyringMemory } from '../../../../src/sandbox/kong/enterprise/lists.ts';
import { openRestoreWorld, type RestoreWorld } from '../../../support/backup/restore-world.ts';
import { acts, type Fates } from '../../../support/crash/fates.ts';
import { tellTwice } from '../../../support/crash/tell-restore.ts';
import { need } from '../../../support/need.ts';

const PEM = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey.export({
  type: 'pkcs8',
  format: 'pem',
}) as string;
const tools = need('pg_dump') && need('pg_restore') && need('psql') && need('deck');

/** Everything else is as in a restore of the database, whose workers die in the crash tests. */
const FATES: Fates = { 'recover-keyring': acts(/^POST \/keyring\/recover/, /^POST \/keyring\/activate/) };

describe.skipIf(!tools)('workers that die while they bring back the keys of a restored database', () => {
  let world: RestoreWorld;
  const memory: KeyringMemory = { ids: ['oldkey'], active: 'oldkey', needed: ['oldkey'], recoveryKey: PEM };
  beforeAll(async () => {
    world = await openRestoreWorld({
      nodes: 1,
      edition: 'enterprise',
      enterprise: { keyring: { recoveryKey: true, exported: null, memory } },
      restore: { keyring_recovery_key: { env: 'RECOVERY_KEY' } },
      env: { RECOVERY_KEY: PEM },
      limits: { step_attempts: 10 },
    });
    await world.backup();
  });
  afterAll(() => world?.end());

  it('leave the key active that the database was written with, and not one of a node’s own making', async () => {
    const { calm, killed } = await tellTwice(world, {
      asked: { strategy: 'database', safety: 'kept-database' },
      fates: FATES,
      // All nodes were started again at once: such a node makes a key for itself.
      before: () => {
        Object.assign(memory, { ids: ['newkey'], active: 'newkey' });
      },
      look: () => Promise.resolve({ ids: memory.ids, active: memory.active }),
    });
    expect(calm).toMatchObject({ state: 'holding', outcome: 'rolled-back', gates: ['go'] });
    expect(calm).toMatchObject({
      live: { ids: ['newkey', 'oldkey'], active: 'oldkey' },
      outputs: [['recover-keyring', { keys: 'brought', active: 'oldkey', rowsRead: expect.any(Number) as number }]],
    });
    expect(calm.fault).toBeUndefined();
    expect(killed).toEqual(calm);
  });
});
