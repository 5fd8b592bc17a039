import { appendFileSync, existsSync, readFileSync } from 'node:fs';
import { flushCompileCache } from 'node:module';
import { readConfig } from '../../../src/config/read.ts';
import type { Answer, Delivery, EventStore } from '../../../src/engine/ports.ts';
import type { AppendRequest } from '../../../src/runs/log.ts';
import { start } from '../../../src/main.ts';
import type { Caller } from '../../../src/runs/person.ts';
import { createLog } from '../../../src/operations/log.ts';
import { isRecovery, pointsOf } from './point.ts';

/** What people ask of the bot. The `key` of a delivery makes one run, however often it arrives. */
export type Order =
  | { readonly do: 'backup' | 'drill' | 'restore' | 'declarative'; readonly person: string; readonly key: string }
  | { readonly do: 'vote'; readonly person: string; readonly gate: string }
  | { readonly do: 'rollback' | 'unlock'; readonly person: string; readonly runId: string }
  | { readonly do: 'stop' };

/** It dies at each point of the story, once. Written down in `deaths` before. */
export interface Doom {
  readonly deaths: string;
  /** A regular expression: only points that it matches. */
  readonly only?: string;
}

const GATEWAY = 'production';
const doom = JSON.parse(process.env['CRASH_DOOM'] ?? 'null') as Doom | null;

// A whole bot in a process of its own that kills itself right after the appends that it is told.
const wrapStore = (store: EventStore): EventStore => ({
  ...store,
  append: async (request) => {
    const result = await store.append(request);
    if (result.appended && doom !== null) await dieHere(store, request, doom);
    return result;
  },
});

async function dieHere(store: EventStore, request: AppendRequest, doom: Doom): Promise<void> {
  const { deaths, only = '' } = doom;
  const events = await store.load(request.runId);
  const first = request.expectedVersion;
  const points = pointsOf(request.index.kind, events);
  const before = new Set([...points.slice(0, first), ...deathsIn(deaths)]);
  const deadly = points
    .slice(first, first + request.events.length)
    .filter((point) => new RegExp(only).test(point) && !before.has(point) && !isRecovery(point));
  if (deadly.length === 0) return;
  appendFileSync(deaths, deadly.map((point) => `${point}\n`).join(''));
  process.kill(process.pid, 'SIGKILL');
}

function deathsIn(file: string): readonly string[] {
  return existsSync(file) ? readFileSync(file, 'utf8').split('\n') : [];
}

const read = readConfig({ env: process.env });
if (!read.ok) throw new Error(JSON.stringify(read.faults));
const running = await start(
  read.config,
  { bot: true, queues: ['backup', 'restore', 'publish'], drain: false },
  createLog({ level: read.config.environment.LOG_LEVEL, destination: process.stderr }),
  { wrapStore, operationsPort: 0, publishTimes: { lookAfterMs: 300, lookGapMs: 50 } },
);

process.on('message', (order: Order) => {
  void obey(order);
});
process.on('disconnect', () => process.exit(0));
// Whoever is killed keeps nothing for its successor.
flushCompileCache();
process.send?.('up');

async function obey(order: Order): Promise<void> {
  if (order.do === 'stop') {
    await running.stop();
    process.disconnect();
    return;
  }
  const answer = await ask(order);
  if (!answer.ok) process.stderr.write(`${order.do} was refused: ${answer.refusal.message}\n`);
}

async function ask(order: Exclude<Order, { do: 'stop' }>): Promise<Answer> {
  const by = { person: order.person, via: 'slack' } as const;
  const { operations } = running;
  switch (order.do) {
    case 'backup':
      return await operations.requestBackup({ gateway: GATEWAY, delivery: order }, by);
    case 'drill':
      return await operations.requestDrill({ gateway: GATEWAY, set: 'latest', delivery: order }, by);
    case 'restore':
      return await restoreBy('database', order, by);
    case 'declarative':
      return await restoreBy('declarative', order, by);
    case 'vote':
      return await operations.vote({ gate: order.gate, choice: 'go' }, by);
    case 'rollback':
      return await operations.rollback(order.runId, undefined, by);
    default:
      return await operations.unlock(GATEWAY, 'the story is over', by);
  }
}

async function restoreBy(strategy: 'database' | 'declarative', delivery: Delivery, by: Caller): Promise<Answer> {
  return await running.operations.requestRestore({ gateway: GATEWAY, set: 'latest', strategy, delivery }, by);
}
