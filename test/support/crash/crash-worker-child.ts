import { readConfig } from '../../../src/config/read.ts';
import type { EventStore } from '../../../src/engine/ports.ts';
import { start } from '../../../src/main.ts';
import { createLog } from '../../../src/operations/log.ts';

/** Die by SIGKILL right after so many more appends (0: live), or stop. */
export type WorkerOrder = { readonly dieAfter: number } | 'stop';

// A worker in a process of its own that can be told when to die.
let left = 0;
const wrapStore = (store: EventStore): EventStore => ({
  ...store,
  append: async (request) => {
    const result = await store.append(request);
    if (result.appended && left > 0) {
      left -= 1;
      if (left === 0) process.kill(process.pid, 'SIGKILL');
    }
    return result;
  },
});

const read = readConfig({ env: process.env });
if (!read.ok) throw new Error(JSON.stringify(read.faults));
const running = await start(
  read.config,
  { bot: false, queues: ['backup', 'restore'], drain: false },
  createLog({ level: 'error', destination: process.stderr }),
  { wrapStore, operationsPort: 0 },
);

process.on('message', (order: WorkerOrder) => {
  if (order !== 'stop') {
    left = order.dieAfter;
    process.send?.('armed');
    return;
  }
  void running.stop().then(() => process.disconnect());
});
process.on('disconnect', () => process.exit(0));
process.send?.('up');
