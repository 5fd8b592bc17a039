import { QUEUES } from '../src/runs/plan.ts';
import { readConfig } from '../src/config/read.ts';
import type { EventStore } from '../src/engine/ports.ts';
import { start } from '../src/main.ts';
import { createLog } from '../src/operations/log.ts';
import { postgresBackend, redisBackend } from '../src/queue/backend.ts';
import { startWorkerOn } from '../src/queue/worker.ts';

/** What `click.ts` asks of its bot. */
export type Order =
  | { readonly do: 'request'; readonly gateway: string; readonly person: string; readonly key: string }
  | { readonly do: 'cancel'; readonly runId: string; readonly person: string }
  /** Adds a job to a queue of its own in this process and waits until its worker processes it. */
  | { readonly do: 'add' }
  | { readonly do: 'stop' };

/** Times are of the monotonic clock that all processes of a machine share, in nanoseconds as text. */
export type Report =
  | { readonly is: 'up'; readonly slackPort: number }
  | { readonly is: 'appended'; readonly runId: string; readonly what: string; readonly at: string }
  | { readonly is: 'processed'; readonly added: string; readonly at: string };

// A whole bot, and beside it, in the same process, a bare BullMQ queue with a worker under the same settings.
const now = (): string => String(process.hrtime.bigint());
const tell = (report: Report): void => void process.send?.(report);

const wrapStore = (store: EventStore): EventStore => ({
  ...store,
  append: async (request) => {
    const result = await store.append(request);
    const at = now();
    if (result.appended) {
      for (const event of request.events) {
        const about =
          'step' in event.data ? ` ${String(event.data.step)}` : 'slot' in event.data ? ` ${event.data.slot}` : '';
        tell({ is: 'appended', runId: request.runId, what: `${event.type}${about}`, at });
      }
    }
    return result;
  },
});

const read = readConfig({ env: process.env });
if (!read.ok) throw new Error(JSON.stringify(read.faults));
const log = createLog({ level: read.config.environment.LOG_LEVEL, destination: process.stderr });
const running = await start(read.config, { bot: true, queues: ['backup', 'publish'], drain: false }, log, {
  wrapStore,
  operationsPort: 0,
});
const bare = await bareQueue();

process.on('message', (order: Order) => void obey(order));
process.on('disconnect', () => process.exit(0));
tell({ is: 'up', slackPort: running.slackPort ?? 0 });

async function obey(order: Order): Promise<void> {
  if (order.do === 'add') return await bare.add();
  if (order.do === 'stop') {
    await bare.close();
    await running.stop();
    process.disconnect();
    return;
  }
  const by = { person: order.person, via: 'slack' } as const;
  const answer = await (order.do === 'request'
    ? running.operations.requestBackup({ gateway: order.gateway, delivery: { key: order.key } }, by)
    : running.operations.cancel(order.runId, 'the benchmark is done with it', by));
  if (!answer.ok) log.error({ order, refusal: answer.refusal }, 'the bot refused what the benchmark needs');
}

/** BullMQ's own add-to-process: the same backend, pool size, options of queue and worker as the bot's. */
async function bareQueue() {
  const { DATABASE_URL, REDIS_URL } = process.env;
  const onError = (error: Error): void => log.warn({ err: error }, 'the bare queue had trouble');
  const backend =
    REDIS_URL === undefined
      ? postgresBackend(DATABASE_URL ?? '', QUEUES.length, onError)
      : redisBackend(REDIS_URL, onError);
  const queue = backend.queue('bare', { defaultJobOptions: { removeOnComplete: true, removeOnFail: true } });
  queue.on('error', onError);
  await queue.waitUntilReady();
  let heard: (at: string) => void = () => undefined;
  const worker = await startWorkerOn(backend, {
    queue: 'bare',
    concurrency: 4,
    handler: async () => heard(now()),
    onError,
    stalledMs: 15_000,
  });
  let jobs = 0;
  return {
    add: async () => {
      const added = now();
      heard = (at) => tell({ is: 'processed', added, at });
      jobs += 1;
      await queue.add('bare', { runId: 'B-1', version: jobs }, { jobId: `bare-${jobs}`, delay: 0 });
    },
    close: async () => {
      await worker.close(1000);
      await queue.close();
      await backend.close();
    },
  };
}
