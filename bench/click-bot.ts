import { QUEUES } from '../src/runs/plan.ts';
import { readConfig } from '../src/config/read.ts';
import type { EventStore } from '../src/engine/ports.ts';
import { start } from '../src/main.ts';
import { createLog } from '../src/operations/log.ts';
import { postgresBackend, redisBackend } from '../src/queue/backend.ts';
import { startWorkerOn } from '../src/queue/worker.ts';

/** What `click.ts` asks of its bot and its worker. */
export type Order =
  | { readonly do: 'request'; readonly gateway: string; readonly person: string; readonly key: string }
  | { readonly do: 'cancel'; readonly runId: string; readonly person: string }
  /** Adds a job to a queue that has nothing to do with the bot: the worker's process says when it is processed. */
  | { readonly do: 'add' }
  | { readonly do: 'stop' };

/** Times are of the monotonic clock that all processes of a machine share, in nanoseconds as text. */
export type Report =
  | { readonly is: 'up'; readonly slackPort: number }
  | { readonly is: 'appended'; readonly runId: string; readonly what: string; readonly at: string }
  | { readonly is: 'adding'; readonly at: string }
  | { readonly is: 'processed'; readonly at: string };

// The bot or the worker, as docker-compose.yml splits them, and beside it one end of a bare BullMQ queue.
const isBot = process.env['BENCH_ROLE'] === 'bot';
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
const queues = isBot ? (['publish'] as const) : QUEUES.filter((queue) => queue !== 'publish');
const running = await start(read.config, { bot: isBot, queues, drain: false }, log, {
  wrapStore,
  operationsPort: 0,
  // Slack's limits would keep the bot busy with the cards of earlier samples for many minutes.
  publishTimes: { editWindowMs: 1 },
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
  const handler = async (): Promise<void> => tell({ is: 'processed', at: now() });
  const worker = isBot
    ? null
    : await startWorkerOn(backend, { queue: 'bare', concurrency: 4, handler, onError, stalledMs: 15_000 });
  let jobs = 0;
  return {
    add: async () => {
      jobs += 1;
      tell({ is: 'adding', at: now() });
      await queue.add('bare', { runId: 'B-1', version: jobs }, { jobId: `bare-${jobs}`, delay: 0 });
    },
    close: async () => {
      await worker?.close(1000);
      await queue.close();
      await backend.close();
    },
  };
}
