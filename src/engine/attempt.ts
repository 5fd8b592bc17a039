import { randomUUID } from 'node:crypto';
import type { FaultFacts, Observed } from '../runs/event.ts';
import type { JsonObject } from '../runs/json.ts';
import type { Next } from '../runs/next.ts';
import type { Ending } from '../runs/outcome.ts';
import type { Run } from '../runs/run.ts';
import type { EngineDeps } from './deps.ts';
import type { Progress, Step, StepContext, StepLock } from './ports.ts';
import { Fault } from '../runs/fault.ts';
import { changedInputs } from '../runs/rules/gate.ts';
import { endOfAttempt } from '../runs/outcome.ts';
import { next } from '../runs/next.ts';
import { fold } from '../runs/evolve.ts';
import { bot } from './deps.ts';
import { commit } from './commit.ts';
import { persist } from './persist.ts';

type Start = Extract<Next, { do: 'step' }>;
type Dead = Extract<Next, { do: 'running' | 'stop' }>;
type End = Ending | Superseded | { readonly kind: 'succeeded'; readonly outputs: JsonObject };
/** What the approvers saw is not so any more. */
interface Superseded {
  readonly kind: 'superseded';
  readonly gate: string;
  readonly changed: readonly string[];
  readonly observed: Observed;
}

/** A step that runs in this process. */
export interface Attempt {
  /** Loads the run again and aborts the step when `next` wants it no longer. */
  lookAgain(): Promise<void>;
}

interface Surroundings {
  readonly lock: StepLock;
  readonly shutdown: AbortSignal;
  readonly attempts: Map<string, Attempt>;
}

/** The attempt's owner died (we hold its lock): says so in the log, so that the step can start again or end. */
export async function endDeadAttempt(deps: EngineDeps, run: Run, dead: Dead): Promise<boolean> {
  const { step, attempt } = dead;
  const ending: Ending = dead.do === 'stop' ? { kind: 'aborted' } : { kind: 'interrupted', reason: 'worker-lost' };
  await record(deps, run.id, step.id, attempt, (now, before) =>
    endOfAttempt(step, attempt, ending, now, deps.retrySeconds, before),
  );
  deps.log.warn({ runId: run.id, step: step.id, attempt }, 'took over after the death of the worker');
  return true;
}

/** Starts, carries out and records one attempt. True: there may be more to do under the same lock. */
export async function runAttempt(deps: EngineDeps, run: Run, start: Start, around: Surroundings): Promise<boolean> {
  const { step, attempt } = start;
  const folder = deps.folders.make(`${run.id}-${step.id}-${attempt}`);
  // Where there can be none, that is the end of the attempt, which people must be told of.
  folder.catch(() => undefined);
  try {
    const wanted = new AbortController();
    const signal = AbortSignal.any([wanted.signal, around.lock.lost, around.shutdown]);
    const started = await markStarted(deps, run, start);
    if (started === null) return true;
    const watched: Attempt = { lookAgain: () => abortIfUnwanted(deps, run.id, start, wanted) };
    around.attempts.set(run.id, watched);
    const began = deps.clock().getTime();
    const end = await carryOut(deps, { run: started, folder, signal }, { start, wanted, around });
    around.attempts.delete(run.id);
    const seconds = (deps.clock().getTime() - began) / 1000;
    deps.onAttempt?.({ runId: run.id, step: step.id, outcome: end.kind, seconds });
    return await recordEnd(deps, run.id, start, end, around.shutdown);
  } finally {
    around.attempts.delete(run.id);
    const workDir = await folder.catch(() => null);
    if (workDir !== null) await deps.folders.remove(workDir);
  }
}

/**
 * Looks just before the act whether what the approvers saw is still so (behaviour 2.7). Inside the attempt, because
 * looking takes as long as the gateway takes: it can be aborted, has the deadline, and is taken over after a death.
 */
async function lookBehindGate(step: Step, { gate }: Start, context: StepContext): Promise<Superseded | null> {
  const observed = gate === undefined ? undefined : await step.observe?.(context);
  if (gate === undefined || observed === undefined) return null;
  const changed = changedInputs(gate, observed);
  return changed.length === 0 ? null : { kind: 'superseded', gate: gate.gate, changed, observed };
}

async function markStarted(deps: EngineDeps, run: Run, { step, attempt, gate }: Start): Promise<Run | null> {
  const committed = await commit(
    deps.store,
    run.id,
    { actor: bot(deps), clock: deps.clock },
    (now, at) => {
      const still = next(now, at);
      if (still.do !== 'step' || still.step.id !== step.id || still.attempt !== attempt) return { events: [] };
      const digest = gate === undefined ? {} : { gateDigest: gate.digest };
      return { events: [{ type: 'step.started', data: { step: step.id, attempt, ...digest } }] };
    },
    run,
  );
  return committed?.changed === true ? committed.run : null;
}

interface Given {
  readonly run: Run;
  readonly folder: Promise<string>;
  readonly signal: AbortSignal;
}

async function carryOut(
  deps: EngineDeps,
  { run, folder, signal }: Given,
  { start, wanted, around }: { start: Start; wanted: AbortController; around: Surroundings },
): Promise<End> {
  const deadline = AbortSignal.timeout(start.step.deadlineSeconds * 1000);
  try {
    const step = implementation(deps, run, start.step.id);
    const inTime = contextOf(deps, run, start, await folder, AbortSignal.any([signal, deadline]));
    const done = start.attempt > 1 ? await takeOver(step, start, inTime) : null;
    if (done !== null) return { kind: 'succeeded', outputs: done };
    return (
      (await lookBehindGate(step, start, inTime)) ?? { kind: 'succeeded', outputs: await lookActLook(step, inTime) }
    );
  } catch (error) {
    if (wanted.signal.aborted) return { kind: 'aborted' };
    if (around.lock.lost.aborted) return { kind: 'interrupted', reason: 'session-lost' };
    if (around.shutdown.aborted) return { kind: 'interrupted', reason: 'shutdown' };
    if (deadline.aborted) return { kind: 'failed', fault: tooLate(start) };
    return endOfFault(deps, error, run, start);
  }
}

/**
 * Ends what a dead predecessor left. Behind a gate its work must not look like somebody else's change: what it had
 * already done is done. Null: there is something to do.
 */
async function takeOver(step: Step, { gate }: Start, context: StepContext): Promise<JsonObject | null> {
  await step.takeOver?.(context);
  return gate === undefined ? null : await step.check(context);
}

/** Rule 6 of the architecture: is it already so? do it; is it so now? */
async function lookActLook(step: Step, context: StepContext): Promise<JsonObject> {
  const already = await step.check(context);
  if (already !== null) return already;
  context.signal.throwIfAborted();
  await step.apply(context);
  const outputs = await step.check(context);
  if (outputs !== null) return outputs;
  throw new Fault(
    'not-confirmed',
    `"${context.step}" ran without an error, but looking again does not confirm it`,
    'Something else changed or removed what it made: look at the destination, then try again',
  );
}

function endOfFault(deps: EngineDeps, error: unknown, run: Run, { step: { id: step }, attempt }: Start): End {
  if (error instanceof Fault) {
    deps.log.warn({ runId: run.id, step, attempt, code: error.code, cause: error.cause }, error.message);
    const fault = error.facts();
    return error.retryable ? { kind: 'interrupted', reason: 'retryable-fault', fault } : { kind: 'failed', fault };
  }
  const bug = randomUUID().slice(0, 8);
  deps.log.error({ runId: run.id, step, attempt, bug, error }, 'bug in a step');
  return { kind: 'failed', fault: bugFacts(bug) };
}

function bugFacts(id: string): FaultFacts {
  return {
    code: 'bug',
    message: `The bot itself failed here (${id})`,
    hint: `Look for ${id} in the worker's log and report it; trying again may work`,
  };
}

function tooLate({ step }: Start): FaultFacts {
  return {
    code: 'deadline',
    message: `"${step.title}" was not done within ${duration(step.deadlineSeconds)} and was stopped`,
    hint: 'Find out what it waited for, or raise limits.step_minutes',
  };
}

function duration(seconds: number): string {
  return seconds < 90 ? `${Math.ceil(seconds * 10) / 10} s` : `${Math.round(seconds / 60)} min`;
}

async function recordEnd(
  deps: EngineDeps,
  runId: string,
  { step, attempt }: Start,
  end: End,
  shutdown: AbortSignal,
): Promise<boolean> {
  // The act is done and must be recorded: a database that restarts is waited for.
  return await persist(deps, shutdown, async () => {
    await record(deps, runId, step.id, attempt, (now, before) => {
      if (end.kind === 'succeeded') {
        return { type: 'step.succeeded', data: { step: step.id, attempt, outputs: end.outputs } };
      }
      if (end.kind !== 'superseded') return endOfAttempt(step, attempt, end, now, deps.retrySeconds, before);
      const { gate, changed, observed } = end;
      return { type: 'gate.superseded', data: { gate, changed, observed } };
    });
  });
}

/** Appends the end of an attempt, unless somebody else ended it already. */
async function record(
  deps: EngineDeps,
  runId: string,
  step: string,
  attempt: number,
  event: (now: Date, before: number) => ReturnType<typeof endOfAttempt>,
): Promise<void> {
  await commit(deps.store, runId, { actor: bot(deps), clock: deps.clock }, (run, now) => {
    const state = run.steps[step];
    const open = state?.status === 'running' && state.attempt === attempt;
    return { events: open ? [event(now, state.before ?? 0)] : [] };
  });
}

async function abortIfUnwanted(
  deps: EngineDeps,
  runId: string,
  { step, attempt }: Start,
  wanted: AbortController,
): Promise<void> {
  const run = fold(await deps.store.load(runId));
  if (run === null) return;
  const what = next(run, deps.clock());
  if (what.do !== 'running' || what.step.id !== step.id || what.attempt !== attempt) wanted.abort();
}

function implementation(deps: EngineDeps, run: Run, id: string): Step {
  const step = deps.stepsFor(run)[id];
  if (step !== undefined) return step;
  throw new Fault(
    'unknown-step',
    `This worker knows no step "${id}": the run was planned by another version`,
    'Run the same version of kong-chatops on every worker, then try again',
  );
}

function contextOf(
  deps: EngineDeps,
  run: Run,
  { step, attempt }: Start,
  workDir: string,
  signal: AbortSignal,
): StepContext {
  let reported = 0;
  return {
    run,
    step: step.id,
    attempt,
    signal,
    workDir,
    applicationName: `kong-chatops ${run.id}/${step.id}/${attempt}`,
    progress: (progress: Progress) => {
      const now = deps.clock().getTime();
      // Twice a second is all that anybody sees; the last one ("done = total") always goes out.
      if (now - reported < 500 && progress.done !== progress.total) return;
      reported = now;
      const row = { ...progress, runId: run.id, step: step.id, attempt, at: new Date(now).toISOString() };
      deps.board.report(row).catch((error: unknown) => deps.log.warn({ runId: run.id, error }, 'progress not stored'));
    },
  };
}
