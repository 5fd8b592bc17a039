import { describe, expect, it } from 'vitest';
import type { EventBody } from '../../../src/runs/event.ts';
import type { Run } from '../../../src/runs/run.ts';
import { drillPlan } from '../../../src/runbooks/restore-drill.ts';
import { restorePlan } from '../../../src/runbooks/restore.ts';
import { fold } from '../../../src/runs/evolve.ts';
import { digestOf } from '../../../src/runs/json.ts';
import { next } from '../../../src/runs/next.ts';
import type { Plan } from '../../../src/runs/plan.ts';
import { closedText } from '../../../src/slack/commands/after.ts';
import { card } from '../../../src/slack/views/run/card.ts';
import { blockFaults } from '../../support/slack/slack-limits.ts';
import { ALICE, BOB, ONE_APPROVER, START, did, events, minutes, planOf, stepStarted } from '../../support/story.ts';

const NAMES = { [ALICE]: 'Alice', [BOB]: 'Bob' };
const SET = 'production-20261121T0200Z-B-1';
const common = {
  gateway: 'production',
  environment: 'production',
  set: SET,
  destination: 'main',
  attempts: 3,
  deadlineSeconds: 60,
};
const plan = restorePlan({
  ...common,
  strategy: 'database',
  safety: 'backup',
  safetySteps: planOf(null).steps,
  safetyParameters: planOf(null).parameters,
  policy: ONE_APPROVER,
  holdSeconds: 86_400,
});

function run(of: Plan, ...bodies: readonly EventBody[]): Run {
  const data = {
    kind: of.runbook,
    plan: of,
    planDigest: digestOf(of),
    requestedBy: ALICE,
    channel: 'C02OPS',
    configDigest: 'c'.repeat(64),
    eligible: [BOB],
  };
  const told = fold(events([{ type: 'run.requested', data }, ...bodies], of.runbook === 'drill' ? 'D-3' : 'R-7'));
  if (told === null) throw new Error('no run');
  return told;
}

/** The card as one text: the sentence for screen readers, then its blocks. */
function drawn(of: Run): { readonly sentence: string; readonly all: string } {
  const drawing = card(of, minutes(5), { names: NAMES });
  expect(blockFaults(drawing.blocks, 50)).toEqual([]);
  return { sentence: drawing.text, all: JSON.stringify(drawing.blocks) };
}

const preview = {
  changes: [{ kind: 'routes', created: 1, updated: 2, deleted: 3, names: ['orders', '<!channel>'] }],
  degradedMinutes: 1,
};
const SAFETY = ['preflight', 'dump-database', 'dump-declarative', 'save-files', 'publish-set', 'verify-set'];
const before = [
  ...['check-set', ...SAFETY, 'restore-scratch'].flatMap((step) => did(step)),
  ...did('preview-change', preview),
];
const opening = next(run(plan, ...before), START);
const opened = opening.do === 'record' ? opening.events : [];
const go: EventBody = { type: 'gate.decided', data: { gate: 'R-7.g1', outcome: 'go', by: [BOB] } };
const live = [
  ...before,
  ...opened,
  go,
  ...did('swap-database', { live: 'kong', kept: 'kong_r7_old' }),
  ...did('reload-nodes'),
  ...did('prove-restore', {
    nodes: [
      { node: 'kong-1', purged: true, proven: ['route orders is found again'] },
      { node: 'kong-2', purged: false, proven: [] },
      { node: 'kong-3', purged: true, proven: [], unasked: 'no-proxy' },
      { node: 'kong-4', purged: true, proven: [], unasked: 'no-request' },
    ],
    restartByHand: ['kong-2'],
  }),
];
const held: EventBody = { type: 'run.held', data: { until: minutes(24 * 60).toISOString() } };
const asked = (drop: boolean): EventBody => ({ type: 'close.requested', data: { person: BOB, drop } });
const over: EventBody = { type: 'run.succeeded', data: {} };

describe('the card of a restore', () => {
  it('shows the approvers what would change, escaped, before they decide', () => {
    const { all } = drawn(run(plan, ...before, ...opened));
    expect(all).toContain('routes: 1 back, 2 other, *3 gone* (orders and &lt;!channel&gt;)');
    expect(all).toContain('The restored database goes live; the one before is kept');
    expect(all).not.toContain('A backup only reads');
    expect(all).not.toContain('Swap the databases back');
  });

  it('says what is live, what was kept, what was proven and until when it can be undone', () => {
    const { sentence, all } = drawn(run(plan, ...live, held));
    expect(sentence).toMatch(
      /^Restore R-7 of production, asked for by Alice, is live and can be undone\. `kong` is the restored database\. The one before is kept as `kong_r7_old`\. It can be rolled back until /,
    );
    expect(all).toContain('kong-1: route orders is found again');
    expect(all).toContain('*Restart by hand:* kong-2');
    expect(all).toContain('kong-2: nothing was proven, because it could not be reloaded');
    expect(all).toContain('kong-3: nothing was proven, because its proxy is not known');
    expect(all).toContain('kong-4: nothing was proven, because no route can be asked for with a plain GET');
    expect(all).not.toContain('Cancel');
  });

  it('says what went wrong after it was live, and that people decide', () => {
    const fault = { code: 'restore.not-proven', message: 'A node still serves the old routes', hint: 'Restart it' };
    const failed: EventBody = { type: 'step.failed', data: { step: 'prove-restore', attempt: 1, fault } };
    const bad = [...live.slice(0, -2), stepStarted('prove-restore'), failed];
    const { sentence } = drawn(
      run(plan, ...bad, { type: 'run.held', data: { ...held.data, step: 'prove-restore', fault } }),
    );
    expect(sentence).toContain(
      'is held and needs a decision. A node still serves the old routes. Restart it. It can be rolled back until',
    );
  });

  it('says that it was rolled back, and that the gateway is locked until the cause is known', () => {
    const back: EventBody[] = [...live, held, { type: 'rollback.requested', data: { person: BOB } }];
    expect(drawn(run(plan, ...back)).sentence).toContain('is being rolled back. Bob asked to roll it back.');
    const over: EventBody[] = [...back, { type: 'run.rolled-back', data: {} }];
    expect(drawn(run(plan, ...over)).sentence).toContain(
      'was rolled back. Everything is as it was before. The gateway is locked until somebody records the cause.',
    );
    const unlocked: EventBody = { type: 'gateway.unlocked', data: { person: BOB, cause: 'it was the wrong set' } };
    expect(drawn(run(plan, ...over, unlocked)).sentence).toContain('Bob recorded the cause: “it was the wrong set”.');
  });

  it('says when it is closed, which database is still there, and how to remove it', () => {
    const closed: EventBody[] = [...live, held, asked(false), over];
    expect(drawn(run(plan, ...closed)).sentence).toContain(
      'is restored and closed. The way back is closed. `kong` is the restored database. The database before is still there as `kong_r7_old`. It takes up room and holds credentials. To remove it by hand: `DROP DATABASE "kong_r7_old";`',
    );
    const byItself = drawn(run(plan, ...live, held, over)).sentence;
    expect(byItself).toContain('The database before is still there as `kong_r7_old`.');
  });

  it('says when it is closed that the database before was dropped', () => {
    const dropped: EventBody[] = [...live, held, asked(true), ...did('drop-kept', { dropped: 'kong_r7_old' }), over];
    const { sentence } = drawn(run(plan, ...dropped));
    expect(sentence).toContain('The one before, `kong_r7_old`, was dropped.');
    expect(sentence).not.toMatch(/still there|is kept/);
  });

  it('answers the one who closes it with what becomes of the database before', () => {
    expect(closedText(run(plan, ...live, held, asked(false)))).toBe(
      'Restore R-7 of production is being closed: it cannot be rolled back any more. The database before is still there as `kong_r7_old`. It takes up room and holds credentials. To remove it by hand: `DROP DATABASE "kong_r7_old";`',
    );
    expect(closedText(run(plan, ...live, held, asked(true)))).toBe(
      'Restore R-7 of production is being closed: it cannot be rolled back any more. The database before, `kong_r7_old`, is being dropped.',
    );
    const alone = [...before, ...opened, go, ...did('swap-database', { live: 'kong', kept: '' }), held, asked(true)];
    expect(closedText(run(plan, ...alone))).toMatch(/any more\. No database was kept, so none is dropped\.$/);
  });

  it('says that nothing was touched when the set was refused', () => {
    const fault = { code: 'restore-refused', message: 'Set x cannot be restored', hint: 'Use another' };
    const failed: EventBody[] = [
      stepStarted('check-set'),
      { type: 'step.failed', data: { step: 'check-set', attempt: 1, fault } },
      { type: 'run.failed', data: { step: 'check-set', fault } },
    ];
    expect(drawn(run(plan, ...failed)).all).toContain('production: its database was never touched.');
  });
});

describe('the card of a drill', () => {
  it('says what is left behind when the clean-up failed too', () => {
    const at = (step: string) => ({ step, attempt: 1 });
    const full = { code: 'restore.disk-full', message: 'There is no room', hint: 'Free space' };
    const stays = { code: 'database.refused', message: 'kong_r7 was not removed', hint: 'Remove it' };
    const failed = run(
      plan,
      { type: 'step.started', data: at('restore-scratch') },
      { type: 'step.failed', data: { ...at('restore-scratch'), fault: full } },
      { type: 'step.started', data: at('drop-scratch') },
      { type: 'step.failed', data: { ...at('drop-scratch'), fault: stays } },
      { type: 'run.failed', data: { step: 'restore-scratch', fault: full } },
    );
    expect(drawn(failed).all).toContain('*Something is left behind:* kong_r7 was not removed. Remove it.');
    expect(drawn(failed).all).not.toContain('Nothing else');
  });

  it('says what was compared, and that nothing is left', () => {
    const done = did('restore-drill', { set: SET, restoredAt: START.toISOString(), tables: 31, rows: 5120 });
    const told = run(drillPlan(common), ...did('check-set'), ...done, { type: 'run.succeeded', data: {} });
    expect(drawn(told).sentence).toContain(
      'was proven by a drill. The set was restored aside and every count matched. 5,120 rows in 31 tables were compared. Nothing of it is left.',
    );
  });
});

describe('the card of a restore that swaps no database', () => {
  const of = (strategy: 'files' | 'dbless') =>
    restorePlan({
      ...common,
      strategy,
      safety: 'kept-database',
      safetySteps: [],
      safetyParameters: {},
      policy: null,
      holdSeconds: 86_400,
    });

  it('of files says where they lie, what must be filled in, and what puts them into use', () => {
    const placed = { folder: '/usr/local/kong-chatops-r-7', commands: ["cp 'a' 'b'"], fillIn: ['pg_password'] };
    const held = run(
      of('files'),
      ...did('check-set', {}),
      ...did('diff-files', { ...preview, changes: [{ ...preview.changes[0], kind: 'files' }] }),
      ...did('place-files', placed),
      { type: 'run.held', data: { until: minutes(1440).toISOString() } },
    );
    const { all } = drawn(held);
    expect(all).toContain('The files lie in `/usr/local/kong-chatops-r-7`; those in use are as they were.');
    expect(all).toContain('*What the set has other than the gateway:*');
    expect(all).toContain("`cp 'a' 'b'`");
    expect(all).toContain('*Fill in first* (masked, because the set is not encrypted): pg_password');
  });

  it('of nodes without a database says what is live of it', () => {
    const held = run(
      of('dbless'),
      ...did('check-set', {}),
      ...did('diff-dbless', preview),
      ...did('load-dbless', { nodes: [] }),
      ...did('read-back-dbless', { nodes: [{ node: 'edge-1', proven: ['route a is found'] }], restartByHand: [] }),
      { type: 'run.held', data: { until: minutes(1440).toISOString() } },
    );
    const { all } = drawn(held);
    expect(all).toContain('The gateway is configured as in the set.');
    expect(all).toContain('edge-1: route a is found');
  });
});
