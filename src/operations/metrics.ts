import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client';
import { watchGauges, type AlarmMetric, type ScheduleMetric } from './watch-metrics.ts';
import { withinTime } from './within-time.ts';

/** Facts that are asked for at each scrape: a gauge that somebody has to remember to set goes stale. */
export interface MetricSources {
  /** Jobs that wait, by queue. */
  readonly queueDepths?: () => Promise<Readonly<Record<string, number>>>;
  readonly activeRuns?: () => Promise<number>;
  /** Every gateway, with the time of its last verified backup; null when there is none. */
  readonly lastVerified?: () => Promise<readonly { readonly gateway: string; readonly at: Date | null }[]>;
  readonly schedules?: () => Promise<readonly ScheduleMetric[]>;
  /** Those that are on. */
  readonly alarms?: () => Promise<readonly AlarmMetric[]>;
}

/** What the process counts, and how it is read. Each process has its own registry: tests run several at once. */
export interface Metrics {
  stepEnded(step: string, outcome: string, seconds: number): void;
  /** One append to the log; `result` is `appended`, or why not (`conflict`, `exclusive`, `duplicate`). */
  appendTried(result: string): void;
  /** Slack answered 429 to this method. */
  slackRateLimited(method: string): void;
  refused(code: string): void;
  readonly contentType: string;
  /** Prometheus text. A source that fails or stays silent for 3 s is left out and counted as down. */
  text(): Promise<string>;
}

export interface MetricsOptions {
  readonly version: string;
  readonly sources: MetricSources;
  readonly clock?: () => Date;
}

/** Seconds: from a preflight of a second to a dump of two hours. */
const STEP_BUCKETS = [0.1, 0.5, 1, 5, 15, 60, 300, 900, 1800, 3600, 7200];
const SOURCE_MS = 3_000;

export function createMetrics({ version, sources, clock = () => new Date() }: MetricsOptions): Metrics {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  const counters = registerCounters(registry);
  const refresh = registerSources(registry, sources, clock);
  gauge(registry, 'kong_chatops_info', 'Version of the running program.', ['version']).set({ version }, 1);
  return {
    stepEnded: (step, outcome, seconds) => counters.steps.observe({ step, outcome }, seconds),
    appendTried: (result) => counters.appends.inc({ result }),
    slackRateLimited: (method) => counters.rateLimited.inc({ method }),
    refused: (code) => counters.refusals.inc({ code }),
    contentType: registry.contentType,
    text: async () => {
      await refresh();
      return await registry.metrics();
    },
  };
}

function registerCounters(registry: Registry) {
  const registers = [registry];
  return {
    steps: new Histogram({
      name: 'kong_chatops_step_seconds',
      help: 'How long attempts of steps took, by step and outcome.',
      labelNames: ['step', 'outcome'],
      buckets: STEP_BUCKETS,
      registers,
    }),
    appends: new Counter({
      name: 'kong_chatops_appends_total',
      help: 'Appends to the audit trail, by result.',
      labelNames: ['result'],
      registers,
    }),
    rateLimited: new Counter({
      name: 'kong_chatops_slack_rate_limited_total',
      help: 'Answers 429 of Slack, by method.',
      labelNames: ['method'],
      registers,
    }),
    refusals: new Counter({
      name: 'kong_chatops_refusals_total',
      help: 'Commands that were refused, by code.',
      labelNames: ['code'],
      registers,
    }),
  };
}

/** Gauges that are filled from their sources just before they are read. */
function registerSources(registry: Registry, sources: MetricSources, clock: () => Date): () => Promise<void> {
  const up = gauge(registry, 'kong_chatops_metric_source_up', 'Whether a source of metrics answered.', ['source']);
  const depth = gauge(registry, 'kong_chatops_queue_depth', 'Jobs that wait, by queue.', ['queue']);
  const active = gauge(registry, 'kong_chatops_active_runs', 'Runs that have not ended.', []);
  const age = gauge(
    registry,
    'kong_chatops_last_verified_backup_age_seconds',
    'Age of the last verified backup of a gateway; +Inf when there is none.',
    ['gateway'],
  );
  const watch = watchGauges(registry, clock);
  const ask = async <T>(source: string, read: (() => Promise<T>) | undefined, fill: (answer: T) => void) => {
    if (read === undefined) return;
    try {
      fill(await withinTime(read(), SOURCE_MS));
      up.set({ source }, 1);
    } catch {
      // The reason is in the readiness report; here a value that is no longer true must not be shown.
      up.set({ source }, 0);
    }
  };
  return async () => {
    for (const each of [depth, active, age, watch]) each.reset();
    active.remove();
    await Promise.all([
      ask('queue', sources.queueDepths, (depths) => {
        for (const [queue, jobs] of Object.entries(depths)) depth.set({ queue }, jobs);
      }),
      ask('runs', sources.activeRuns, (count) => active.set(count)),
      ask('schedules', sources.schedules, watch.schedules),
      ask('alarms', sources.alarms, watch.alarms),
      ask('backups', sources.lastVerified, (gateways) => {
        const now = clock().getTime();
        for (const { gateway, at } of gateways) {
          age.set({ gateway }, at === null ? Infinity : Math.max(0, (now - at.getTime()) / 1000));
        }
      }),
    ]);
  };
}

function gauge(registry: Registry, name: string, help: string, labelNames: string[]): Gauge {
  return new Gauge({ name, help, labelNames, registers: [registry] });
}
