import { describe, expect, it } from 'vitest';
import { rememberFolds } from '../../../src/engine/commands/folds.ts';
import { createOperations } from '../../../src/engine/commands/operations.ts';
import type { Operations } from '../../../src/engine/ports.ts';
import { recallingStore } from '../../../src/engine/recall.ts';
import { restorable } from '../../support/restorable.ts';
import { memoryStore } from '../../support/store/memory-store.ts';
import { ALICE, BOB, START, approver, inSlack, operator, planOf } from '../../support/story.ts';

const SET = 'production-20261121T0200Z-B-9';

/** Two processes' operations on one log. */
function processes(): {
  readonly store: ReturnType<typeof memoryStore>;
  readonly one: Operations;
  readonly two: Operations;
} {
  const store = memoryStore();
  const stored = {
    set: SET,
    state: 'finished' as const,
    createdAt: START.toISOString(),
    ageSeconds: 0,
    bytes: 1,
    gaps: 0,
    places: [{ destination: 'main', path: '/srv' }],
    missingFrom: [],
  };
  const open = (): Operations =>
    createOperations({
      store: recallingStore(store),
      folds: rememberFolds(store),
      board: { report: () => Promise.resolve(), read: () => Promise.resolve(null) },
      people: {
        standing: (person) => Promise.resolve(operator(person)),
        eligible: () => Promise.resolve([approver(BOB)]),
      },
      gateways: ['production', 'staging'].map((name) =>
        restorable({ name, environment: name, channel: 'C02OPS', backupPlan: planOf(null, name) }),
      ),
      configDigest: 'c'.repeat(64),
      clock: () => START,
      storedSets: () => Promise.resolve([stored]),
      coordinate: () => Promise.resolve(),
      readAudit: () => Promise.resolve([]),
    });
  return { store, one: open(), two: open() };
}

describe('a backup and a restore that are asked for at the same moment', () => {
  it.each(Array.from({ length: 24 }, (_, late) => late))(
    'never both run, whoever looked and appended first (the backup %s turns later)',
    async (late) => {
      const { store, one, two } = processes();
      const asked = { gateway: 'production', set: SET, strategy: 'database', delivery: { key: 'k2' } } as const;
      const restore = two.requestRestore(asked, inSlack(ALICE));
      for (let turn = 0; turn < late; turn += 1) await Promise.resolve();
      const backup = one.requestBackup({ gateway: 'production', delivery: { key: 'k1' } }, inSlack(ALICE));
      const answers = await Promise.all([backup, restore]);
      const going = (await store.findRuns({ gateway: 'production', active: true, limit: 9 })).map(({ id }) => id);
      const runs = await Promise.all(going.map((id) => one.run(id)));
      const wanted = runs.filter((found) => found?.run.cancel === undefined);
      expect(wanted.length).toBe(answers.filter(({ ok }) => ok).length);
      expect(wanted.length).toBeLessThanOrEqual(1);
      for (const answer of answers) if (!answer.ok) expect(answer.refusal.code).toBe('busy');
    },
  );
});

describe('the number of a run', () => {
  it('is taken by no request that is refused, nor by one that comes twice', async () => {
    const { one, two } = processes();
    const ask = (by: Operations, gateway: string, key: string) =>
      by.requestBackup({ gateway, delivery: { key } }, inSlack(ALICE));
    const asked = await Promise.all([
      ask(one, 'production', 'first'),
      ask(two, 'production', 'first'),
      ask(two, 'production', 'other'),
      ask(one, 'nowhere', 'typo'),
    ]);
    expect(asked.map((answer) => (answer.ok ? answer.run.id : answer.refusal.code))).toEqual([
      'B-142',
      'B-142',
      'busy',
      'unknown-gateway',
    ]);
    expect(await ask(two, 'staging', 'next')).toMatchObject({ run: { id: 'B-143' } });
  });

  it('is not shared by two that ask at once', async () => {
    const { store, one, two } = processes();
    const asked = await Promise.all([
      one.requestBackup({ gateway: 'production', delivery: { key: 'k1' } }, inSlack(ALICE)),
      two.requestBackup({ gateway: 'staging', delivery: { key: 'k2' } }, inSlack(ALICE)),
    ]);
    expect(asked.map((answer) => answer.ok && `${answer.run.id} ${answer.run.plan.gateway}`)).toEqual([
      'B-142 production',
      'B-143 staging',
    ]);
    expect(await store.load('B-143')).toHaveLength(1);
  });
});

describe('a backup that is sent again', () => {
  it('with another gateway is not that one’s, and says so', async () => {
    const { store, one } = processes();
    const ask = (gateway: string) => one.requestBackup({ gateway, delivery: { key: 'window' } }, inSlack(ALICE));
    expect(await ask('production')).toMatchObject({ ok: true, run: { id: 'B-142' } });
    expect(await ask('production')).toMatchObject({ ok: true, again: true, run: { id: 'B-142' } });
    expect(await ask('staging')).toMatchObject({
      ok: false,
      refusal: {
        code: 'asked-already',
        message:
          'This was sent before with other choices and made B-142, which backs up production, so nothing else was started',
        hint: 'Follow B-142 on its card; to ask for something else, ask anew',
      },
      run: { id: 'B-142' },
    });
    expect(await store.findRuns({ gateway: 'staging', limit: 9 })).toEqual([]);
    expect((await one.run('B-142'))?.run.cancel).toBeUndefined();
    expect(store.system.map(({ data }) => data)).toMatchObject([
      { code: 'asked-already', command: 'request backup of staging' },
    ]);
  });
});
