import { describe, expect, it } from 'vitest';
import { rememberFolds } from '../../../src/engine/commands/folds.ts';
import { createOperations } from '../../../src/engine/commands/operations.ts';
import type { EngineGateway } from '../../../src/engine/commands/operations-deps.ts';
import type { GatewayStatus, Operations } from '../../../src/engine/ports.ts';
import { lastVerifiedBackup } from '../../../src/engine/last-verified.ts';
import { recallingStore } from '../../../src/engine/recall.ts';
import { restorePlan } from '../../../src/runbooks/restore.ts';
import type { EventBody } from '../../../src/runs/event.ts';
import { fold } from '../../../src/runs/evolve.ts';
import { indexOf } from '../../../src/runs/run-index.ts';
import { showGateway } from '../../../src/cli/show/status.ts';
import { heldLines } from '../../../src/slack/views/holds.ts';
import { homeView } from '../../../src/slack/views/home.ts';
import { statusAnswer } from '../../../src/slack/views/status.ts';
import { memoryStore } from '../../support/store/memory-store.ts';
import {
  ALICE,
  ONE_APPROVER,
  START,
  did,
  events,
  inSlack,
  minutes,
  operator,
  planOf,
  requestedBody,
} from '../../support/story.ts';

const GATEWAY = {
  name: 'production',
  environment: 'production',
  channel: 'C02OPS',
  backupPlan: planOf(null),
} as unknown as EngineGateway;
const RESTORE = restorePlan({
  gateway: 'production',
  environment: 'production',
  attempts: 3,
  deadlineSeconds: 60,
  set: 'production-20261120T0200Z-B-1',
  destination: 'main',
  strategy: 'database',
  safety: 'backup',
  safetySteps: planOf(null).steps,
  safetyParameters: {},
  policy: ONE_APPROVER,
  holdSeconds: 3600,
});

/** Operations on a log that somebody else has written; `tell` writes one run of it, oldest first. */
function world() {
  const store = memoryStore();
  const operations = createOperations({
    store: recallingStore(store),
    folds: rememberFolds(store),
    board: { report: () => Promise.resolve(), read: () => Promise.resolve(null) },
    people: {
      standing: (person) => Promise.resolve(operator(person)),
      eligible: () => Promise.resolve([]),
    },
    gateways: [GATEWAY],
    configDigest: 'c'.repeat(64),
    clock: () => minutes(60),
    storedSets: () => Promise.resolve([]),
    coordinate: () => Promise.resolve(),
    readAudit: () => Promise.resolve([]),
  });
  const tell = async (runId: string, ...bodies: readonly EventBody[]): Promise<void> => {
    const told = events(bodies, runId);
    const run = fold(told);
    if (run === null) throw new Error('a story starts with run.requested');
    await store.append({ runId, expectedVersion: 0, events: told, index: indexOf(run, START.toISOString()) });
  };
  return { operations, store, tell };
}

function restoreAsked(): EventBody {
  const asked = requestedBody(RESTORE);
  if (asked.type !== 'run.requested') throw new Error('a story starts with run.requested');
  return { ...asked, data: { ...asked.data, kind: 'restore' } };
}
const verifiedSet = (set: string): readonly EventBody[] => [
  ...did('publish-set', { set, bytes: 1_000_000, gaps: [] }),
  ...did('verify-set', { verifiedAt: START.toISOString() }),
];
const SUCCEEDED: EventBody = { type: 'run.succeeded', data: {} };
const BACKUP = [requestedBody(planOf(null)), ...verifiedSet('production-20261120T0200Z-B-1'), SUCCEEDED] as const;
const ROLLED_BACK = [
  restoreAsked(),
  { type: 'rollback.requested', data: { person: ALICE } },
  ...did('swap-back'),
  { type: 'run.rolled-back', data: {} },
] as const satisfies readonly EventBody[];

async function production(operations: Operations): Promise<GatewayStatus> {
  const answer = await operations.status(inSlack(ALICE), 'production');
  const [status] = answer.ok ? answer.gateways : [];
  if (status === undefined) throw new Error('no status');
  return status;
}

/** What people read of it: in the terminal, in Slack, and on App Home. */
async function everywhere(operations: Operations): Promise<readonly string[]> {
  const status = await production(operations);
  const home = await operations.home(inSlack(ALICE));
  const view = { names: {} };
  return [
    showGateway(status, minutes(60)).join('\n'),
    JSON.stringify(statusAnswer([status], minutes(60), view)),
    JSON.stringify(homeView(home, minutes(60), view, () => null).blocks),
  ];
}

describe('a set that somebody holds', () => {
  it('is named with its gateway, for whom, why and until when, as long as it is held', async () => {
    const { operations, store } = world();
    const set = 'production-20261120T0200Z-B-1';
    const held = { set, gateway: 'production', person: ALICE, reason: 'evidence of INC-4711' };
    const row = { at: START.toISOString(), actor: { kind: 'person', ...inSlack(ALICE) } } as const;
    await store.appendSystem({ ...row, type: 'backup.held', data: held });
    expect((await production(operations)).holds).toEqual([{ ...held, at: row.at }]);
    const [terminal, slack, home] = await everywhere(operations);
    expect(terminal).toContain(`\n  held until an admin ends it: ${set}: evidence of INC-4711\n`);
    for (const shown of [slack, home]) {
      expect(shown).toContain(`📌 \`${set}\` is held by <@U01ALICE> until an admin ends it: “evidence of INC-4711”`);
    }
    await store.appendSystem({ ...row, type: 'backup.released', data: held });
    expect((await everywhere(operations)).join('')).not.toMatch(/held (?:by|until)/);
  });

  it('counts those that are too many to name', () => {
    const hold = { set: 's', gateway: 'g', person: ALICE, reason: 'why', at: START.toISOString() };
    expect(heldLines([hold, hold, hold, hold, hold], {}).at(-1)).toBe('📌 … and 2 more held');
  });
});

describe('a gateway that a rollback locked', () => {
  it('shows as locked, by which run and what to do, whatever has ended since, until its cause is on record', async () => {
    const { operations, tell } = world();
    await tell('R-4', ...ROLLED_BACK);
    await tell('B-5', ...BACKUP);
    expect((await production(operations)).locked?.id).toBe('R-4');
    const [terminal, slack, home] = await everywhere(operations);
    expect(terminal).toContain(
      "  LOCKED since R-4 was rolled back (2026-11-21 02:00:04Z): kong-chatops unlock production --cause '…'",
    );
    for (const drawn of [slack, home]) {
      expect(drawn).toContain('🔒 *Locked* since R-4 was rolled back ');
      expect(drawn).toContain('Record the cause: /kong-unlock production and the cause');
    }
    expect(slack).toContain('; locked since R-4 was rolled back.');
    expect(home).toContain('Record why R-4 was rolled back and unlock production');

    expect((await operations.unlock('production', 'the wrong set was chosen', inSlack(ALICE))).ok).toBe(true);
    expect((await production(operations)).locked).toBeNull();
    for (const told of await everywhere(operations)) expect(told).not.toMatch(/locked|unlock/i);
  });
});

describe('the last verified backup', () => {
  it('is a backup, not what a restore saved of the state that it was to get rid of, in status and metrics alike', async () => {
    const { operations, store, tell } = world();
    const saved = [restoreAsked(), ...verifiedSet('production-20261121T0200Z-R-4')];
    await tell('R-4', ...saved, SUCCEEDED);
    expect((await production(operations)).lastVerified).toBeNull();
    expect(await lastVerifiedBackup(store, 'production')).toBeNull();

    await tell('B-5', ...BACKUP);
    await tell('R-6', ...saved, SUCCEEDED);
    expect((await production(operations)).lastVerified).toMatchObject({ runId: 'B-5', state: 'verified' });
    expect(await lastVerifiedBackup(store, 'production')).toMatchObject({ id: 'B-5', verifiedAt: START.toISOString() });
  });
});
