import type { Pool } from 'pg';
import type { Caller } from '../../src/runs/person.ts';
import type { GatePolicy } from '../../src/runs/plan.ts';
import type { Run } from '../../src/runs/run.ts';
import type { EngineDeps } from '../../src/engine/deps.ts';
import type { EventStore, Operations, PeopleDirectory, Step, StepContext, Wake } from '../../src/engine/ports.ts';
import { readRows } from '../../src/audit/read-rows.ts';
import { createEventStore } from '../../src/audit/store.ts';
import { createEngine, type Engine } from '../../src/engine/advance.ts';
import { recallingStore } from '../../src/engine/recall.ts';
import { rememberFolds } from '../../src/engine/commands/folds.ts';
import { createOperations } from '../../src/engine/commands/operations.ts';
import { createStepLocks } from '../../src/postgres/lock.ts';
import { createPool } from '../../src/postgres/pool.ts';
import { createProgressBoard } from '../../src/postgres/progress.ts';
import { openWorkRoot } from '../../src/run-command/work-folders.ts';
import { fold } from '../../src/runs/evolve.ts';
import { standingOf } from './arbitrary-run.ts';
import { freshDatabase, type TestDatabase } from './store/postgres.ts';
import { ALICE, BOB, CAROL, DORA, inSlack, planOf } from './story.ts';

/** An engine on a real store, real locks, and steps that only remember that they ran. */
export interface Stage {
  readonly database: TestDatabase;
  readonly pool: Pool;
  readonly store: EventStore;
  readonly operations: Operations;
  /** What was put on the queue, in order. The tests take the worker's part. */
  readonly wakes: Wake[];
  readonly steps: Record<string, Step>;
  /** Step ids whose `apply` was called, in order. */
  readonly applied: string[];
  /** Another process with the same steps. */
  engine(change?: Partial<EngineDeps>): Engine;
  request(gateway?: string, by?: Caller): Promise<Run>;
  load(runId: string): Promise<Run>;
  /** Works until the run waits for people, for time or for ever. */
  play(runId: string): Promise<Run>;
  close(): Promise<void>;
}

export const people: PeopleDirectory = {
  standing: (person) => Promise.resolve(standingOf(person)),
  eligible: () => Promise.resolve([BOB, CAROL, DORA].map(standingOf)),
};

/** A step that is done once its `apply` ran; give it a body to make it fail or wait. */
export function rememberingStep(
  id: string,
  applied: string[],
  done: Set<string>,
  body?: (context: StepContext) => Promise<void>,
): Step {
  return {
    check: ({ run }) => Promise.resolve(done.has(`${run.id}/${id}`) ? { did: id } : null),
    apply: async (context) => {
      applied.push(id);
      await body?.(context);
      done.add(`${context.run.id}/${id}`);
    },
  };
}

export async function openStage(policy: GatePolicy | null, deadlineSeconds = 7200): Promise<Stage> {
  const database = await freshDatabase({ migrated: true });
  const pool = createPool({ url: database.botUrl, applicationName: 'test engine', onError: () => undefined });
  const store = createEventStore(pool);
  const board = createProgressBoard(pool);
  const folders = openWorkRoot();
  const wakes: Wake[] = [];
  const applied: string[] = [];
  const done = new Set<string>();
  const locks = createStepLocks({ url: database.botUrl, heartbeatMs: 100 });
  const plan = planOf(policy, 'production', deadlineSeconds);
  const steps: Record<string, Step> = Object.fromEntries(
    plan.steps.map(({ id }) => [id, rememberingStep(id, applied, done)]),
  );
  const quiet = { info: () => undefined, warn: () => undefined, error: () => undefined };
  const deps: EngineDeps = {
    store,
    board,
    queue: { wake: (wake) => Promise.resolve(void wakes.push(wake)) },
    locks,
    stepsFor: () => steps,
    clock: () => new Date(),
    log: quiet,
    host: 'test',
    pid: process.pid,
    folders,
    retrySeconds: 0,
    serves: new Set(['backup']),
  };
  const first = createEngine(deps);
  const operations = createOperations({
    store: recallingStore(store),
    folds: rememberFolds(store),
    board,
    people,
    gateways: ['production', 'staging'].map((name) => ({
      name,
      environment: 'production',
      channel: 'C02OPS',
      backupPlan: planOf(policy, name, deadlineSeconds),
    })),
    configDigest: 'c'.repeat(64),
    clock: deps.clock,
    storedSets: () => Promise.resolve([]),
    coordinate: (run) => first.coordinate(run.id, run),
    readAudit: async (query) => (await readRows(pool, query)).rows,
  });
  const load = async (runId: string): Promise<Run> => {
    const run = fold(await store.load(runId));
    if (run === null) throw new Error(`no run ${runId}`);
    return run;
  };
  return {
    database,
    pool,
    store,
    operations,
    wakes,
    steps,
    applied,
    engine: (change) => createEngine({ ...deps, ...change }),
    request: async (gateway = 'production', by = inSlack(ALICE)) => {
      const answer = await operations.requestBackup({ gateway, delivery: { key: crypto.randomUUID() } }, by);
      if (!answer.ok) throw new Error(answer.refusal.message);
      return answer.run;
    },
    load,
    play: async (runId) => {
      await first.work(runId);
      return await load(runId);
    },
    close: async () => {
      await first.stop(0);
      await locks.close();
      await pool.end();
      folders.close();
      await database.drop();
    },
  };
}
