import { readConfig } from '../../src/config/read.ts';
import type { EventStore } from '../../src/engine/ports.ts';
import { start } from '../../src/main.ts';
import { createLog } from '../../src/operations/log.ts';

/** What the crash harness asks of its bot. */
export type Order =
  | { readonly do: 'request'; readonly person: string; readonly gateway: string }
  | { readonly do: 'vote'; readonly person: string; readonly gate: string }
  | { readonly do: 'stop' };

// A whole bot in a process of its own, which dies by SIGKILL right after its CRASH_AFTER-th append, if that is set.
const crashAfter = Number(process.env['CRASH_AFTER'] ?? '0');
let appended = 0;
const wrapStore = (store: EventStore): EventStore => ({
  ...store,
  append: async (request) => {
    const result = await store.append(request);
    if (result.appended) {
      appended += 1;
      if (appended === crashAfter) process.kill(process.pid, 'SIGKILL');
    }
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
process.send?.({ up: true });

async function obey(order: Order): Promise<void> {
  if (order.do === 'stop') {
    await running.stop();
    process.disconnect();
    return;
  }
  const by = { person: order.person, via: 'slack' } as const;
  await (order.do === 'request'
    ? running.operations.requestBackup({ gateway: order.gateway, delivery: { key: 'trigger-1' } }, by)
    : running.operations.vote({ gate: order.gate, choice: 'go' }, by));
}
