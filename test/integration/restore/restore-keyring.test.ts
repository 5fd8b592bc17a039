import { generateKeyPairSync } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { LocalDestination } from '../../../src/backup/storage/local.ts';
import type { StepContext } from '../../../src/engine/ports.ts';
import { localRunner } from '../../../src/run-command/local.ts';
import type { KeyringMemory } from '../../../src/sandbox/kong/enterprise/lists.ts';
import { restorePlan } from '../../../src/runbooks/restore.ts';
import { Checklist } from '../../../src/steps/preflight/checklist.ts';
import type { RestoreDeps } from '../../../src/steps/restore/deps.ts';
import { checkKeyring, recoverKeyring } from '../../../src/steps/restore/keyring/recover-keyring.ts';
import { publishSmallSet, signingKey } from '../../support/backup/small-set.ts';
import { oneGateway } from '../../support/backup/one-gateway.ts';
import { faultOf } from '../../support/fault-of.ts';
import { emptyStandIn, type Running } from '../../support/kong/stand-in-kong.ts';
import { did, planOf, requestedBody, events } from '../../support/story.ts';
import { fold } from '../../../src/runs/evolve.ts';

const pem = (): string =>
  generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey.export({ type: 'pkcs8', format: 'pem' }) as string;
const RIGHT = pem();
const WRONG = pem();

describe('the keyring of a restored database', () => {
  let home: string;
  let running: Running;
  const memory: KeyringMemory = { ids: [], active: null, needed: ['oldkey'], recoveryKey: RIGHT };
  beforeAll(async () => {
    home = await mkdtemp(join(tmpdir(), 'kong-chatops-keyring-'));
    const keyring = { recoveryKey: true, exported: 'what was exported', memory };
    running = await emptyStandIn('3.9.1', { edition: 'enterprise', enterprise: { keyring } });
    await writeFile(join(home, 'right.pem'), RIGHT, { mode: 0o600 });
    await writeFile(join(home, 'wrong.pem'), WRONG, { mode: 0o600 });
    await writeFile(join(home, 'strange.pem'), 'made-up-secret', { mode: 0o600 });
  });
  beforeEach(() => Object.assign(memory, { ids: ['newkey'], active: 'newkey', needed: ['oldkey'] }));
  afterAll(async () => {
    await running?.end();
    await rm(home, { recursive: true, force: true });
  });

  const keys: Record<string, string> = { right: RIGHT, wrong: WRONG, strange: 'made-up-secret' };
  const deps = (key: string | null, more: object = {}): RestoreDeps => {
    const { gateway, limits } = oneGateway(home, {
      admin_api: { url: running.kong.url, timeout_seconds: 5 },
      restore: {
        proof_seconds: 0.2,
        ...(key === null ? {} : { keyring_recovery_key: { file: join(home, `${key}.pem`) } }),
      },
      ...more,
    });
    return {
      gateway,
      limits,
      secret: () => keys[key ?? ''] ?? '',
      signingKey: () => '',
      runner: localRunner(),
      worker: localRunner(),
      destinations: [new LocalDestination('main', join(home, 'main'))],
      clock: () => new Date(),
      set: { gateway: 'production', set: 'production-20261121T0200Z-B-1' },
      sources: [],
      drillUrl: () => null,
    };
  };
  /** `held`: the keys of the node as the reload before found them. */
  const context = async (attempt = 1, held: readonly string[] = []): Promise<StepContext> => {
    const run = fold(events([requestedBody(planOf(null)), ...did('reload-nodes', { keys: held })], 'R-7'));
    if (run === null) throw new Error('no run');
    const workDir = await mkdtemp(join(home, 'work-'));
    const signal = new AbortController().signal;
    return {
      run,
      step: 'recover-keyring',
      attempt,
      signal,
      workDir,
      applicationName: 't',
      progress: () => undefined,
    };
  };
  const recover = async (key: string | null) => {
    const [step, around] = [recoverKeyring(deps(key)), await context()];
    await step.apply(around);
    return await step.check(around);
  };

  it('comes back by the recovery key, is activated, and proven by reading', async () => {
    expect(await recover('right')).toEqual({ keys: 'brought', active: 'oldkey', rowsRead: 0 });
    expect(memory).toMatchObject({ ids: ['newkey', 'oldkey'], active: 'oldkey' });
  });

  it('is left alone where the nodes hold it already', async () => {
    Object.assign(memory, { ids: ['oldkey'], active: 'oldkey' });
    expect(await recover('wrong')).toEqual({ keys: 'there', active: 'oldkey', rowsRead: 0 });
  });

  it('does not come back by another key, and says so without a word of either', async () => {
    expect(await faultOf(recover('wrong'))).toEqual({
      code: 'keyring.wrong-key',
      message: 'The recovery key opens none of the keys in the restored database of production: nothing was recovered.',
      hint: 'Give the private half of the keyring_recovery_public_key that was in force when the set was taken (restore.keyring_recovery_key), then roll this run back and restore again.',
      retryable: false,
    });
    expect(memory.active).toBe('newkey');
  });

  it('asks people which of several keys was the active one', async () => {
    memory.needed = ['oldkey', 'older'];
    expect(await faultOf(recover('right'))).toMatchObject({
      code: 'keyring.which-active',
      message: '2 keys came back (oldkey, older), and nobody can say which of them was active.',
      hint: 'Activate the right one by hand (POST /keyring/activate {"key": ID}), then close this run; or roll it back.',
    });
  });

  it('comes back by what the backup exported, where there is no recovery key', async () => {
    const place = new LocalDestination('keys', join(home, 'keys'));
    const key = signingKey();
    const of = { ...deps(null), signingKey: () => key.privateKey, keyringDestination: place };
    const apply = async (...attempt: Parameters<typeof context>) => {
      const [step, around] = [recoverKeyring(of), await context(...attempt)];
      await step.apply(around);
      return await step.check(around);
    };
    expect(await faultOf(apply())).toMatchObject({
      code: 'keyring.no-key',
      message:
        'Kong encrypts fields of its database, and there is nothing here that opens them after the restore: keys holds no keys of this set.',
    });
    const contents = { 'keyring.json': Buffer.from('{"data":"what was exported"}\n') };
    await publishSmallSet(place, { ref: of.set, key, sealing: null, contents });
    expect(await apply()).toEqual({ keys: 'brought', active: 'oldkey', rowsRead: 0 });

    // A worker imported them and died; the one after it activated the right one and died.
    memory.active = 'newkey';
    expect(await apply(2, ['newkey'])).toEqual({ keys: 'brought', active: 'oldkey', rowsRead: 0 });
    expect(await apply(3, ['newkey'])).toEqual({ keys: 'brought', active: 'oldkey', rowsRead: 0 });
    // The node had made a newer one before the restore, and keeps writing with it.
    memory.active = 'newkey';
    expect(await apply(2, ['oldkey', 'newkey'])).toEqual({ keys: 'there', active: 'newkey', rowsRead: 0 });
  });

  it('is left alone by whoever takes over where the nodes held it all along', async () => {
    Object.assign(memory, { ids: ['oldkey', 'newkey'], active: 'newkey' });
    const [step, around] = [recoverKeyring(deps('wrong')), await context(2, ['oldkey', 'newkey'])];
    await step.apply(around);
    expect(await step.check(around)).toEqual({ keys: 'there', active: 'newkey', rowsRead: 0 });
  });

  it('is brought back between the reload and the proof, where the configuration says how', () => {
    const plan = (keyring: boolean) =>
      restorePlan({
        gateway: 'production',
        environment: 'production',
        strategy: 'database',
        set: 'a-set',
        destination: 'main',
        safety: 'kept-database',
        safetySteps: [],
        safetyParameters: {},
        policy: null,
        keyring,
        holdSeconds: 60,
        attempts: 1,
        deadlineSeconds: 60,
      }).steps.map(({ id }) => id);
    expect(plan(true).slice(3, 7)).toEqual(['swap-database', 'reload-nodes', 'recover-keyring', 'prove-restore']);
    expect(plan(false)).toEqual(plan(true).filter((id) => id !== 'recover-keyring'));
  });

  const refusal = async (of: RestoreDeps): Promise<unknown> => {
    const list = new Checklist();
    await checkKeyring(list, of, await context());
    const [failed] = list.failed();
    return failed === undefined ? list.passed() : { message: failed.fault.message, hint: failed.fault.hint };
  };

  it('refuses the restore before anything is touched where no key is to be had', async () => {
    expect(await refusal(deps(null))).toEqual({
      message:
        'Kong encrypts fields of its database, and there is nothing here that opens them after the restore: neither restore.keyring_recovery_key nor keyring.destination is configured.',
      hint: 'Name the private recovery key under restore.keyring_recovery_key ({file: …} or {env: …}), or restore a set whose keys were exported (keyring.destination). The declarative files hold these fields in clear and need no key.',
    });
    expect(await refusal(deps('strange'))).toEqual({
      message: 'restore.keyring_recovery_key is no private key in PEM, or is protected by a passphrase.',
      hint: 'Let it name the private half of keyring_recovery_public_key, without a passphrase, in a file that only the bot can read.',
    });
    expect(await refusal(deps('right'))).toEqual([
      { name: 'Keyring', detail: 'its keys come back by the recovery key' },
    ]);
    expect(await refusal(deps(null, { allow_gaps: ['keyring'] }))).toEqual([
      { name: 'Keyring', detail: 'left to the keys that the nodes hold, as allow_gaps permits' },
    ]);
  });
});
