import { generateKeyPairSync } from 'node:crypto';
import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Destination } from '../../../src/backup/storage/destination.ts';
import type { Encryption } from '../../../src/backup/encryption/encryption.ts';
import { LocalDestination } from '../../../src/backup/storage/local.ts';
import { configSchema } from '../../../src/config/schema.ts';
import type { GatewayConfig } from '../../../src/config/schema.ts';
import type { Progress, Step, StepContext } from '../../../src/engine/ports.ts';
import { localRunner } from '../../../src/run-command/local.ts';
import type { RunCommand } from '../../../src/run-command/command.ts';
import type { ArtifactKind } from '../../../src/runbooks/backup.ts';
import { backupPlan } from '../../../src/runbooks/backup.ts';
import { Fault } from '../../../src/runs/fault.ts';
import type { JsonObject } from '../../../src/runs/json.ts';
import type { Run } from '../../../src/runs/run.ts';
import type { StandInKong } from '../../../src/sandbox/kong/stand-in.ts';
import type { StepDeps } from '../../../src/steps/deps.ts';
import { refOf } from '../../../src/steps/deps.ts';
import { did, events, requestedBody } from '../../support/story.ts';
import { fold } from '../../../src/runs/evolve.ts';
import { standInOfRecording } from '../../support/kong/stand-in-kong.ts';

const pem = generateKeyPairSync('ed25519').privateKey.export({ type: 'pkcs8', format: 'pem' }) as string;

export interface WorldOptions {
  readonly kinds?: readonly ArtifactKind[];
  readonly destinations?: readonly Destination[];
  readonly gateway?: Partial<GatewayConfig>;
  readonly runner?: RunCommand;
  readonly workspaces?: 'all' | readonly string[];
  readonly version?: '3.9.1' | '2.8.5';
  readonly encryption?: Encryption;
}

export interface Attempted {
  readonly outputs: JsonObject;
  readonly progress: readonly Progress[];
}

/** One gateway over a recorded Kong's rows, and one backup run of it, carried out step by step as the engine does. */
export interface World {
  readonly kong: StandInKong;
  readonly databaseUrl: string;
  readonly superuserUrl: string;
  readonly deps: StepDeps;
  readonly home: string;
  readonly roots: readonly string[];
  run(): Run;
  /** Look, act, look again; the outputs become part of the run. */
  perform(id: string, step: (deps: StepDeps) => Step, options?: Partial<AttemptOptions>): Promise<Attempted>;
  context(id: string, options?: Partial<AttemptOptions>): Promise<StepContext & { readonly seen: Progress[] }>;
  /** Everything below the destinations, as paths. */
  stored(): Promise<readonly string[]>;
  with(options: WorldOptions): World;
  end(): Promise<void>;
}
export interface AttemptOptions {
  readonly attempt: number;
  readonly signal: AbortSignal;
  readonly onProgress: (progress: Progress) => void;
}

export async function makeWorld(options: WorldOptions = {}): Promise<World> {
  const running = await standInOfRecording(options.version ?? '3.9.1');
  const home = await mkdtemp(join(tmpdir(), 'kong-chatops-steps-'));
  await writePrefix(home);
  const world = worldOver(running, home, options);
  return {
    ...world,
    end: async () => {
      await running.end();
      await rm(home, { recursive: true, force: true });
    },
  };
}

type Running = Awaited<ReturnType<typeof standInOfRecording>>;

let made = 0;
function worldOver(running: Running, home: string, options: WorldOptions): World {
  const { hostname, port, pathname, username, password } = new URL(running.database.ownerUrl);
  made += 1;
  const mainPath = join(home, `main-${made}`);
  const runId = `B-${made}`;
  const config = configSchema.parse({
    slack: { team: 'T01LOCAL' },
    people: [{ id: 'U01ALICE', name: 'Alice' }],
    groups: [{ name: 'operators', roles: ['operator'] }],
    destinations: [{ name: 'main', kind: 'local', path: mainPath }],
    signing: { private_key: { env: 'SIGNING_KEY' } },
    gateways: [
      {
        name: 'production',
        environment: 'production',
        admin_api: { url: running.kong.url, timeout_seconds: 5 },
        database: {
          host: hostname,
          port: Number(port),
          name: pathname.slice(1),
          user: username,
          password: { env: 'PG_PASSWORD' },
        },
        files: { kong_conf: join(home, 'kong.conf'), prefix: join(home, 'prefix') },
        channel: 'C02OPS',
        destinations: ['main'],
        ...options.gateway,
      },
    ],
  });
  const [gateway] = config.gateways;
  const [main] = config.destinations;
  if (gateway === undefined || main === undefined) throw new Error('the world has one gateway');
  const deps: StepDeps = {
    gateway,
    limits: config.limits,
    secret: (reference) => ('env' in reference && reference.env === 'PG_PASSWORD' ? password : 'token-of-the-test'),
    signingKey: () => pem,
    runner: options.runner ?? localRunner(),
    worker: localRunner(),
    destinations: options.destinations ?? [new LocalDestination(main.name, mainPath)],
    encryption: options.encryption,
    clock: () => new Date('2026-11-21T02:05:00.000Z'),
  };
  const plan = backupPlan({
    gateway: 'production',
    environment: 'production',
    kinds: options.kinds ?? ['database', 'declarative', 'files'],
    workspaces: options.workspaces ?? 'all',
    destinations: deps.destinations.map(({ name }) => name),
    policy: null,
    attempts: 3,
    deadlineSeconds: 60,
  });
  const bodies = [requestedBody(plan)];
  const run = (): Run => {
    const folded = fold(events(bodies, runId));
    if (folded === null) throw new Error('no run');
    return folded;
  };
  const context: World['context'] = async (id, { attempt = 1, signal, onProgress } = {}) => {
    const seen: Progress[] = [];
    const now = run();
    return {
      run: now,
      step: id,
      attempt,
      signal: signal ?? new AbortController().signal,
      workDir: await mkdtemp(join(home, `${now.id}-${id}-`)),
      applicationName: `kong-chatops ${now.id}/${id}/${attempt}`,
      progress: (progress) => {
        seen.push(progress);
        onProgress?.(progress);
      },
      seen,
    };
  };
  return {
    kong: running.kong,
    databaseUrl: running.database.ownerUrl,
    superuserUrl: running.database.superuserUrl,
    deps,
    home,
    roots: [mainPath],
    run,
    context,
    async perform(id, make, attemptOptions = {}) {
      const around = await context(id, attemptOptions);
      const step = make(deps);
      if (around.attempt > 1) await step.takeOver?.(around);
      let outputs = await step.check(around);
      if (outputs === null) {
        await step.apply(around);
        outputs = await step.check(around);
      }
      if (outputs === null) throw new Error(`${id} does not confirm itself`);
      // What is recorded is JSON, and so is what later steps see.
      const recorded = JSON.parse(JSON.stringify(outputs)) as JsonObject;
      bodies.push(...did(id, recorded));
      return { outputs: recorded, progress: around.seen };
    },
    stored: async () => {
      const roots = deps.destinations.map((destination) => join(destination.placeOf(refOf(run())), '../..'));
      const names = await Promise.all(roots.map((root) => readdir(root, { recursive: true }).catch(() => [])));
      return names.flat().sort();
    },
    with: (more) => worldOver(running, home, { ...options, ...more }),
    end: () => Promise.resolve(),
  };
}

async function writePrefix(home: string): Promise<void> {
  await mkdir(join(home, 'prefix', 'ssl'), { recursive: true });
  await writeFile(join(home, 'kong.conf'), `prefix = ${join(home, 'prefix')}\npg_password = verysecret\n`);
  await writeFile(join(home, 'prefix', 'nginx.conf'), 'events {}\n');
  await writeFile(join(home, 'prefix', '.kong_env'), 'pg_password = verysecret\n', { mode: 0o640 });
  await writeFile(join(home, 'prefix', 'ssl', 'kong-default.key'), 'PRIVATE', { mode: 0o600 });
}

/** The Fault that the work must end with. */
export async function faultFrom(work: Promise<unknown>): Promise<Fault> {
  try {
    await work;
  } catch (error) {
    if (error instanceof Fault) return error;
    throw error;
  }
  throw new Error('it was allowed');
}
