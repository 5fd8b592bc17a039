import { once } from 'node:events';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Step } from '../../../src/engine/ports.ts';
import { indexOf } from '../../../src/runs/run-index.ts';
import { openStage, type Stage } from '../../support/engine.ts';
import { ALICE, BOB, CAROL, OBSERVED, ONE_APPROVER, TWO_APPROVERS, inSlack } from '../../support/story.ts';

describe('a run with a gate', () => {
  let stage: Stage;
  beforeAll(async () => {
    stage = await openStage(TWO_APPROVERS);
  });
  afterAll(() => stage.close());

  it('a hundred parallel clicks by two approvers give exactly one transition, and each is answered (2.10)', async () => {
    const { id } = await stage.request();
    const gate = (await stage.play(id)).gates[0]?.gate ?? '';
    const clicks = Array.from({ length: 100 }, (_, index) =>
      stage.operations.vote({ gate, choice: 'go' }, inSlack(index % 2 === 0 ? BOB : CAROL)),
    );
    const answers = await Promise.all(clicks);
    expect(answers.filter(({ ok }) => ok).length).toBe(2);
    for (const answer of answers) if (!answer.ok) expect(answer.refusal.message).not.toBe('');
    const events = await stage.store.load(id);
    expect(events.filter(({ type }) => type === 'gate.decided').length).toBe(1);
    expect(events.filter(({ type }) => type === 'vote.cast').length).toBe(2);
    stage.applied.length = 0;
    expect((await stage.play(id)).outcome).toBe('succeeded');
    expect(stage.applied.filter((step) => step === 'dump-database')).toEqual(['dump-database']);
  });

  it('what was approved is looked at again just before the step: a change asks again without votes (2.6, 2.7)', async () => {
    const { id } = await stage.request();
    const gate = (await stage.play(id)).gates[0]?.gate ?? '';
    for (const person of [BOB, CAROL]) await stage.operations.vote({ gate, choice: 'go' }, inSlack(person));
    const moved = { ...OBSERVED, kongVersion: '3.9.2' };
    const dump = stage.steps['dump-database'];
    if (dump === undefined) throw new Error('no step');
    const engine = stage.engine({
      stepsFor: () => ({ ...stage.steps, 'dump-database': { ...dump, observe: () => Promise.resolve(moved) } }),
    });
    stage.applied.length = 0;
    await engine.work(id);
    const run = await stage.load(id);
    expect(stage.applied).toEqual([]);
    expect(run.gates.map(({ status }) => status)).toEqual(['superseded', 'open']);
    expect(run.gates[1]).toMatchObject({ votes: [], observed: moved });
    for (const person of [BOB, CAROL]) {
      await stage.operations.vote({ gate: run.gates[1]?.gate ?? '', choice: 'go' }, inSlack(person));
    }
    await engine.work(id);
    expect((await stage.load(id)).outcome).toBe('succeeded');
  });

  it('a cancel is heard while a gateway that does not answer is looked at again', async () => {
    const { id } = await stage.request();
    const gate = (await stage.play(id)).gates[0]?.gate ?? '';
    for (const person of [BOB, CAROL]) await stage.operations.vote({ gate, choice: 'go' }, inSlack(person));
    const dump = stage.steps['dump-database'];
    if (dump === undefined) throw new Error('no step');
    const looking = Promise.withResolvers<void>();
    const observe: Step['observe'] = async ({ signal }) => {
      looking.resolve();
      await once(signal, 'abort');
      throw signal.reason;
    };
    const engine = stage.engine({ stepsFor: () => ({ ...stage.steps, 'dump-database': { ...dump, observe } }) });
    stage.applied.length = 0;
    const working = engine.work(id);
    await looking.promise;
    await stage.operations.cancel(id, undefined, inSlack(ALICE));
    await engine.changed(id);
    await working;
    expect((await stage.load(id)).outcome).toBe('cancelled');
    expect(stage.applied).not.toContain('dump-database');
  });

  it('a policy that nobody could meet is refused at the request, and leaves a row (2.3)', async () => {
    const lonely = await openStage({ ...ONE_APPROVER, requirements: [{ group: 'nobody', minimum: 1 }] });
    const answer = await lonely.operations.requestBackup(
      { gateway: 'production', delivery: { key: 'k' } },
      inSlack(ALICE),
    );
    expect(answer).toMatchObject({
      ok: false,
      refusal: {
        code: 'policy-unmet',
        message: `Nobody could approve this: the policy of production needs 1 more of nobody besides the requester (${ALICE})`,
        hint: 'Let somebody else request it, or have the groups filled in the configuration or in Slack',
      },
    });
    const trail = await lonely.operations.audit({ about: { person: ALICE }, limit: 10 }, inSlack(ALICE));
    expect(trail.ok && trail.rows[0]?.body).toContain('policy-unmet');
    await lonely.close();
  });

  it('the runs index is what the log says, for every run (rule 2)', async () => {
    const rows = await stage.store.findRuns({ limit: 100 });
    expect(rows.length).toBeGreaterThan(0);
    for (const row of rows) {
      const events = await stage.store.load(row.id);
      expect(row).toEqual(indexOf(await stage.load(row.id), events.at(-1)?.at ?? ''));
    }
  });
});
