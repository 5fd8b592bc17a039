import { describe, expect, it } from 'vitest';
import { rememberFolds } from '../../../src/engine/commands/folds.ts';
import { createOperations } from '../../../src/engine/commands/operations.ts';
import type { Operations } from '../../../src/engine/ports.ts';
import { recallingStore } from '../../../src/engine/recall.ts';
import type { Standing } from '../../../src/runs/person.ts';
import { owedMessages } from '../../../src/slack/publish/owed.ts';
import { restorable } from '../../support/restorable.ts';
import { memoryStore } from '../../support/store/memory-store.ts';
import { ALICE, BOB, START, approver, byCli, inSlack, minutes, planOf, standing } from '../../support/story.ts';

const SET = 'production-20261121T0200Z-B-9';
const GATEWAY = restorable({
  name: 'production',
  environment: 'production',
  channel: 'C02OPS',
  backupPlan: planOf(null),
});
const PEOPLE: Readonly<Record<string, Standing>> = {
  [ALICE]: standing(ALICE, ['admin'], ['admins']),
  [BOB]: approver(BOB),
};

/** The operations of people on one gateway with one set that nobody verified; `at` moves the clock. */
function world(): { readonly operations: Operations; readonly at: (hours: number) => void } {
  let now = START;
  const store = memoryStore();
  const operations = createOperations({
    store: recallingStore(store),
    folds: rememberFolds(store),
    board: { report: () => Promise.resolve(), read: () => Promise.resolve(null) },
    people: {
      standing: (person) => Promise.resolve(PEOPLE[person] ?? standing(person, [], [])),
      eligible: () => Promise.resolve([approver(BOB)]),
    },
    gateways: [GATEWAY],
    configDigest: 'c'.repeat(64),
    clock: () => now,
    storedSets: () =>
      Promise.resolve([
        {
          set: SET,
          state: 'finished' as const,
          createdAt: START.toISOString(),
          ageSeconds: 0,
          bytes: 1,
          gaps: 0,
          places: [{ destination: 'main', path: '/srv' }],
          missingFrom: [],
        },
      ]),
    coordinate: () => Promise.resolve(),
    readAudit: () => Promise.resolve([]),
  });
  return { operations, at: (hours) => void (now = minutes(hours * 60)) };
}

const breaking = {
  gateway: 'production',
  set: SET,
  strategy: 'database',
  reason: 'every route answers 404',
  emergency: { incident: 'INC-4711', unverified: true },
  delivery: { key: 'k1' },
} as const;

describe('after an emergency', () => {
  it('nobody starts anything normal on its gateway from 72 hours on, until somebody else reviewed it (3.3)', async () => {
    const { operations, at } = world();
    const broke = await operations.requestRestore(breaking, byCli(ALICE));
    if (!broke.ok) throw new Error(broke.refusal.message);
    const { id } = broke.run;
    expect((await operations.cancel(id, undefined, inSlack(ALICE))).ok).toBe(true);
    const backup = (key: string) =>
      operations.requestBackup({ gateway: 'production', delivery: { key } }, inSlack(ALICE));
    const drill = () =>
      operations.requestDrill({ gateway: 'production', set: SET, delivery: { key: 'd' } }, inSlack(ALICE));
    at(73);
    for (const refused of [await backup('k2'), await drill()]) {
      expect(refused).toMatchObject({ ok: false, refusal: { code: 'review-overdue' }, run: { id } });
    }
    expect(await operations.review(id, 'it was needed, I looked', inSlack(ALICE))).toMatchObject({
      refusal: { code: 'own-emergency' },
    });
    expect((await operations.review(id, 'it was needed, I looked', inSlack(BOB))).ok).toBe(true);
    expect((await drill()).ok).toBe(true);
  });

  it('a set without proof is refused even then, but for a second, louder word (3.2)', async () => {
    const { operations } = world();
    const quiet = { ...breaking, emergency: { incident: 'INC-4711' } };
    expect(await operations.requestRestore(quiet, inSlack(ALICE))).toEqual({
      ok: false,
      refusal: {
        refused: true,
        code: 'set-unverified',
        message: `${SET} was never read back and compared, so nobody knows whether it is whole`,
        hint: 'Choose a verified set; if there is none, confirm that you want this one unverified',
      },
    });
  });

  it('the channel and everybody skipped are told once, and reminded until it is reviewed', async () => {
    const { operations } = world();
    const broke = await operations.requestRestore(breaking, inSlack(ALICE));
    if (!broke.ok) throw new Error(broke.refusal.message);
    const slots = (hours: number): readonly string[] =>
      owedMessages(broke.run, [], undefined, minutes(hours * 60)).map(({ slot, to }) => `${slot} > ${to}`);
    expect(slots(0)).toEqual(['card > C02OPS', 'emergency > C02OPS', `emergency:${BOB} > U02BOB`]);
    expect(slots(50).at(-1)).toBe('review-due:48:U02BOB > U02BOB');
  });
});
