import { fork, type ChildProcess } from 'node:child_process';
import { generateKeyPairSync } from 'node:crypto';
import { once } from 'node:events';
import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { RunEvent } from '../../src/runs/event.ts';
import type { Run } from '../../src/runs/run.ts';
import type { Order } from './crash-child.ts';
import { createEventStore } from '../../src/audit/store.ts';
import { createPool } from '../../src/postgres/pool.ts';
import { fold } from '../../src/runs/evolve.ts';
import { openGate } from '../../src/runs/gate.ts';
import { isUnsettled } from '../../src/runs/run-index.ts';
import { writeKongFiles, type KongFiles } from '../../src/sandbox/kong/prefix.ts';
import { STAGING } from '../../src/sandbox/kong/seed/gateway.ts';
import { seedKong } from '../../src/sandbox/kong/seed/seed.ts';
import { freshDatabase } from './postgres.ts';
import { emptyStandIn, type Running } from './stand-in-kong.ts';
import { ALICE, BOB } from './story.ts';
import { startTinySlack, type TinyMessage } from './tiny-slack.ts';

const CHILD = fileURLToPath(new URL('crash-child.ts', import.meta.url));
const PATIENCE_MS = 45_000;

/** A gateway that many stories back up. */
export interface CrashWorld {
  readonly kong: Running;
  readonly folder: string;
  readonly files: KongFiles;
  readonly redisUrl: string | null;
  end(): Promise<void>;
}

/** How a story ended: the same, whenever its process was killed. */
export interface Told {
  readonly run: Run;
  readonly events: readonly RunEvent[];
  readonly messages: readonly TinyMessage[];
  /** Every path below the destination, sorted. */
  readonly stored: readonly string[];
  /** How often a process died by SIGKILL. */
  readonly killed: number;
}

export async function openCrashWorld(redisUrl: string | null): Promise<CrashWorld> {
  const kong = await emptyStandIn('3.9.1', { fill: (url) => seedKong(url, STAGING) });
  const folder = await mkdtemp(join(tmpdir(), 'kong-chatops-crash-'));
  const database = databaseOf(kong.database.ownerUrl);
  const files = await writeKongFiles(folder, { database });
  return {
    kong,
    folder,
    files,
    redisUrl,
    end: async () => {
      await kong.end();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** Tells the backup story once: Alice asks, Bob says go, the set is published and verified, every message is final. */
export async function tellStory(world: CrashWorld, crashAfter: number): Promise<Told> {
  const database = await freshDatabase({ migrated: true });
  const slack = await startTinySlack();
  const destination = await mkdtemp(join(world.folder, 'backups-'));
  const env = await environment(world, destination, database.botUrl, slack.apiUrl);
  const pool = createPool({ url: database.botUrl, applicationName: 'crash harness', max: 1, onError: () => undefined });
  const store = createEventStore(pool);
  try {
    const { events, killed } = await drive(env, crashAfter, () => store.load('B-1'));
    const run = fold(events);
    if (run === null) throw new Error('there is no run');
    const stored = (await readdir(destination, { recursive: true })).sort();
    return { run, events, messages: slack.messages, stored, killed };
  } finally {
    await pool.end();
    await slack.stop();
    await database.drop();
    await rm(destination, { recursive: true, force: true });
  }
}

async function drive(env: NodeJS.ProcessEnv, crashAfter: number, load: () => Promise<RunEvent[]>) {
  const until = Date.now() + PATIENCE_MS;
  let bot = startBot(env, crashAfter);
  let killed = 0;
  try {
    for (;;) {
      const events = await load();
      const run = fold(events);
      if (run !== null && run.outcome !== undefined && !isUnsettled(run) && bot.alive()) {
        await bot.stop();
        // The last append may have been the deadly one: what is settled stays settled.
        return { events: await load(), killed };
      }
      if (bot.killed()) {
        killed += 1;
        bot = startBot(env, 0);
      }
      bot.act(run);
      if (Date.now() > until)
        throw new Error(`the story does not end; last event ${events.at(-1)?.type ?? 'none'}\n${bot.log()}`);
      await pause(20);
    }
  } finally {
    bot.kill();
  }
}

/** A bot in a process of its own, and what was already asked of it. */
function startBot(env: NodeJS.ProcessEnv, crashAfter: number) {
  const child = fork(CHILD, {
    env: { ...env, CRASH_AFTER: String(crashAfter) },
    execArgv: [],
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
  });
  const said: string[] = [];
  child.stderr?.on('data', (chunk: Buffer) => said.push(chunk.toString('utf8')));
  let up = false;
  child.on('message', () => {
    up = true;
  });
  const asked = new Set<string>();
  const order = (key: string, what: Order): void => {
    if (!up || asked.has(key) || !child.connected) return;
    asked.add(key);
    child.send(what, () => undefined);
  };
  return {
    alive: () => up && child.exitCode === null && child.signalCode === null,
    killed: () => {
      if (child.exitCode !== null && child.exitCode !== 0)
        throw new Error(`the bot ended by itself:\n${said.join('')}`);
      return child.signalCode === 'SIGKILL';
    },
    act: (run: Run | null) => {
      if (run === null) return order('request', { do: 'request', person: ALICE, gateway: 'production' });
      const gate = openGate(run);
      // As a person would: only who was told of a gate can decide it.
      const told = gate !== undefined && run.messages[`needs-you:${gate.gate}`]?.status === 'posted';
      if (gate !== undefined && told) order(gate.gate, { do: 'vote', person: BOB, gate: gate.gate });
    },
    log: () => said.join('').slice(-4000),
    stop: () => stopped(child, order),
    kill: () => void child.kill('SIGKILL'),
  };
}

async function stopped(child: ChildProcess, order: (key: string, what: Order) => void): Promise<void> {
  const exited = once(child, 'exit');
  order('stop', { do: 'stop' });
  await exited;
}

const key = generateKeyPairSync('ed25519').privateKey.export({ type: 'pkcs8', format: 'pem' }) as string;
let stories = 0;

async function environment(
  world: CrashWorld,
  destination: string,
  databaseUrl: string,
  slackApiUrl: string,
): Promise<NodeJS.ProcessEnv> {
  const { password, ...where } = databaseOf(world.kong.database.ownerUrl);
  const file = join(destination, '..', `config-${(stories += 1)}.yaml`);
  const config = {
    slack: { team: 'T01LOCAL', mode: 'http', port: 0 },
    people: [
      { id: 'U01ALICE', name: 'Alice' },
      { id: 'U02BOB', name: 'Bob' },
    ],
    groups: [
      { name: 'operators', roles: ['operator'], members: ['U01ALICE'] },
      { name: 'approvers', roles: ['approver'], members: ['U02BOB'] },
    ],
    destinations: [{ name: 'main', kind: 'local', path: destination }],
    gateways: [
      {
        name: 'production',
        environment: 'production',
        admin_api: { url: world.kong.kong.url },
        database: { ...where, password: { env: 'KONG_PG_PASSWORD' } },
        files: { kong_conf: world.files.conf, prefix: world.files.prefix },
        channel: 'C02OPS',
        approvals: { backup: { groups: [{ group: 'approvers', minimum: 1 }] } },
        destinations: ['main'],
      },
    ],
    signing: { private_key: { env: 'SIGNING_KEY' } },
    limits: { sweep_seconds: 0.2, heartbeat_seconds: 0.5, retry_seconds: 0, edit_seconds: 0.05, shutdown_seconds: 12 },
  };
  await mkdir(destination, { recursive: true });
  await writeFile(file, JSON.stringify(config));
  const redis = world.redisUrl === null ? {} : { REDIS_URL: world.redisUrl };
  return {
    PATH: process.env['PATH'],
    HOME: world.folder,
    TMPDIR: world.folder,
    KONG_CHATOPS_CONFIG: file,
    DATABASE_URL: databaseUrl,
    KONG_PG_PASSWORD: password,
    SIGNING_KEY: key,
    SLACK_BOT_TOKEN: 'xoxb-made-up-for-tests',
    SLACK_SIGNING_SECRET: 'made-up-for-tests',
    SLACK_API_URL: slackApiUrl,
    LOG_LEVEL: 'warn',
    ...redis,
  };
}

function databaseOf(url: string) {
  const { hostname, port, pathname, username, password } = new URL(url);
  return { host: hostname, port: Number(port), name: pathname.slice(1), user: username, password };
}
