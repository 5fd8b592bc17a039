import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { encryptionOf } from '../../../src/backup/encryption/encryption.ts';
import { LocalDestination } from '../../../src/backup/storage/local.ts';
import type { Command, RunCommand } from '../../../src/run-command/command.ts';
import { localRunner } from '../../../src/run-command/local.ts';
import type { Run } from '../../../src/runs/run.ts';
import { fold } from '../../../src/runs/evolve.ts';
import type { KeyringMemory } from '../../../src/sandbox/kong/enterprise/lists.ts';
import { saveKeyring } from '../../../src/steps/backup/admin/save-keyring.ts';
import { refOf } from '../../../src/steps/deps.ts';
import type { RestoreDeps } from '../../../src/steps/restore/deps.ts';
import { recoverKeyring } from '../../../src/steps/restore/keyring/recover-keyring.ts';
import { publishSmallSet, signingKey } from '../../support/backup/small-set.ts';
import { emptyStandIn, type Running } from '../../support/kong/stand-in-kong.ts';
import { oneGateway } from '../../support/backup/one-gateway.ts';
import { need } from '../../support/need.ts';
import { filesIn, findSecrets, type Searched } from '../../support/secrets/search.ts';
import { watchProcesses } from '../../support/secrets/watch-processes.ts';
import { events, planOf, requestedBody } from '../../support/story.ts';
import { newKey } from '../backup/backup-cipher-contract.ts';

const ref = { gateway: 'production', set: 'production-20261121T0200Z-B-1' };
const planted = (): string => `planted-${randomBytes(24).toString('hex')}`;
const pem = (): string =>
  generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey.export({ type: 'pkcs8', format: 'pem' }) as string;

describe.skipIf(!need('age'))('the keys of a keyring', () => {
  const recovery = pem();
  const wrong = pem();
  const exported = planted();
  const token = planted();
  const memory: KeyringMemory = { ids: [], active: null, needed: ['oldkey'], recoveryKey: recovery };
  const signing = signingKey();
  let age: Awaited<ReturnType<typeof newKey>>;
  let home: string;
  let running: Running;
  let run: Run;
  const searched: Searched[] = [];
  /** Programs that were started, by name. */
  const programs = new Set<string>();

  beforeAll(async () => {
    home = await mkdtemp(join(tmpdir(), 'kong-chatops-keyring-'));
    age = await newKey();
    const keyring = { recoveryKey: true, exported, memory };
    running = await emptyStandIn('3.9.1', { edition: 'enterprise', enterprise: { keyring } });
    const found = fold(events([requestedBody(planOf(null))], 'R-7'));
    if (found === null) throw new Error('no run');
    run = found;
  });
  beforeEach(() => Object.assign(memory, { ids: ['newkey'], active: 'newkey', needed: ['oldkey'] }));
  afterAll(async () => {
    await running?.end();
    await rm(home, { recursive: true, force: true });
  });

  /** What every key looks like that must not be seen: of a PEM the lines that are the key. */
  const secrets = (): Record<string, string> => ({
    'exported keys': exported,
    'Admin token': token,
    'age identity': age.identity,
    ...Object.fromEntries(
      Object.entries({ recovery, wrong }).flatMap(([name, text]) =>
        text
          .split('\n')
          .slice(1, -2)
          .map((line, index) => [`line ${index} of the ${name} key`, line]),
      ),
    ),
  });

  /** The local runner, every command of which is searched but for the files that hold secrets on purpose. */
  function heard(): RunCommand {
    const real = localRunner();
    const hear = (command: Command): Command => {
      const { program, args, env = {}, cwd } = command;
      const plain = Object.entries(env).filter(([, value]) => typeof value === 'string');
      programs.add(program);
      searched.push({ place: `command ${program}`, content: JSON.stringify({ program, args, plain, cwd }) });
      return command;
    };
    return { ...real, run: (command) => real.run(hear(command)), start: (command) => real.start(hear(command)) };
  }

  function deps(key: string | null): RestoreDeps {
    const { gateway, limits } = oneGateway(home, {
      admin_api: { url: running.kong.url, token: { env: 'TOKEN' }, timeout_seconds: 5 },
      restore: { proof_seconds: 0.2, ...(key === null ? {} : { keyring_recovery_key: { env: 'KEY' } }) },
    });
    const runner = heard();
    const sealed = {
      encryption: { recipients: [age.recipient], identity: { env: 'AGE' } },
      secret: () => age.identity,
    };
    return {
      gateway,
      limits,
      secret: (reference) => ('env' in reference && reference.env === 'TOKEN' ? token : (key ?? '')),
      signingKey: () => signing.privateKey,
      runner,
      worker: runner,
      destinations: [new LocalDestination('main', join(home, 'main'))],
      keyringDestination: new LocalDestination('strongroom', join(home, 'strongroom')),
      encryption: encryptionOf(sealed, runner),
      clock: () => new Date(),
      set: ref,
      sources: [],
      drillUrl: () => null,
    };
  }

  /** Carries it out and searches what it says, well or badly: outputs, progress, fault with its cause, files. */
  async function told(what: string, work: (context: Parameters<typeof saveKeyring>[1]) => Promise<unknown>) {
    const workDir = await mkdtemp(join(home, 'work-'));
    const said: unknown[] = [];
    const context = {
      run,
      step: 'recover-keyring',
      attempt: 1,
      signal: new AbortController().signal,
      workDir,
      applicationName: 't',
      progress: (progress: object) => void said.push(progress),
    };
    const answer: unknown = await work(context).catch((error: unknown) => error);
    said.push(answer);
    searched.push({
      place: `what ${what} says`,
      content: inspect(said, { depth: null, showHidden: true, maxStringLength: null }),
    });
    searched.push(...filesIn(home));
    return answer;
  }
  const recover = (of: RestoreDeps) => async (context: Parameters<typeof saveKeyring>[1]) => {
    const step = recoverKeyring(of);
    await step.apply(context);
    return await step.check(context);
  };

  it('are in no argument, environment, output, progress, fault or file of saving them and bringing them back', async () => {
    const processes = watchProcesses(2);
    const of = deps(null);
    await told('saving', (context) => saveKeyring(of, context));
    const room = of.keyringDestination;
    const sealing = await of.encryption?.sealing();
    expect(await room?.stagedArtifacts(refOf(run))).toHaveLength(1);
    const contents = { 'keyring.json': Buffer.from(`${JSON.stringify({ data: exported })}\n`) };
    if (room === undefined) throw new Error('a room');
    await publishSmallSet(room, { ref, key: signing, sealing: sealing ?? null, contents });
    expect(await told('the import', recover(of))).toEqual({ keys: 'brought', active: 'oldkey', rowsRead: 0 });

    Object.assign(memory, { ids: ['newkey'], active: 'newkey' });
    expect(await told('the recovery', recover(deps(recovery)))).toEqual({
      keys: 'brought',
      active: 'oldkey',
      rowsRead: 0,
    });
    searched.push({ place: 'arguments of processes', content: (await processes.stop()).join('\n') });

    expect([...programs]).toContain('age');
    expect(findSecrets(secrets(), searched)).toEqual([]);
  });

  it('are in no fault either, when Kong answers with what it was sent', async () => {
    const bad = [
      ['a wrong key', wrong, null],
      ['a key that is none', exported, null],
      ['a recovery that Kong refuses', recovery, ['POST', /^\/keyring\/recover/, recovery]],
      ['an import that Kong refuses', null, ['POST', /^\/keyring\/import/, exported]],
      ['a look that Kong refuses', null, ['GET', /^\/keyring$/, exported]],
      ['an activation that Kong refuses', recovery, ['POST', /^\/keyring\/activate/, recovery]],
    ] as const;
    for (const [what, key, echo] of bad) {
      Object.assign(memory, { ids: ['newkey'], active: 'newkey', needed: ['oldkey'] });
      running.kong.faults.clear();
      if (echo !== null)
        running.kong.faults.respond(echo[0], echo[1], 500, { times: 9, body: { message: echo[2], data: echo[2] } });
      expect(await told(what, recover(deps(key)))).toMatchObject({ code: expect.stringMatching(/^(keyring|kong)\./) });
    }
    running.kong.faults.clear();
    for (const status of [400, 500]) {
      running.kong.faults.respond('POST', /^\/keyring\/export/, status, {
        body: { message: exported, data: exported },
      });
      expect(await told('an export that is refused', (context) => saveKeyring(deps(null), context))).toMatchObject({
        code: expect.stringMatching(/^(keyring-not-exported|kong\.)/),
      });
    }
    expect(findSecrets(secrets(), searched)).toEqual([]);
  });

  it('are not quoted where what was stored is no export', async () => {
    const place = new LocalDestination('bare', join(home, 'bare'));
    const secret = `x${randomBytes(24).toString('hex')}`;
    const contents = { 'keyring.json': Buffer.from(secret) };
    await publishSmallSet(place, { ref, key: signing, sealing: null, contents });
    const answer = await told('what is no export', recover({ ...deps(null), keyringDestination: place }));
    expect(answer).toMatchObject({
      code: 'keyring.no-key',
      message:
        'Kong encrypts fields of its database, and there is nothing here that opens them after the restore: what bare holds of this set is no export of keys.',
    });
    // A parser quotes the beginning of what it cannot read.
    expect(inspect(answer, { depth: null, showHidden: true })).not.toContain(secret.slice(0, 6));
  });
});
