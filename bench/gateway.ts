import { execFile } from 'node:child_process';
import { generateKeyPairSync } from 'node:crypto';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
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
import { localRunner } from '../src/run-command/local.ts';
import type { EventBody } from '../src/runs/event.ts';
import { fold } from '../src/runs/evolve.ts';
import { digestOf } from '../src/runs/json.ts';
import type { JsonObject } from '../src/runs/json.ts';
import type { Plan, RunKind } from '../src/runs/plan.ts';
import type { Run } from '../src/runs/run.ts';
import type { StepDeps } from '../src/steps/deps.ts';

const run = promisify(execFile);

/** A new, empty database `kong` on the server. */
export async function freshDatabase(serverUrl: string, name = 'kong'): Promise<string> {
  const client = new Client({ connectionString: serverUrl });
  await client.connect();
  await client.query(`DROP DATABASE IF EXISTS "${name}" WITH (FORCE)`);
  await client.query(`CREATE DATABASE "${name}" TEMPLATE template0`);
  await client.end();
  const url = new URL(serverUrl);
  url.pathname = `/${name}`;
  return url.href;
}

/** Where PostgreSQL's programs find the server. */
export function placeOf(url: string): Readonly<Record<string, string>> {
  const { hostname, port, username, password } = new URL(url);
  const path = process.env['PATH'] ?? '';
  return { PATH: path, PGHOST: hostname, PGPORT: port, PGUSER: username, PGPASSWORD: password };
}

/** One run, told by its events as they come. */
export class Story {
  readonly #bodies: EventBody[];
  readonly #id: string;

  constructor(kind: RunKind, id: string, plan: Plan) {
    this.#id = id;
    this.#bodies = [requested(kind, plan)];
  }

  run(): Run {
    const at = new Date(Date.UTC(2026, 10, 21)).toISOString();
    const actor = { kind: 'bot', host: 'bench', pid: process.pid } as const;
    const told = fold(this.#bodies.map((body, index) => ({ ...body, runId: this.#id, version: index + 1, at, actor })));
    if (told === null) throw new Error('no run');
    return told;
  }

  /** Look, act, look again, as the engine does; answers the seconds that it took. */
  async perform(id: string, step: Step | undefined, home: string): Promise<number> {
    const from = performance.now();
    const outputs = await perform(id, step, this.run(), home);
    const seconds = (performance.now() - from) / 1000;
    this.#bodies.push({ type: 'step.started', data: { step: id, attempt: 1 } });
    this.#bodies.push({ type: 'step.succeeded', data: { step: id, attempt: 1, outputs } });
    return seconds;
  }
}

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

function requested(kind: RunKind, plan: Plan): EventBody {
  const data = { plan, planDigest: digestOf(plan), requestedBy: 'T01BENCH/U01BENCH', channel: null, configDigest: '' };
  return { type: 'run.requested', data: { kind, eligible: [], ...data } };
}

/** A gateway over that database and that Admin API, its sets in a folder, encrypted for one recipient. */
export async function depsOf(
  databaseUrl: string,
  admin: { readonly url: string; readonly proxyUrl: string },
  home: string,
  encryption: Encryption,
): Promise<StepDeps> {
  const { hostname, port, username, password } = new URL(databaseUrl);
  await mkdir(join(home, 'prefix'), { recursive: true });
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
        admin_api: { url: admin.url },
        database: {
          host: hostname,
          port: Number(port),
          name: 'kong',
          user: username,
          password: { env: 'PG_PASSWORD' },
        },
        files: { kong_conf: join(home, 'kong.conf'), prefix: join(home, 'prefix') },
        channel: 'C01BENCH',
        nodes: [{ name: 'kong-1', proxy_url: admin.proxyUrl }],
        restore: { proof_seconds: 60 },
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
    encryption,
  };
}

/** A worker that encrypts and cannot decrypt, as most are, and one that can: for the same recipient. */
export async function newEncryption(): Promise<{ readonly closing: Encryption; readonly opening: Encryption }> {
  const key = await generateX25519Identity();
  const recipients = [await identityToRecipient(key)];
  const made = (encryption: object): Encryption =>
    encryptionOf({ encryption: { recipients, ...encryption }, secret: () => key }, localRunner());
  return { closing: made({}), opening: made({ identity: { env: 'AGE_IDENTITY' } }) };
}

/** Size of a folder. */
export async function megabytes(folder: string): Promise<number> {
  const { stdout } = await run('du', ['-sb', folder]);
  return Math.round(Number.parseInt(stdout, 10) / 1e6);
}

/** What disturbs a run only slows it down: the fastest one says most. */
export function fastest(values: readonly number[]): number {
  return Math.min(...values);
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}

export function round3(value: number): number {
  return Math.round(value * 1000) / 1000;
}
