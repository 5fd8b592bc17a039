import { execFile } from 'node:child_process';
import { generateKeyPairSync } from 'node:crypto';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { promisify } from 'node:util';
import { generateX25519Identity, identityToRecipient } from 'age-encryption';
import { Client } from 'pg';
import { encryptionOf } from '../src/backup/encryption/encryption.ts';
import type { Encryption } from '../src/backup/encryption/encryption.ts';
import { LocalDestination } from '../src/backup/storage/local.ts';
import { configSchema } from '../src/config/schema.ts';
import type { Step, StepContext } from '../src/engine/ports.ts';
import { findPostgresTools } from '../src/kong/dump/tools.ts';
import { localRunner } from '../src/run-command/local.ts';
import { backupPlan } from '../src/runbooks/backup.ts';
import type { ArtifactKind } from '../src/runbooks/backup.ts';
import type { EventBody } from '../src/runs/event.ts';
import { fold } from '../src/runs/evolve.ts';
import { digestOf } from '../src/runs/json.ts';
import type { JsonObject } from '../src/runs/json.ts';
import type { Run } from '../src/runs/run.ts';
import { startEmbeddedPostgres } from '../src/sandbox/embedded-postgres.ts';
import { startStandInKong } from '../src/sandbox/kong/stand-in.ts';
import type { StandInKong } from '../src/sandbox/kong/stand-in.ts';
import type { StepDeps } from '../src/steps/deps.ts';
import { refOf } from '../src/steps/deps.ts';
import { backupSteps } from '../src/steps/steps.ts';
import { fillKongDatabase } from './kong-shaped-database.ts';

export interface BackupFacts {
  readonly databaseMb: number;
  /** Medians of `rounds`, alternating on the same data. */
  readonly rounds: number;
  /** The guide's `pg_dump -F d`. */
  readonly bareSeconds: number;
  /** preflight, dump-database, save-files, publish-set, verify-set. */
  readonly runSeconds: number;
  /** runSeconds / bareSeconds: at most 0.6 encrypted, aimed at 0.45. */
  readonly ratio: number;
  readonly stepSeconds: Readonly<Record<string, number>>;
  readonly bareMb: number;
  readonly setMb: number;
}

/** 120,000 consumers with their credentials are about 300 MB of database. */
const CONSUMERS = 117_000;
const ROUNDS = 5;
const KINDS: readonly ArtifactKind[] = ['database', 'files'];
const STEPS = ['preflight', 'dump-database', 'save-files', 'publish-set', 'verify-set'];
const run = promisify(execFile);

/**
 * Times whole backup runs of a 300 MB Kong-shaped database against the guide's bare pg_dump, in turns. Taken by a worker
 * that encrypts and, as most will, holds no identity: it reads back every stored byte.
 */
export async function benchBackup(rounds = ROUNDS, encrypted = true): Promise<BackupFacts> {
  const server = await startEmbeddedPostgres({ settings: { shared_buffers: '256MB', max_wal_size: '4GB' } });
  const home = await mkdtemp(join(tmpdir(), 'kong-chatops-bench-'));
  let kong: StandInKong | null = null;
  try {
    const url = await freshDatabase(server.url);
    const { bytes } = await fillKongDatabase(url, CONSUMERS);
    kong = await startStandInKong({ databaseUrl: url });
    const deps = await depsOf(url, kong.url, home, encrypted);
    const pgDump = (await findPostgresTools(deps.runner, 15)).pgDump.program;
    await wholeRun(deps, home, 0); // warm: file cache, compiled code, remembered tools
    const bare: { seconds: number; mb: number }[] = [];
    const runs: { seconds: number; steps: Record<string, number>; mb: number }[] = [];
    for (let round = 1; round <= rounds; round += 1) {
      bare.push(await bareDump(pgDump, url, home));
      runs.push(await wholeRun(deps, home, round));
    }
    const bareSeconds = median(bare.map(({ seconds }) => seconds));
    const runSeconds = median(runs.map(({ seconds }) => seconds));
    return {
      databaseMb: Math.round(bytes / 1e6),
      rounds,
      bareSeconds: round3(bareSeconds),
      runSeconds: round3(runSeconds),
      ratio: round3(runSeconds / bareSeconds),
      stepSeconds: Object.fromEntries(STEPS.map((id) => [id, round3(median(runs.map(({ steps }) => steps[id] ?? 0)))])),
      bareMb: median(bare.map(({ mb }) => mb)),
      setMb: median(runs.map(({ mb }) => mb)),
    };
  } finally {
    await kong?.stop();
    await server.stop();
    await rm(home, { recursive: true, force: true });
  }
}

async function freshDatabase(serverUrl: string): Promise<string> {
  const client = new Client({ connectionString: serverUrl });
  await client.connect();
  await client.query('CREATE DATABASE kong TEMPLATE template0');
  await client.end();
  const url = new URL(serverUrl);
  url.pathname = '/kong';
  return url.href;
}

/** As the guide says it: one job, gzip inside. */
async function bareDump(pgDump: string, url: string, home: string): Promise<{ seconds: number; mb: number }> {
  const folder = join(home, 'bare');
  const { hostname, port, username, password } = new URL(url);
  const env = { PATH: process.env['PATH'], PGHOST: hostname, PGPORT: port, PGUSER: username, PGPASSWORD: password };
  const began = performance.now();
  await run(pgDump, ['-F', 'd', '-f', folder, '-d', 'kong'], { env });
  const seconds = (performance.now() - began) / 1000;
  const mb = await megabytes(folder);
  await rm(folder, { recursive: true });
  return { seconds, mb };
}

async function wholeRun(
  deps: StepDeps,
  home: string,
  number: number,
): Promise<{ seconds: number; steps: Record<string, number>; mb: number }> {
  const steps = backupSteps(deps);
  const bodies: EventBody[] = [requested(deps)];
  const seconds: Record<string, number> = {};
  const began = performance.now();
  for (const id of STEPS) {
    const from = performance.now();
    const outputs = await perform(id, steps[id], runOf(bodies, number), home);
    bodies.push({ type: 'step.started', data: { step: id, attempt: 1 } });
    bodies.push({ type: 'step.succeeded', data: { step: id, attempt: 1, outputs } });
    seconds[id] = (performance.now() - from) / 1000;
  }
  const total = (performance.now() - began) / 1000;
  const ref = refOf(runOf(bodies, number));
  const set = deps.destinations[0]?.placeOf(ref) ?? '';
  const mb = await megabytes(set);
  await rm(set, { recursive: true });
  return { seconds: total, steps: seconds, mb };
}

/** Look, act, look again, as the engine does. */
async function perform(id: string, step: Step | undefined, run: Run, home: string): Promise<JsonObject> {
  if (step === undefined) throw new Error(`no step ${id}`);
  const workDir = await mkdtemp(join(home, `${id}-`));
  const context: StepContext = {
    run,
    step: id,
    attempt: 1,
    signal: new AbortController().signal,
    workDir,
    applicationName: `kong-chatops ${run.id}/${id}/1`,
    progress: () => undefined,
  };
  const already = await step.check(context);
  if (already === null) await step.apply(context);
  const outputs = already ?? (await step.check(context));
  await rm(workDir, { recursive: true, force: true });
  if (outputs === null) throw new Error(`${id} did not confirm itself`);
  return JSON.parse(JSON.stringify(outputs)) as JsonObject;
}

function requested({ destinations }: StepDeps): EventBody {
  const plan = backupPlan({
    gateway: 'bench',
    environment: 'development',
    kinds: KINDS,
    workspaces: 'all',
    destinations: destinations.map(({ name }) => name),
    policy: null,
    attempts: 1,
    deadlineSeconds: 600,
  });
  const data = { plan, planDigest: digestOf(plan), requestedBy: 'T01BENCH/U01BENCH', channel: null, configDigest: '' };
  return { type: 'run.requested', data: { kind: 'backup', eligible: [], ...data } };
}

function runOf(bodies: readonly EventBody[], number: number): Run {
  const at = new Date(Date.UTC(2026, 10, 21)).toISOString();
  const actor = { kind: 'bot', host: 'bench', pid: process.pid } as const;
  const run = fold(bodies.map((body, index) => ({ ...body, runId: `B-${number}`, version: index + 1, at, actor })));
  if (run === null) throw new Error('no run');
  return run;
}

async function depsOf(databaseUrl: string, adminUrl: string, home: string, encrypted: boolean): Promise<StepDeps> {
  const { hostname, port, username, password } = new URL(databaseUrl);
  await mkdir(join(home, 'prefix'));
  await writeFile(join(home, 'kong.conf'), 'database = postgres\n');
  await writeFile(join(home, 'prefix', 'nginx.conf'), 'events {}\n');
  const config = configSchema.parse({
    slack: { team: 'T01BENCH' },
    people: [{ id: 'U01BENCH', name: 'Bench' }],
    groups: [{ name: 'operators', roles: ['operator'] }],
    destinations: [{ name: 'main', kind: 'local', path: join(home, 'sets') }],
    signing: { private_key: { env: 'SIGNING_KEY' } },
    gateways: [
      {
        name: 'bench',
        environment: 'development',
        admin_api: { url: adminUrl },
        database: {
          host: hostname,
          port: Number(port),
          name: 'kong',
          user: username,
          password: { env: 'PG_PASSWORD' },
        },
        files: { kong_conf: join(home, 'kong.conf'), prefix: join(home, 'prefix') },
        channel: 'C01BENCH',
        destinations: ['main'],
      },
    ],
  });
  const [gateway] = config.gateways;
  if (gateway === undefined) throw new Error('no gateway');
  const pem = generateKeyPairSync('ed25519').privateKey.export({ type: 'pkcs8', format: 'pem' }) as string;
  return {
    gateway,
    limits: config.limits,
    secret: () => password,
    signingKey: () => pem,
    runner: localRunner(),
    worker: localRunner(),
    destinations: [new LocalDestination('main', join(home, 'sets'))],
    clock: () => new Date(),
    ...(encrypted ? { encryption: await newEncryption() } : {}),
  };
}

async function newEncryption(): Promise<Encryption> {
  const identity = await generateX25519Identity();
  const recipients = [await identityToRecipient(identity)];
  const config = { encryption: { recipients }, secret: () => identity };
  return encryptionOf(config, localRunner());
}

async function megabytes(folder: string): Promise<number> {
  const { stdout } = await run('du', ['-sb', folder]);
  return Math.round(Number.parseInt(stdout, 10) / 1e6);
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}

function round3(value: number): number {
  return Math.round(value * 1000) / 1000;
}
