import type { NewSystemEvent } from '../../src/runs/event.ts';
import type { JsonObject } from '../../src/runs/json.ts';
import type { Run } from '../../src/runs/run.ts';
import type { EventStore, Operations, StoredSet } from '../../src/engine/ports.ts';
import type { Watch, WatchedGateway, WatchPorts } from '../../src/engine/watch/ports.ts';
import type { EngineGateway } from '../../src/engine/commands/operations-deps.ts';
import type { Schedule } from '../../src/schedules/schedule.ts';
import { readRows } from '../../src/audit/read-rows.ts';
import { createEventStore } from '../../src/audit/store.ts';
import { commit } from '../../src/engine/commit.ts';
import { rememberFolds } from '../../src/engine/commands/folds.ts';
import { createOperations } from '../../src/engine/commands/operations.ts';
import { recallingStore } from '../../src/engine/recall.ts';
import { openWatch } from '../../src/engine/watch/open.ts';
import { createPool } from '../../src/postgres/pool.ts';
import { createProgressBoard } from '../../src/postgres/progress.ts';
import { drillPlan } from '../../src/runbooks/restore-drill.ts';
import { fold } from '../../src/runs/evolve.ts';
import { people } from './engine.ts';
import { freshDatabase } from './store/postgres.ts';
import { BOT, ONE_APPROVER, planOf } from './story.ts';

export const NIGHTLY: Schedule = {
  id: 'blue/backup',
  gateway: 'blue',
  kind: 'backup',
  cron: '30 2 * * *',
  zone: 'Europe/Berlin',
};
export const MONTHLY: Schedule = { id: 'blue/drill', gateway: 'blue', kind: 'drill', cron: '0 4 1 * *', zone: 'UTC' };
export const BLUE: WatchedGateway = {
  name: 'blue',
  channel: 'C02OPS',
  schedules: [NIGHTLY],
  rules: {},
  destinations: [{ name: 'main', keep: null }],
  zone: 'Europe/Berlin',
};

/** One bot of several, on the one store and the one clock. */
export interface WatchBot {
  readonly watch: Watch;
  readonly operations: Operations;
}

/** Schedules on a real store, with a clock that the test sets. Steps are not carried out: the test ends the runs. */
export interface WatchStage {
  now: Date;
  readonly store: EventStore;
  /** What lies in the destinations. */
  readonly sets: StoredSet[];
  readonly beats: string[];
  bot(change?: Partial<WatchPorts> & { readonly wrap?: (store: EventStore) => EventStore }): WatchBot;
  /** Runs of a gateway, oldest first. */
  runs(gateway?: string): Promise<readonly Run[]>;
  /** Ends a run, with these outputs of its steps. */
  end(runId: string, outcome: 'succeeded' | 'failed', outputs?: Readonly<Record<string, JsonObject>>): Promise<void>;
  /** Bodies of the system stream about schedules, alarms and sets, as `type: …`. */
  rows(): Promise<readonly NewSystemEvent[]>;
  close(): Promise<void>;
}

export async function watchStage(start: string, gateways: readonly WatchedGateway[] = [BLUE]): Promise<WatchStage> {
  const database = await freshDatabase({ migrated: true });
  const pool = createPool({ url: database.botUrl, applicationName: 'test watch', onError: () => undefined });
  const store = createEventStore(pool);
  const quiet = { info: () => undefined, warn: () => undefined, error: () => undefined };
  const stage: WatchStage = {
    now: new Date(start),
    store,
    sets: [],
    beats: [],
    bot: ({ wrap, ...change } = {}) => {
      const own = recallingStore(wrap?.(store) ?? store);
      const deps = {
        store: own,
        folds: rememberFolds(own),
        board: createProgressBoard(pool),
        people,
        gateways: [gatewayOf('blue')],
        configDigest: 'c'.repeat(64),
        clock: () => stage.now,
        storedSets: () => Promise.resolve(stage.sets),
        coordinate: () => Promise.resolve(),
        readAudit: async (query: Parameters<typeof readRows>[1]) => (await readRows(pool, query)).rows,
      };
      const ports: WatchPorts = {
        gateways,
        remove: () => Promise.resolve(),
        heartbeat: (id) => Promise.resolve(void stage.beats.push(id)),
        ...change,
      };
      const opened = openWatch(deps, { ports, self: BOT, log: quiet });
      return { watch: opened.watch, operations: createOperations(deps, opened) };
    },
    runs: async (gateway = 'blue') => {
      const found = await store.findRuns({ gateway, limit: 100 });
      const loaded = await Promise.all(found.map(async ({ id }) => fold(await store.load(id))));
      return loaded.filter((run) => run !== null).toReversed();
    },
    end: async (runId, outcome, outputs = {}) => await endRun(stage, runId, outcome, outputs),
    rows: async () => {
      const { rows } = await readRows(pool, { about: { runId: 'system' }, limit: 1000 });
      return rows.map(({ body }) => JSON.parse(body) as NewSystemEvent).toReversed();
    },
    close: async () => {
      await pool.end();
      await database.drop();
    },
  };
  return stage;
}

async function endRun(
  stage: WatchStage,
  runId: string,
  outcome: 'succeeded' | 'failed',
  outputs: Readonly<Record<string, JsonObject>>,
): Promise<void> {
  const steps = Object.entries(outputs).flatMap(([step, out]) => [
    { type: 'step.started', data: { step, attempt: 1 } } as const,
    { type: 'step.succeeded', data: { step, attempt: 1, outputs: out } } as const,
  ]);
  const fault = { code: 'disk-full', message: 'The disk is full', hint: 'Free some' };
  const end =
    outcome === 'succeeded'
      ? ({ type: 'run.succeeded', data: {} } as const)
      : ({ type: 'run.failed', data: { step: 'dump-database', fault } } as const);
  await commit(stage.store, runId, { actor: BOT, clock: () => stage.now }, () => ({ events: [...steps, end] }));
}

/** The outputs of a backup that was published and read back everywhere. */
export function verifiedOutputs(set: string, at: Date, gaps: readonly JsonObject[] = []): Record<string, JsonObject> {
  const places = [{ destination: 'main', path: `/backups/${set}` }];
  return {
    'publish-set': { set, bytes: 1, manifestSha256: 'a', gaps, places },
    'verify-set': { set, verifiedAt: at.toISOString(), bytesRead: 1, places },
  };
}

export function storedSet(set: string, createdAt: string, destinations: readonly string[] = ['main']): StoredSet {
  const places = destinations.map((destination) => ({ destination, path: `/${destination}/${set}` }));
  return { set, state: 'finished', createdAt, ageSeconds: 0, bytes: 1, gaps: 0, places, missingFrom: [] };
}

function gatewayOf(name: string): EngineGateway {
  const common = { gateway: name, environment: 'production', attempts: 3, deadlineSeconds: 60 };
  return {
    name,
    environment: 'production',
    channel: 'C02OPS',
    // Gated, because a policy stands for people: what the clock asks for passes it.
    backupPlan: planOf(ONE_APPROVER, name),
    restore: {
      strategies: ['database'],
      plan: ({ set }: { readonly set: string }) => ({
        ...planOf(ONE_APPROVER, name),
        exclusive: `change:${name}`,
        parameters: { set },
      }),
      noDrill: null,
      drillPlan: (choice: { readonly set: string; readonly destination: string }) =>
        drillPlan({ ...common, ...choice }),
    } as unknown as NonNullable<EngineGateway['restore']>,
  };
}
