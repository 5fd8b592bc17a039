import type { NewEvent } from '../runs/event.ts';
import type { Caller } from '../runs/person.ts';
import type { RunKind } from '../runs/plan.ts';
import type { Refusal } from '../runs/refusal.ts';
import type { Run } from '../runs/run.ts';
import type { Answer, BackupRequest, Delivery, Operations, VoteRequest } from './ports.ts';
import type { EngineGateway, OperationsDeps } from './operations-deps.ts';
import type { Command } from '../runs/decide.ts';
import { decide } from '../runs/decide.ts';
import { evolve, fold } from '../runs/evolve.ts';
import { runOfGate } from '../runs/gate.ts';
import { RUN_LETTER } from '../runs/plan.ts';
import { isRefusal, refuse } from '../runs/refusal.ts';
import { decideRequest, gateGroups } from '../runs/request.ts';
import { indexOf } from '../runs/run-index.ts';
import { commit } from './commit.ts';
import { unknownGateway } from './operations-deps.ts';
import { createQueries } from './queries.ts';

/** What people can do, the same from Slack and from the CLI. */
export function createOperations(deps: OperationsDeps): Operations {
  return {
    requestBackup: (request, by) => requestBackup(deps, request, by),
    retry: (runId, by, delivery) => retry(deps, runId, by, delivery),
    vote: (request, by) => vote(deps, request, by),
    withdraw: (gate, by) =>
      onRun(deps, runOfGate(gate), gate, by, async (standing) => ({ type: 'withdraw', gate, by, standing })),
    cancel: (runId, reason, by) =>
      onRun(deps, runId, runId, by, async (standing) => ({
        type: 'cancel',
        by,
        standing,
        ...(reason === undefined ? {} : { reason }),
      })),
    watch: (runId, by) => onRun(deps, runId, runId, by, async (standing) => ({ type: 'watch', by, standing })),
    recordRefusal: (refusal, command, by) => recordRefusal(deps, refusal, command, by),
    ...createQueries(deps),
  };
}

async function requestBackup(deps: OperationsDeps, request: BackupRequest, by: Caller): Promise<Answer> {
  const gateway = deps.gateways.find(({ name }) => name === request.gateway);
  if (gateway === undefined) return { ok: false, refusal: unknownGateway(deps, request.gateway) };
  const reason = request.reason === undefined ? {} : { reason: request.reason };
  return await startRun(deps, 'backup', gateway, by, request.delivery, reason);
}

async function retry(deps: OperationsDeps, runId: string, by: Caller, delivery?: Delivery): Promise<Answer> {
  const old = fold(await deps.store.load(runId));
  if (old === null) return { ok: false, refusal: unknownRun(runId) };
  if (old.outcome === undefined) {
    const message = `${runId} has not ended yet`;
    return { ok: false, run: old, refusal: refuse('not-ended', message, 'Cancel it first, or wait for its end') };
  }
  const gateway = deps.gateways.find(({ name }) => name === old.plan.gateway);
  if (gateway === undefined) return { ok: false, refusal: unknownGateway(deps, old.plan.gateway) };
  // One "try again" of a run is one new run, whoever clicks and however often.
  const key = delivery ?? { key: `retry:${runId}` };
  return await startRun(deps, old.kind, gateway, by, { ...key, key: `retry:${runId}` }, { retryOf: runId });
}

async function startRun(
  deps: OperationsDeps,
  kind: RunKind,
  gateway: EngineGateway,
  by: Caller,
  delivery: Delivery,
  more: { readonly reason?: string; readonly retryOf?: string },
): Promise<Answer> {
  const plan = gateway.backupPlan;
  const groups = gateGroups(plan);
  const [standing, eligible] = await Promise.all([
    deps.people.standing(by.person),
    groups.length === 0 ? [] : deps.people.eligible(groups),
  ]);
  const { channel } = gateway;
  const request = { kind, plan, by, standing, eligible, channel, configDigest: deps.configDigest, ...more };
  const event = decideRequest(request, deps.clock());
  if (isRefusal(event)) {
    await recordRefusal(deps, event, `request ${kind} of ${gateway.name}`, by);
    return { ok: false, refusal: event };
  }
  return await appendFirst(deps, kind, event, delivery);
}

async function appendFirst(deps: OperationsDeps, kind: RunKind, event: NewEvent, delivery: Delivery): Promise<Answer> {
  const runId = await deps.store.nextRunId(RUN_LETTER[kind]);
  const run = evolve(null, { ...event, runId, version: 1 });
  if (run === null) throw new Error('a run starts with run.requested');
  const index = indexOf(run, event.at);
  const result = await deps.store.append({
    runId,
    expectedVersion: 0,
    events: [event],
    index,
    deliveryKey: delivery.key,
  });
  if (result.appended) {
    await carryOn(deps, run);
    return { ok: true, run };
  }
  if (result.because === 'conflict') throw new Error(`run number ${runId} was used twice`);
  const other = fold(await deps.store.load(result.runId));
  if (other === null) throw new Error(`run ${result.runId} is named by the index and missing in the log`);
  if (result.because === 'duplicate') return { ok: true, run: other };
  const refusal = busy(other);
  deps.onRefusal?.(refusal.code);
  return { ok: false, refusal, run: other };
}

async function vote(deps: OperationsDeps, request: VoteRequest, by: Caller): Promise<Answer> {
  return await onRun(deps, runOfGate(request.gate), request.gate, by, async (standing, run) => {
    const gate = run.gates.find(({ gate }) => gate === request.gate);
    const others = gate?.votes.map(({ person }) => person).filter((person) => person !== by.person) ?? [];
    const voters = await Promise.all(others.map((person) => deps.people.standing(person)));
    return { type: 'vote', ...request, by, standing, voters };
  });
}

/** One command on an existing run: look the person up, decide, append, wake. */
async function onRun(
  deps: OperationsDeps,
  runId: string | null,
  asked: string,
  by: Caller,
  command: (standing: Command['standing'], run: Run) => Promise<Command>,
): Promise<Answer> {
  const standing = await deps.people.standing(by.person);
  const author = { actor: { kind: 'person', ...by } as const, clock: deps.clock };
  const committed =
    runId === null
      ? null
      : await commit(deps.store, runId, author, async (run, now) => decide(run, await command(standing, run), now));
  if (committed === null) return { ok: false, refusal: unknownRun(asked) };
  if (committed.changed) await carryOn(deps, committed.run);
  if (committed.refusal === undefined) return { ok: true, run: committed.run };
  deps.onRefusal?.(committed.refusal.code);
  return { ok: false, refusal: committed.refusal, run: committed.run };
}

/** What was recorded stands, whether or not somebody could be woken: the sweep goes on with it. */
async function carryOn(deps: OperationsDeps, run: Run): Promise<void> {
  await deps.coordinate(run).catch(() => undefined);
}

async function recordRefusal(deps: OperationsDeps, refusal: Refusal, command: string, by: Caller): Promise<void> {
  deps.onRefusal?.(refusal.code);
  await deps.store.appendSystem({
    type: 'refusal.recorded',
    at: deps.clock().toISOString(),
    actor: { kind: 'person', ...by },
    data: { person: by.person, command, code: refusal.code, message: refusal.message },
  });
}

function busy(run: Run): Refusal {
  const why = run.reason === undefined ? '' : `: ${run.reason}`;
  return refuse(
    'busy',
    `${run.plan.gateway} is already being backed up by ${run.id}, asked for by ${run.requestedBy} (${run.requestedAt})${why}`,
    'Follow it on its card, or be told when it ends',
  );
}

function unknownRun(asked: string): Refusal {
  return refuse('unknown-run', `There is no run ${asked}`, 'Use /kong-status to see the runs there are');
}
