import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openWorkRoot } from '../../../src/run-command/work-folders.ts';
import { Fault } from '../../../src/runs/fault.ts';
import { rememberingStep, openStage, type Stage } from '../../support/engine.ts';
import { ALICE, DORA, inSlack } from '../../support/story.ts';

const ALL = ['preflight', 'dump-database', 'dump-declarative', 'save-files', 'publish-set', 'verify-set'];

describe('a run without a gate', () => {
  let stage: Stage;
  beforeAll(async () => {
    stage = await openStage(null);
  });
  afterAll(() => stage.close());

  it('goes through its steps in order and succeeds', async () => {
    const { id } = await stage.request();
    expect(stage.wakes.at(-1)).toMatchObject({ queue: 'backup', runId: id, name: 'preflight' });
    const run = await stage.play(id);
    expect(run.outcome).toBe('succeeded');
    expect(stage.applied).toEqual(ALL);
  });

  it('late, repeated and parallel wake-ups do every step exactly once (rule 4)', async () => {
    const { id } = await stage.request();
    stage.applied.length = 0;
    const engines = [stage.engine(), stage.engine(), stage.engine()];
    await Promise.all(engines.flatMap((engine) => [engine.work(id), engine.work(id), engine.coordinate(id)]));
    await stage.play(id);
    await stage.play(id);
    expect(stage.applied).toEqual(ALL);
    expect((await stage.load(id)).outcome).toBe('succeeded');
  });

  it('a process that does not serve the queue hands the step on and carries out nothing', async () => {
    const { id } = await stage.request();
    stage.applied.length = 0;
    await stage.engine({ serves: new Set() }).work(id);
    expect(stage.applied).toEqual([]);
    expect(stage.wakes.at(-1)).toMatchObject({ runId: id, name: 'preflight' });
    await stage.play(id);
  });

  it('takes over a step whose owner died, looks first, and does not do it again (rules 6, 7)', async () => {
    const { id } = await stage.request();
    stage.applied.length = 0;
    await workUntilKilledAfter(stage, id, 'dump-database');
    expect((await stage.load(id)).steps['dump-database']).toMatchObject({ status: 'running', attempt: 1 });
    const run = await stage.play(id);
    expect(run.outcome).toBe('succeeded');
    expect(run.steps['dump-database']).toMatchObject({ status: 'succeeded', attempt: 2 });
    expect(stage.applied).toEqual(ALL);
  });

  it('one backup of a gateway at a time; the second is told which one runs (4.4)', async () => {
    const first = await stage.request();
    const second = await stage.operations.requestBackup(
      { gateway: 'production', delivery: { key: 'second' } },
      inSlack(DORA),
    );
    expect(second).toMatchObject({
      ok: false,
      run: { id: first.id },
      refusal: {
        code: 'busy',
        message: `production is already being backed up by ${first.id}, asked for by ${ALICE} (${first.requestedAt})`,
        hint: 'Follow it on its card, or be told when it ends',
      },
    });
    const other = await stage.request('staging');
    expect((await stage.play(other.id)).outcome).toBe('succeeded');
    await stage.play(first.id);
  });

  it('the same delivery twice makes one run', async () => {
    const ask = () =>
      stage.operations.requestBackup({ gateway: 'production', delivery: { key: 'trigger-1' } }, inSlack(ALICE));
    const [once, twice] = await Promise.all([ask(), ask()]);
    expect(once.ok && twice.ok && once.run.id === twice.run.id).toBe(true);
    if (once.ok) await stage.play(once.run.id);
  });

  it('"try again" makes one new run, linked to the old one, however often it is clicked (4.1)', async () => {
    const old = await stage.request();
    await stage.operations.cancel(old.id, 'changed my mind', inSlack(ALICE));
    await stage.play(old.id);
    const [one, two] = await Promise.all([
      stage.operations.retry(old.id, inSlack(ALICE)),
      stage.operations.retry(old.id, inSlack(DORA)),
    ]);
    expect(one.ok && two.ok && one.run.id === two.run.id && one.run.retryOf === old.id).toBe(true);
    if (one.ok) await stage.play(one.run.id);
  });
});

describe('trouble in a step', () => {
  let stage: Stage;
  beforeAll(async () => {
    stage = await openStage(null);
  });
  afterAll(() => stage.close());

  const withStep = (id: string, body: Parameters<typeof rememberingStep>[3]) =>
    stage.engine({ stepsFor: () => ({ ...stage.steps, [id]: rememberingStep(id, stage.applied, new Set(), body) }) });

  it('a neighbour that does not answer is asked three times, then the run fails with what it said', async () => {
    const { id } = await stage.request();
    let asked = 0;
    const engine = withStep('dump-database', () => {
      asked += 1;
      throw new Fault('unreachable', 'The database did not answer', 'Start it', { retryable: true });
    });
    await engine.work(id);
    const run = await stage.load(id);
    expect(asked).toBe(3);
    expect(run.fault).toEqual({ code: 'unreachable', message: 'The database did not answer', hint: 'Start it' });
    expect(run.steps['discard-set']?.status).toBe('succeeded');
  });

  it('a refusing neighbour fails the run at once, and what was unpublished is removed first (5.10)', async () => {
    const { id } = await stage.request();
    stage.applied.length = 0;
    await withStep('publish-set', () => Promise.reject(new Fault('disk-full', 'No space left', 'Free some'))).work(id);
    const run = await stage.load(id);
    expect(run).toMatchObject({ outcome: 'failed', failedStep: 'publish-set', fault: { code: 'disk-full' } });
    expect(stage.applied.slice(-2)).toEqual(['publish-set', 'discard-set']);
  });

  it('a worker that can make no folder to work in fails the run with what it lacks, and begins nothing', async () => {
    const { id } = await stage.request();
    stage.applied.length = 0;
    const cleared = openWorkRoot();
    cleared.close();
    await stage.engine({ folders: cleared }).work(id);
    const run = await stage.load(id);
    expect(run.outcome).toBe('failed');
    expect(run.fault).toMatchObject({
      code: 'work-folder',
      message: `No folder to work in can be made below ${cleared.path} (ENOENT). Nothing was begun.`,
      hint: 'Free space there, or point TMPDIR at a folder that this user may write; where somebody cleared it, start the program again.',
    });
    expect(stage.applied).toEqual([]);
  });

  it('a bug parks the run with an id and the process lives on', async () => {
    const { id } = await stage.request();
    await withStep('save-files', () => Promise.reject(new TypeError('x is not a function'))).work(id);
    const run = await stage.load(id);
    expect(run.fault?.message).toMatch(/^The bot itself failed here \([0-9a-f]{8}\)$/);
    expect(JSON.stringify(run.fault)).not.toContain('not a function');
  });

  it('a step that ran without an error and is not there afterwards has failed', async () => {
    const { id } = await stage.request();
    const lying = { check: () => Promise.resolve(null), apply: () => Promise.resolve() };
    await stage.engine({ stepsFor: () => ({ ...stage.steps, 'save-files': lying }) }).work(id);
    expect((await stage.load(id)).fault?.code).toBe('not-confirmed');
  });

  it('a running step is aborted as soon as the run is cancelled (rule 10)', async () => {
    const { id } = await stage.request();
    const started = Promise.withResolvers<void>();
    const engine = withStep('dump-database', ({ signal }) => untilAborted(signal, started.resolve));
    const working = engine.work(id);
    await started.promise;
    await stage.operations.cancel(id, 'wrong gateway', inSlack(DORA));
    await engine.changed(id);
    await working;
    const run = await stage.load(id);
    expect(run.steps['dump-database']?.status).toBe('aborted');
    expect(run).toMatchObject({ outcome: 'cancelled', cancelReason: `cancelled by ${DORA}: wrong gateway` });
  });

  it('a cancel whose worker died still ends the run', async () => {
    const { id } = await stage.request();
    await workUntilKilledAfter(stage, id, 'save-files');
    await stage.operations.cancel(id, undefined, inSlack(DORA));
    expect((await stage.play(id)).outcome).toBe('cancelled');
  });

  it('a stopping worker hands the step over: it starts again elsewhere and nothing is lost (decision 11)', async () => {
    const { id } = await stage.request();
    const started = Promise.withResolvers<void>();
    const engine = withStep('dump-database', ({ signal }) => untilAborted(signal, started.resolve));
    const working = engine.work(id);
    await started.promise;
    await engine.stop(0);
    await working;
    expect((await stage.load(id)).steps['dump-database']).toMatchObject({ status: 'interrupted', attempt: 1 });
    expect((await stage.play(id)).outcome).toBe('succeeded');
  });

  it('a draining worker waits for its step, starts no other, and the next one goes on (decision 11)', async () => {
    const { id } = await stage.request();
    const started = Promise.withResolvers<void>();
    const finish = Promise.withResolvers<void>();
    const engine = withStep('dump-database', async () => {
      started.resolve();
      await finish.promise;
    });
    const working = engine.work(id);
    await started.promise;
    const stopped = engine.stop(Number.POSITIVE_INFINITY);
    finish.resolve();
    await Promise.all([stopped, working]);
    const { steps } = await stage.load(id);
    expect(steps['dump-database']).toMatchObject({ status: 'succeeded', attempt: 1 });
    expect(steps['dump-declarative']).toMatchObject({ status: 'pending' });
    expect((await stage.play(id)).outcome).toBe('succeeded');
  });

  it('a lost database session aborts the step, and the run goes on (rule 7)', async () => {
    const { id } = await stage.request();
    const started = Promise.withResolvers<void>();
    const engine = withStep('dump-database', ({ signal, attempt }) =>
      attempt === 1 ? untilAborted(signal, started.resolve) : Promise.resolve(),
    );
    const working = engine.work(id);
    await started.promise;
    await stage.pool.query(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = $1`, [
      `kong-chatops lock ${id}`,
    ]);
    await working;
    expect((await stage.play(id)).outcome).toBe('succeeded');
    const { rows } = await stage.pool.query(
      `SELECT body::json #>> '{data,reason}' AS reason FROM kong_chatops.audit_events
        WHERE run_id = $1 AND body::json ->> 'type' = 'step.interrupted'`,
      [id],
    );
    expect(rows).toEqual([{ reason: 'session-lost' }]);
  });

  it('a step past its deadline is stopped and says so', async () => {
    const hasty = await openStage(null, 0.05);
    const { id } = await hasty.request();
    hasty.steps['dump-database'] = rememberingStep('dump-database', [], new Set(), ({ signal }) =>
      untilAborted(signal),
    );
    const run = await hasty.play(id);
    expect(run.fault).toEqual({
      code: 'deadline',
      message: '"Dump the database" was not done within 0.1 s and was stopped',
      hint: 'Find out what it waited for, or raise limits.step_minutes',
    });
    await hasty.close();
  });
});

function untilAborted(signal: AbortSignal, started?: () => void): Promise<void> {
  started?.();
  return new Promise((_, reject) =>
    signal.addEventListener('abort', () => reject(new Error('aborted')), { once: true }),
  );
}

/** A worker that is gone right after the step acted and before it could record that. */
async function workUntilKilledAfter(stage: Stage, runId: string, step: string): Promise<void> {
  let dead = false;
  const append: Stage['store']['append'] = (request) => {
    dead ||= request.events.some((event) => event.type === 'step.succeeded' && event.data.step === step);
    if (!dead) return stage.store.append(request);
    void engine.stop(0);
    return Promise.reject(new Error('killed'));
  };
  const engine = stage.engine({ store: { ...stage.store, append } });
  await engine.work(runId);
  expect(dead).toBe(true);
}
