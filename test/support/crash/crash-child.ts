import { readConfig } from '../../../src/config/read.ts';
import type { EventStore } from '../../../src/engine/ports.ts';
import { start } from '../../../src/main.ts';
import { createLog } from '../../../src/operations/log.ts';

/** What the crash harness asks of its bot. */
export type Order =
  /** Die by SIGKILL right after this many appends to the next run that begins. 0: live. */
  | { readonly do: 'arm'; readonly after: number }
  | { readonly do: 'request'; readonly person: string; readonly gateway: string; readonly key: string }
  | { readonly do: 'vote'; readonly person: string; readonly gate: string }
  | { readonly do: 'stop' };

// A whole bot in a process of its own that can be told when to die.
let deadlyAppend = 0;
let doomedRun: string | null = null;
let appended = 0;
const wrapStore = (store: EventStore): EventStore => ({
  ...store,
  append: async (request) => {
    const result = await store.append(request);
    if (!result.appended) return result;
    if (deadlyAppend > 0 && request.expectedVersion === 0) doomedRun = request.runId;
    if (request.runId === doomedRun) appended += 1;
    if (deadlyAppend > 0 && appended === deadlyAppend) process.kill(process.pid, 'SIGKILL');
    return result;
  },
});

const read = readConfig({ env: process.env });
if (!read.ok) throw new Error(JSON.stringify(read.faults));
const running = await start(
  read.config,
  { bot: true, queues: ['backup', 'publish'], drain: false },
  createLog({ level: read.config.environment.LOG_LEVEL, destination: process.stderr }),
  { wrapStore, operationsPort: 0, publishTimes: { lookAfterMs: 300, lookGapMs: 50 } },
);

process.on('message', (order: Order) => {
  void obey(order);
});
process.on('disconnect', () => process.exit(0));
process.send?.('up');

async function obey(order: Order): Promise<void> {
  if (order.do === 'arm') {
    deadlyAppend = order.after;
    return;
  }
  if (order.do === 'stop') {
    await running.stop();
    process.disconnect();
    return;
  }
  const by = { person: order.person, via: 'slack' } as const;
  await (order.do === 'request'
    ? running.operations.requestBackup({ gateway: order.gateway, delivery: { key: order.key } }, by)
    : running.operations.vote({ gate: order.gate, choice: 'go' }, by));
}
