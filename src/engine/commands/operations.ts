import type { Caller } from '../../runs/person.ts';
import type { Refusal } from '../../runs/refusal.ts';
import type { Run } from '../../runs/run.ts';
import type { Answer, BackupRequest, Delivery, Operations, VoteRequest } from '../ports.ts';
import type { OperationsDeps } from './operations-deps.ts';
import { openWatch } from '../watch/open.ts';
import type { Command } from '../../runs/rules/decide.ts';
import { decide } from '../../runs/rules/decide.ts';
import { fold } from '../../runs/evolve.ts';
import { runOfGate } from '../../runs/rules/gate.ts';
import { refuse } from '../../runs/refusal.ts';
import { unlessOther } from './asked-already.ts';
import { busy, inTheWay } from './busy.ts';
import { owedReview } from './owed-review.ts';
import { commit } from '../commit.ts';
import { shortened, unknownGateway } from './operations-deps.ts';
import { createQueries } from './queries.ts';
import { createRestoreRequests, type RestoreDeps } from './request-restore.ts';
import { mayNot, type Right } from './rights.ts';
import { carryOn, recordRefusal, startRun } from './start-run.ts';

/** What people can do, the same from Slack and from the CLI. */
export function createOperations(
  given: OperationsDeps,
  { watch, operations, watchLog }: ReturnType<typeof openWatch> = openWatch(given),
): Operations {
  const deps = { ...given, watchLog };
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
    ...createRestores(deps),
    ...createQueries(deps, watch),
    ...operations,
  };
}

type Restores = Pick<
  Operations,
  'requestRestore' | 'requestDrill' | 'requestCompare' | 'rollback' | 'close' | 'unlock' | 'review'
>;

function createRestores(deps: RestoreDeps): Restores {
  const { requestRestore, requestDrill, requestCompare } = createRestoreRequests(deps);
  return {
    requestRestore,
    requestDrill,
    requestCompare,
    review: async (runId, finding, by) =>
      (await unknownTo(deps, runId, { act: 'review an emergency', roles: ['approver', 'operator'] }, by)) ??
      (await onRun(deps, runId, runId, by, async (standing) => ({ type: 'review', finding, by, standing }))),
    rollback: (runId, reason, by) =>
      onRun(deps, runId, runId, by, async (standing) => ({
        type: 'rollback',
        by,
        standing,
        ...(reason === undefined ? {} : { reason }),
      })),
    close: (runId, { drop }, by) =>
      onRun(deps, runId, runId, by, async (standing) => ({ type: 'close', drop, by, standing })),
    unlock: (gateway, cause, by) => unlock(deps, gateway, cause, by),
  };
}

/** The lock belongs to the run that was rolled back: whoever unlocks names the gateway, as they know it. */
async function unlock(deps: OperationsDeps, gateway: string, cause: string, by: Caller): Promise<Answer> {
  const known = deps.gateways.some(({ name }) => name === gateway);
  const [locked] = known ? await deps.store.findRuns({ gateway, locked: true, limit: 1 }) : [];
  if (locked !== undefined) {
    return await onRun(deps, locked.id, locked.id, by, async (standing) => ({ type: 'unlock', cause, by, standing }));
  }
  const right = await mayNot(deps, { act: 'unlock a gateway', roles: ['operator'] }, by);
  if (right !== null) return { ok: false, refusal: right };
  if (!known) return { ok: false, refusal: unknownGateway(deps, gateway) };
  return { ok: false, refusal: refuse('not-locked', `${gateway} is not locked`, 'Nothing to do') };
}

async function requestBackup(
  deps: OperationsDeps,
  request: BackupRequest,
  by: Caller,
  retryOf?: string,
): Promise<Answer> {
  const gateway = deps.gateways.find(({ name }) => name === request.gateway);
  if (gateway === undefined) return { ok: false, refusal: unknownGateway(deps, request.gateway) };
  const owed = await owedReview(deps, gateway.name);
  if (owed !== null) return owed;
  const other = await inTheWay(deps, gateway.name, 'backup');
  if (other !== null) return { ok: false, refusal: busy(other), run: other };
  const reason = request.reason === undefined ? {} : { reason: request.reason };
  const linked = retryOf === undefined ? {} : { retryOf };
  const plan = gateway.backupPlan;
  const asked = { kind: 'backup', gateway, plan, delivery: request.delivery, ...reason, ...linked } as const;
  return await unlessOther(deps, await startRun(deps, asked, by), asked, by);
}

async function retry(deps: RestoreDeps, runId: string, by: Caller, delivery?: Delivery): Promise<Answer> {
  const right = await mayNot(deps, { act: 'try a run again', roles: ['operator'] }, by);
  if (right !== null) return { ok: false, refusal: right };
  const old = fold(await deps.store.load(runId));
  if (old === null) return { ok: false, refusal: unknownRun(runId) };
  if (old.outcome === undefined) {
    const message = `${runId} has not ended yet`;
    return { ok: false, run: old, refusal: refuse('not-ended', message, 'Cancel it first, or wait for its end') };
  }
  // One "try again" of a run is one new run, whoever clicks and however often.
  const key = { ...delivery, key: `retry:${runId}` };
  const restores = createRestoreRequests(deps);
  switch (old.kind) {
    case 'restore':
      return await restores.retryRestore(old, by, key);
    case 'drill':
      return await restores.retryDrill(old, by, key);
    case 'compare':
      return await restores.retryCompare(old, by, key);
    default:
      return await requestBackup(deps, { gateway: old.plan.gateway, delivery: key }, by, runId);
  }
}

/** A run that is not there has no rule to ask: whoever may not do this to any run learns nothing of which there are. */
async function unknownTo(deps: OperationsDeps, runId: string, needed: Right, by: Caller): Promise<Answer | null> {
  if ((await deps.store.load(runId)).length > 0) return null;
  return { ok: false, refusal: (await mayNot(deps, needed, by)) ?? unknownRun(runId) };
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
      : await commit(
          deps.store,
          runId,
          author,
          async (run, now) => decide(run, await command(standing, run), now),
          deps.store.recall(runId) ?? undefined,
        );
  if (committed === null) return { ok: false, refusal: unknownRun(asked) };
  if (committed.changed) await carryOn(deps, committed.run);
  if (committed.refusal === undefined) return { ok: true, run: committed.run };
  deps.onRefusal?.(committed.refusal.code);
  return { ok: false, refusal: committed.refusal, run: committed.run };
}

function unknownRun(asked: string): Refusal {
  return refuse('unknown-run', `There is no run ${shortened(asked)}`, 'Use /kong-status to see the runs there are');
}
