import { generateKeyPairSync } from 'node:crypto';
import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import type { RunEvent } from '../../../src/runs/event.ts';
import type { Run } from '../../../src/runs/run.ts';
import { createEventStore } from '../../../src/audit/store.ts';
import type { EventStore } from '../../../src/engine/ports.ts';
import { createPool } from '../../../src/postgres/pool.ts';
import { fold } from '../../../src/runs/evolve.ts';
import { isUnsettled } from '../../../src/runs/run-index.ts';
import { writeKongFiles, type KongFiles } from '../../../src/sandbox/kong/prefix.ts';
import { STAGING } from '../../../src/sandbox/kong/seed/gateway.ts';
import { seedKong } from '../../../src/sandbox/kong/seed/seed.ts';
import { startCrashBot, type CrashBot } from './crash-bot.ts';
import { freshDatabase } from '../store/postgres.ts';
import { emptyStandIn, type Running } from '../kong/stand-in-kong.ts';
import { startTinySlack, type TinyMessage, type TinySlack } from '../slack/tiny-slack.ts';

const PATIENCE_MS = 45_000;

/** One gateway, one store, one Slack, one destination, and a bot that is killed and comes back, story after story. */
export interface CrashWorld {
  /**
   * Tells the backup story once: Alice asks, Bob says go, the set is published and verified, every message is final.
   * The bot dies right after the append of this number (0: it lives), and another one takes over.
   */
  tell(crashAfter: number): Promise<Told>;
  end(): Promise<void>;
}

/** How a story ended: the same, whenever its process was killed. */
export interface Told {
  readonly run: Run;
  readonly events: readonly RunEvent[];
  readonly messages: readonly TinyMessage[];
  /** Every path below the destination that is of this run, or of no run that was published. */
  readonly stored: readonly string[];
  /** How often the bot died by SIGKILL. */
  readonly killed: number;
}

interface Parts {
  readonly kong: Running;
  readonly folder: string;
  readonly files: KongFiles;
  readonly slack: TinySlack;
  readonly destination: string;
}

export async function openCrashWorld(redisUrl: string | null): Promise<CrashWorld> {
  const kong = await emptyStandIn('3.9.1', { fill: (url) => seedKong(url, STAGING) });
  const database = await freshDatabase({ migrated: true });
  const slack = await startTinySlack();
  const folder = await mkdtemp(join(tmpdir(), 'kong-chatops-crash-'));
  const files = await writeKongFiles(folder, { database: databaseOf(kong.database.ownerUrl) });
  const destination = join(folder, 'backups');
  const parts = { kong, folder, files, slack, destination };
  const env = await environment(parts, database.botUrl, redisUrl);
  const pool = createPool({ url: database.botUrl, applicationName: 'crash harness', max: 1, onError: () => undefined });
  const store = createEventStore(pool);
  let bot = startCrashBot(env);
  let stories = 0;
  let before: string | null = null;
  return {
    tell: async (crashAfter) => {
      stories += 1;
      const { events, killed, alive } = await drive(bot, env, store, { story: stories, before, crashAfter });
      bot = alive;
      const run = fold(events);
      if (run === null) throw new Error('there is no run');
      before = run.id;
      return {
        run,
        events,
        killed,
        messages: ofRun(slack.messages, run.id),
        stored: await storedOf(destination, run.id),
      };
    },
    end: async () => {
      await bot.stop();
      await pool.end();
      await slack.stop();
      await database.drop();
      await kong.end();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

interface Chapter {
  readonly story: number;
  /** The run of the story before. */
  readonly before: string | null;
  readonly crashAfter: number;
}

async function drive(
  first: CrashBot,
  env: NodeJS.ProcessEnv,
  store: Pick<EventStore, 'load' | 'findRuns'>,
  chapter: Chapter,
) {
  const until = Date.now() + PATIENCE_MS;
  const key = `story-${chapter.story}`;
  let bot = first;
  let killed = 0;
  for (;;) {
    if (killed === 0) bot.send(`arm ${key}`, { do: 'arm', after: chapter.crashAfter });
    const events = await eventsSince(store, chapter.before);
    const run = fold(events);
    if (run !== null && isOver(run) && bot.alive()) return { events, killed, alive: bot };
    if (bot.killed()) {
      killed += 1;
      bot = startCrashBot(env);
    }
    bot.act(run, key);
    if (Date.now() > until) {
      throw new Error(`story ${chapter.story} does not end; last event ${events.at(-1)?.type ?? 'none'}\n${bot.log()}`);
    }
    await pause(20);
  }
}

/** Events of the newest run, unless that is the one of the story before. */
async function eventsSince(store: Pick<EventStore, 'load' | 'findRuns'>, before: string | null): Promise<RunEvent[]> {
  const [newest] = await store.findRuns({ limit: 1 });
  return newest === undefined || newest.id === before ? [] : await store.load(newest.id);
}

function isOver(run: Run): boolean {
  return run.outcome !== undefined && !isUnsettled(run);
}

function ofRun(messages: readonly TinyMessage[], runId: string): readonly TinyMessage[] {
  return messages.filter(({ blocks }) => blocks.some(({ block_id }) => block_id?.startsWith(`${runId}/`) === true));
}

async function storedOf(destination: string, runId: string): Promise<readonly string[]> {
  const paths = await readdir(destination, { recursive: true });
  return paths.filter((path) => path.includes(`-${runId}`)).sort();
}

const key = generateKeyPairSync('ed25519').privateKey.export({ type: 'pkcs8', format: 'pem' }) as string;

async function environment(
  { kong, folder, files, slack, destination }: Parts,
  databaseUrl: string,
  redisUrl: string | null,
): Promise<NodeJS.ProcessEnv> {
  const file = join(folder, 'kong-chatops.yaml');
  const { password, ...where } = databaseOf(kong.database.ownerUrl);
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
        admin_api: { url: kong.kong.url },
        database: { ...where, password: { env: 'KONG_PG_PASSWORD' } },
        files: { kong_conf: files.conf, prefix: files.prefix },
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
  const redis = redisUrl === null ? {} : { REDIS_URL: redisUrl };
  return {
    PATH: process.env['PATH'],
    HOME: folder,
    TMPDIR: folder,
    KONG_CHATOPS_CONFIG: file,
    DATABASE_URL: databaseUrl,
    KONG_PG_PASSWORD: password,
    SIGNING_KEY: key,
    SLACK_BOT_TOKEN: 'xoxb-made-up-for-tests',
    SLACK_SIGNING_SECRET: 'made-up-for-tests',
    SLACK_API_URL: slack.apiUrl,
    LOG_LEVEL: 'warn',
    // A hundred processes load the same modules: only the first has to strip their types.
    NODE_COMPILE_CACHE: join(folder, 'compiled'),
    ...redis,
  };
}

function databaseOf(url: string) {
  const { hostname, port, pathname, username, password } = new URL(url);
  return { host: hostname, port: Number(port), name: pathname.slice(1), user: username, password };
}
