import { describe, expect, it } from 'vitest';
import { rememberFolds } from '../../../src/engine/commands/folds.ts';
import { createOperations } from '../../../src/engine/commands/operations.ts';
import type { EngineGateway } from '../../../src/engine/commands/operations-deps.ts';
import type { Answer, Operations } from '../../../src/engine/ports.ts';
import { recallingStore } from '../../../src/engine/recall.ts';
import { memoryStore, type MemoryStore } from '../../support/store/memory-store.ts';
import { ALICE, BOB, START, approver, inSlack, planOf, standing } from '../../support/story.ts';

const STRANGER = 'T01LOCAL/U09NOBODY';
const GATEWAY = {
  name: 'production',
  environment: 'production',
  channel: 'C02OPS',
  backupPlan: planOf(null),
  restore: { strategies: ['database'], noDrill: null },
} as unknown as EngineGateway;

function world(): { readonly operations: Operations; readonly store: MemoryStore } {
  const store = memoryStore();
  const standings = { [ALICE]: standing(ALICE, ['operator'], []), [BOB]: approver(BOB) };
  const operations = createOperations({
    store: recallingStore(store),
    folds: rememberFolds(store),
    board: { report: () => Promise.resolve(), read: () => Promise.resolve(null) },
    people: {
      standing: (person) => Promise.resolve(standings[person] ?? standing(person, ['viewer'], [])),
      eligible: () => Promise.resolve([]),
    },
    gateways: [GATEWAY],
    configDigest: 'c'.repeat(64),
    clock: () => START,
    storedSets: () => Promise.resolve([]),
    coordinate: () => Promise.resolve(),
    readAudit: () => Promise.resolve([]),
  });
  return { operations, store };
}

describe('somebody without the right', () => {
  it('is refused for that before anything else, whatever they name, and each try leaves its row', async () => {
    const { operations, store } = world();
    const backup = await operations.requestBackup({ gateway: 'production', delivery: { key: 'b' } }, inSlack(ALICE));
    const running = backup.ok ? backup.run.id : '';
    const by = inSlack(STRANGER);
    const tries: readonly (readonly [string, () => Promise<Answer>])[] = [
      ['unlock a gateway', () => operations.unlock('production', 'the disk was full', by)],
      ['unlock a gateway', () => operations.unlock('nowhere', 'the disk was full', by)],
      ['try a run again', () => operations.retry(running, by)],
      ['try a run again', () => operations.retry('B-99999', by)],
      ['review an emergency', () => operations.review('R-99999', 'it was needed', by)],
    ];
    for (const [, attempt] of tries) {
      expect(await attempt()).toMatchObject({ ok: false, refusal: { code: 'not-allowed' } });
    }
    const refused = store.system.filter(({ type }) => type === 'refusal.recorded').map(({ data }) => data);
    expect(refused).toMatchObject(tries.map(([command]) => ({ person: STRANGER, command, code: 'not-allowed' })));
    expect(await operations.review(running, 'it was needed', by)).toMatchObject({ refusal: { code: 'not-allowed' } });
    expect((await store.load(running)).at(-1)).toMatchObject({ type: 'refusal.recorded', data: { command: 'review' } });
  });

  it('does not stand in the way of those who may: they hear what is the matter', async () => {
    const { operations } = world();
    expect(await operations.unlock('production', 'the disk was full', inSlack(ALICE))).toMatchObject({
      refusal: { code: 'not-locked' },
    });
    expect(await operations.retry('B-99999', inSlack(ALICE))).toMatchObject({ refusal: { code: 'unknown-run' } });
    expect(await operations.review('R-99999', 'it was needed', inSlack(BOB))).toMatchObject({
      refusal: { code: 'unknown-run' },
    });
  });
});

it('a name of 100,000 characters comes back cut', async () => {
  const { operations } = world();
  const long = 'x'.repeat(100_000);
  const request = { gateway: 'production', set: long, strategy: 'database', delivery: { key: 'r' } } as const;
  expect(await operations.requestRestore(request, inSlack(ALICE))).toEqual({
    ok: false,
    refusal: {
      refused: true,
      code: 'unknown-set',
      message: `production has no set "${'x'.repeat(80)}…" in its destinations`,
      hint: 'Make a backup first',
    },
  });
  const gateway = await operations.requestBackup({ gateway: long, delivery: { key: 'g' } }, inSlack(ALICE));
  const run = await operations.cancel(long, undefined, inSlack(ALICE));
  for (const answer of [gateway, run]) expect(answer.ok ? 0 : answer.refusal.message.length).toBeLessThan(200);
});
