import { mkdtemp, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'vitest';
import type { Core } from '../../../src/compose.ts';
import { openWorkRoot } from '../../../src/run-command/work-folders.ts';
import { fold } from '../../../src/runs/evolve.ts';
import { stateOf } from '../../../src/runs/next.ts';
import { openGate } from '../../../src/runs/rules/gate.ts';
import type { Run } from '../../../src/runs/run.ts';
import { BOB, CAROL, inSlack } from '../story.ts';
import { workUntilQuiet } from '../work.ts';
import { diesAtWork } from './doomed-workers.ts';
import type { Fates } from './fates.ts';

/** Of a world in which restores are played. */
export interface Stage {
  readonly core: Core;
  readonly folder: string;
  /** The environment of a worker of its own. */
  readonly env: Readonly<Record<string, string>>;
  readonly request: (asked: object) => Promise<Run>;
}

export interface Telling {
  readonly asked: object;
  readonly fates: Fates;
  /** Just before people say go. */
  readonly before?: () => void;
  /** What people and clients find on the gateway. */
  readonly look: (run: Run) => Promise<unknown>;
}

/** A restore that goes live, is looked at, taken back and looked at again, and what the log says of it. */
export interface Told {
  readonly state: string;
  readonly fault: unknown;
  readonly live: unknown;
  readonly outcome: Run['outcome'];
  readonly back: unknown;
  readonly gates: readonly string[];
  /** Each step that was recorded as succeeded, so often as it was. */
  readonly succeeded: readonly string[];
  /** Of the steps in which workers die. */
  readonly outputs: unknown;
}

/** Tells the same restore twice: with one worker that lives, and with workers that die as their fates say. */
export async function tellTwice(
  stage: Stage,
  telling: Telling,
): Promise<{ readonly calm: Told; readonly killed: Told }> {
  const { core, folder, env } = stage;
  const temporary = await mkdtemp(join(folder, 'tmp-'));
  const calm = await tell(stage, telling, async (id) => await workUntilQuiet(core, id));
  const killed = await tell(stage, telling, async (id) => {
    const isNext = async (): Promise<boolean> => hasFates(fold(await core.store.load(id)), telling.fates);
    while ((await isNext()) && (await diesAtWork(id, telling.fates, { ...env, TMPDIR: temporary })));
    await workUntilQuiet(core, id);
  });
  // Whoever starts next removes what dead ones kept for their work.
  openWorkRoot(temporary).close();
  expect(await readdir(temporary)).toEqual([]);
  const { fates } = telling;
  // A starved machine may lose one attempt more; none of the deaths may be left out.
  expect(Object.entries(fates).filter(([id, of]) => (killed.attempts[id] ?? 0) < of.length)).toEqual([]);
  return { calm: calm.told, killed: killed.told };
}

/** Whether one more worker is to die in this run. */
function hasFates(run: Run | null, fates: Fates): boolean {
  return Object.entries(fates).some(([id, of]) => (run?.steps[id]?.attempt ?? 0) < of.length);
}

type Work = (runId: string) => Promise<unknown>;

async function tell({ core, request }: Stage, { asked, fates, before, look }: Telling, work: Work) {
  const { id } = await request(asked);
  const now = async (): Promise<Run> => fold(await core.store.load(id)) ?? expect.unreachable('the run is there');
  await work(id);
  before?.();
  for (const person of [BOB, CAROL]) {
    const gate = openGate(await now());
    if (gate !== undefined) await core.operations.vote({ gate: gate.gate, choice: 'go' }, inSlack(person));
  }
  await work(id);
  const held = await now();
  const live = await look(held);
  await core.operations.rollback(id, 'only looked at', inSlack(BOB));
  await work(id);
  const run = await now();
  const back = await look(run);
  await core.operations.unlock(run.plan.gateway, 'it was made for a test', inSlack(BOB));
  const events = await core.store.load(id);
  const told: Told = {
    state: stateOf(held),
    fault: held.hold?.fault,
    live,
    outcome: run.outcome,
    back,
    gates: run.gates.map(({ status }) => status),
    succeeded: events.flatMap(({ type, data }) => (type === 'step.succeeded' ? [data.step] : [])),
    outputs: outputsOf(run, Object.keys(fates)),
  };
  const attempts = Object.fromEntries(Object.entries(run.steps).map(([step, { attempt }]) => [step, attempt]));
  return { told: withoutItsOwn(told, id), attempts };
}

/** Hashes are of what has the run's name or its time in it. */
function outputsOf({ steps }: Run, ids: readonly string[]): unknown {
  const outputs = ids.map((id) => [id, steps[id]?.outputs]);
  return JSON.parse(JSON.stringify(outputs).replaceAll(/\b(?:[0-9a-f]{32}|[0-9a-f]{64})\b/g, 'HASH'));
}

/** Numbers, names and times that every run has of its own, and the room that others leave it, made equal. */
function withoutItsOwn(told: Told, id: string): Told {
  const text = JSON.stringify(told)
    .replaceAll(new RegExp(String.raw`${id}(-[0-9a-f]{6})?\b`, 'gi'), 'RUN')
    .replaceAll(/[\d.]+ [KMGT]?B free/g, 'ROOM free')
    .replaceAll(/_[a-z]\d+_[0-9a-f]{6}_new\b/g, '_RUN_new')
    .replaceAll(/\d{4}-\d\d-\d\dT[\d:.]+Z/g, 'TIME');
  return JSON.parse(text) as Told;
}
