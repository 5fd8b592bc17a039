import { createServer, type Server } from 'node:http';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { freePort } from '../src/sandbox/with-parent.ts';
import { acceptSocket } from '../src/sandbox/slack/strict/websocket.ts';
import { TEAM, writeBotConfig } from './bot-config.ts';
import { startBotProcess } from './bot-process.ts';
import { atMost, round, type Findings } from './facts.ts';
import { openStore } from './store.ts';

const IDLE_MS = 20_000;

/** Resident memory of `kong-chatops start`: all queues, Socket Mode, PostgreSQL, idle for 20 s. First and second start. */
export async function benchMemory(): Promise<Findings> {
  const folder = await mkdtemp(join(tmpdir(), 'kong-chatops-bench-'));
  const store = await openStore();
  const slack = await startSocketSlack();
  try {
    const operationsPort = await freePort();
    const env = await writeBotConfig({
      folder,
      databaseUrl: store.botUrl,
      slackApiUrl: slack.apiUrl,
      mode: 'socket',
      slackPort: 0,
      operationsPort,
      gateways: [{ name: 'production', environment: 'production', admin_api: { url: 'http://127.0.0.1:1' } }],
    });
    // The folder is fresh, so the first start finds nothing that an earlier one has left.
    const first = await idleMemory(env, operationsPort);
    const second = await idleMemory(env, operationsPort);
    return {
      facts: { first, second },
      checks: [
        atMost('idle bot, resident, first start', first.residentMb, 150, 'MB'),
        atMost('idle bot, resident, later starts', second.residentMb, 150, 'MB'),
      ],
    };
  } finally {
    await slack.stop();
    await store.stop();
    await rm(folder, { recursive: true, force: true });
  }
}

interface Memory {
  /** VmRSS after 20 s idle; the peak is VmHWM. Megabytes of 1,000,000 bytes would flatter less: these are MiB. */
  readonly residentMb: number;
  readonly peakMb: number;
  /** Of it, what is mapped from files (the node binary) and could be dropped or shared by the kernel. */
  readonly fileMb: number;
  readonly readySeconds: number;
}

async function idleMemory(env: Readonly<Record<string, string>>, operationsPort: number): Promise<Memory> {
  const bot = await startBotProcess([], env, operationsPort);
  try {
    await pause(IDLE_MS);
    const status = await readFile(`/proc/${bot.pid}/status`, 'utf8');
    return {
      residentMb: megabytes(status, 'VmRSS'),
      peakMb: megabytes(status, 'VmHWM'),
      fileMb: megabytes(status, 'RssFile'),
      readySeconds: round(bot.readySeconds),
    };
  } finally {
    await bot.stop();
  }
}

function megabytes(status: string, name: string): number {
  const kilobytes = new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(status)?.[1];
  if (kilobytes === undefined) throw new Error(`/proc says nothing of ${name}: this benchmark needs Linux`);
  return Math.round(Number(kilobytes) / 1024);
}

/** A Slack that opens a socket and says hello: all that an idle bot hears. */
async function startSocketSlack(): Promise<{ readonly apiUrl: string; stop(): Promise<void> }> {
  const server = createServer((request, response) => {
    const { port } = server.address() as AddressInfo;
    const method = (request.url ?? '').replace('/api/', '');
    request.resume();
    response.writeHead(200, { 'content-type': 'application/json' });
    response.end(JSON.stringify({ ok: true, ...answerOf(method, port) }));
  });
  server.on('upgrade', (request, stream) => {
    acceptSocket(request, stream, { onText: () => undefined, onClose: () => undefined }).send(
      JSON.stringify({ type: 'hello', num_connections: 1, connection_info: { app_id: 'A0BENCH' } }),
    );
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return { apiUrl: `http://127.0.0.1:${(server.address() as AddressInfo).port}/api/`, stop: () => stopped(server) };
}

function answerOf(method: string, port: number): object {
  if (method === 'apps.connections.open') return { url: `ws://127.0.0.1:${port}/socket` };
  return { bot_id: 'B0BOT', user_id: 'U0BOT', team_id: TEAM, url: 'http://slack.test/' };
}

async function stopped(server: Server): Promise<void> {
  const closed = once(server, 'close');
  server.close();
  server.closeAllConnections();
  await closed;
}
