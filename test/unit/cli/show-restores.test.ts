import { describe, expect, it } from 'vitest';
import { follow } from '../../../src/cli/follow.ts';
import { showRun } from '../../../src/cli/show/run.ts';
import { showGateway } from '../../../src/cli/show/status.ts';
import { comparePlan } from '../../../src/runbooks/compare.ts';
import { drillPlan } from '../../../src/runbooks/restore-drill.ts';
import { restorePlan } from '../../../src/runbooks/restore.ts';
import type { EventBody } from '../../../src/runs/event.ts';
import { fold } from '../../../src/runs/evolve.ts';
import type { Plan, RunKind } from '../../../src/runs/plan.ts';
import type { Run } from '../../../src/runs/run.ts';
import { testTerminal } from '../../support/cli.ts';
import {
  ALICE,
  BOB,
  did,
  events,
  minutes,
  OBSERVED,
  ONE_APPROVER,
  requestedBody,
  stepStarted,
} from '../../support/story.ts';

const name = (person: string) => ({ [ALICE]: 'Alice', [BOB]: 'Bob' })[person] ?? person;
const NOW = minutes(5);
const SET = 'production-20261120T0200Z-B-1';
const common = { gateway: 'production', environment: 'production', set: SET, destination: 'main' };
const limits = { attempts: 3, deadlineSeconds: 7200 };
const RESTORE = restorePlan({
  ...common,
  ...limits,
  strategy: 'database',
  safety: 'backup',
  safetySteps: [{ queue: 'backup', ...limits, id: 'publish-set', title: 'Publish', recovery: 'repeat', undo: 'none' }],
  safetyParameters: {},
  policy: ONE_APPROVER,
  holdSeconds: 3600,
});

function told(kind: RunKind, plan: Plan, ...bodies: readonly EventBody[]) {
  const asked = requestedBody(plan);
  if (asked.type !== 'run.requested') throw new Error('a story starts with run.requested');
  const list = events([{ ...asked, data: { ...asked.data, kind } }, ...bodies], 'R-4');
  const run = fold(list);
  if (run === null) throw new Error('no run');
  return { run, events: list, progress: null };
}
const shown = (run: Run): string[] => showRun({ run, progress: null, now: NOW, name });

const CHANGES = [{ kind: 'routes', created: 1, updated: 0, deleted: 0, names: ['catalog-v1'] }];
const checked = did('check-set', { set: SET, takenAt: '2026-11-20T02:05:00.000Z' });
const places = [{ destination: 'main', path: '/sets/4' }];
const atGate: readonly EventBody[] = [
  ...checked,
  ...did('publish-set', { set: 'production-20261121T0200Z-R-4', bytes: 2_000_000, gaps: [], places }),
  ...did('restore-scratch'),
  ...did('preview-change', { changes: CHANGES, degradedMinutes: 2 }),
  {
    type: 'gate.opened',
    data: {
      gate: 'R-4.g1',
      step: 'swap-database',
      attempt: 1,
      policy: ONE_APPROVER,
      digest: 'd'.repeat(64),
      evidence: [],
      observed: OBSERVED,
      expiresAt: '2026-11-21T03:00:00.000Z',
    },
  },
];
const NODES = [
  { node: 'kong-1', purged: true, proven: ['route catalog-v1 is found again'] },
  { node: 'kong-2', purged: true, proven: [], unasked: 'no-proxy' },
  { node: 'kong-3', purged: true, proven: [], unasked: 'no-request' },
];
const ROLLED_BACK: readonly EventBody[] = [
  { type: 'rollback.requested', data: { person: ALICE, reason: 'wrong week' } },
  ...did('swap-back'),
  ...did('prove-back', { nodes: [{ node: 'kong-1', purged: true, proven: ['route new is found again'] }] }),
  { type: 'run.rolled-back', data: {} },
];
const LIVE: readonly EventBody[] = [
  ...atGate,
  { type: 'gate.decided', data: { gate: 'R-4.g1', outcome: 'go', by: [BOB] } },
  ...did('swap-database'),
  ...did('prove-restore', { nodes: NODES, restartByHand: [] }),
  { type: 'run.held', data: { until: '2026-11-21T04:00:00.000Z' } },
];
const FACTS = [
  `  restores the set ${SET}, 1 d old, by the strategy database`,
  '  safety backup of the state before: set production-20261121T0200Z-R-4, 2.0 MB in main: /sets/4',
];
const DIFF = [
  '  would change against the database before, for about 2 min of mixed answers:',
  '    routes: 1 comes back (catalog-v1)',
];

describe('a restore in the terminal', () => {
  it('shows at its gate which set it restores, what keeps the present state, and what would change', async () => {
    const found = told('restore', RESTORE, ...atGate);
    expect(shown(found.run)).toEqual(expect.arrayContaining([...FACTS, ...DIFF]));
    const terminal = testTerminal({ now: () => NOW });
    expect(await follow(terminal, { run: async () => found }, 'R-4', name)).toBe(0);
    const said = terminal.lines.out.slice(-7);
    expect(said.slice(0, 4)).toEqual([...FACTS, ...DIFF]);
    expect(said[4]).toMatch(/^ {2}waits for go from 1 of approvers/);
  });

  it('tells the expiry of its gate in one format', async () => {
    const terminal = testTerminal({ now: () => NOW });
    await follow(terminal, { run: async () => told('restore', RESTORE, ...atGate) }, 'R-4', name);
    const said = terminal.lines.out.filter((line) => line.includes('03:00:00'));
    expect(said).toHaveLength(2);
    expect(said.every((line) => line.includes('2026-11-21 03:00:00Z'))).toBe(true);
  });

  it('says on which node what was proven, and where nothing was', async () => {
    const found = told('restore', RESTORE, ...LIVE);
    const proofs = [
      '  proven on node kong-1: route catalog-v1 is found again',
      '  nothing was proven on node kong-2: its proxy is not known (nodes.proxy_url)',
      '  nothing was proven on node kong-3: no route can be asked for with a plain GET (restore.proof, restore.smoke)',
    ];
    expect(shown(found.run)).toEqual(
      expect.arrayContaining([...FACTS, ...proofs, '    routes: 1 came back (catalog-v1)']),
    );
    const terminal = testTerminal({ now: () => NOW });
    expect(await follow(terminal, { run: async () => found }, 'R-4', name)).toBe(0);
    expect(terminal.lines.out).toEqual(expect.arrayContaining(proofs));
  });

  it('that was rolled back says who asked, why, and how to unlock', () => {
    const { run } = told('restore', RESTORE, ...LIVE, ...ROLLED_BACK);
    const lines = shown(run);
    expect(lines).toContain('  proven on node kong-1: route new is found again');
    expect(lines.join('\n')).not.toMatch(/failed|nothing was proven/);
    expect(lines.slice(-2)).toEqual([
      '  rolled back at 2026-11-21 02:00:21Z, asked by Alice: wrong week. Everything is as it was.',
      "  production is locked: kong-chatops unlock production --cause '…'",
    ]);
    const status = { gateway: 'production', environment: 'production', lastVerified: null, active: [] };
    expect(showGateway({ ...status, lastEnded: null, locked: run }, NOW)).toContain(
      "  LOCKED since R-4 was rolled back (2026-11-21 02:00:21Z): kong-chatops unlock production --cause '…'",
    );
  });

  it('that was rolled back and unlocked says by whom and why', () => {
    const unlocked: EventBody = { type: 'gateway.unlocked', data: { person: BOB, cause: 'the wrong set was chosen' } };
    const { run } = told('restore', RESTORE, ...LIVE, ...ROLLED_BACK, unlocked);
    expect(shown(run).at(-1)).toBe(
      '  production was unlocked by Bob at 2026-11-21 02:00:22Z: the wrong set was chosen',
    );
  });

  it('is followed from a command on, not from its beginning', async () => {
    const before = told('restore', RESTORE, ...LIVE).run;
    const found = told('restore', RESTORE, ...LIVE, ...ROLLED_BACK);
    const terminal = testTerminal({ now: () => NOW });
    expect(await follow(terminal, { run: async () => found }, 'R-4', name, before.version + 1)).toBe(0);
    expect(terminal.lines.out.map((line) => line.replace(/^[-0-9]+ [:0-9]+Z {2}/, ''))).toEqual([
      'Swap the databases back: started',
      'Swap the databases back: done',
      'Prove a route and a credential on every node: started',
      'Prove a route and a credential on every node: done',
      '  proven on node kong-1: route new is found again',
      '  rolled back at 2026-11-21 02:00:21Z, asked by Alice: wrong week. Everything is as it was.',
      "  production is locked: kong-chatops unlock production --cause '…'",
    ]);
  });
});

describe('what only reads', () => {
  it('a drill says which set it restored and what it counted', () => {
    const plan = drillPlan({ ...common, ...limits });
    const { run } = told('drill', plan, ...checked, ...did('restore-drill', { set: SET, tables: 35, rows: 610 }));
    expect(shown(run)).toEqual(
      expect.arrayContaining([
        `  drills the set ${SET}, 1 d old`,
        '  restored aside and counted: 610 rows in 35 tables equal',
      ]),
    );
  });

  it('a comparison says that it is one', () => {
    const plan = comparePlan({ ...common, ...limits });
    const done: EventBody = { type: 'run.succeeded', data: {} };
    const compared = (changes: object) =>
      shown(told('compare', plan, ...checked, ...did('diff-declarative', { changes }), done).run);
    expect(compared(CHANGES)).toEqual(
      expect.arrayContaining([
        '  the set beside the gateway now; restoring the set would mean:',
        '    routes: 1 comes back (catalog-v1)',
      ]),
    );
    expect(compared([])).toContain('  the set beside the gateway now: nothing that configures the gateway differs');
    expect(compared(CHANGES).join('\n')).not.toContain('mixed answers');
  });

  it('a step of less than a second took less than a second', () => {
    const plan = drillPlan({ ...common, ...limits });
    const list = told('drill', plan, stepStarted('check-set'), ...checked.slice(1)).events;
    const run = fold(list.map((event) => ({ ...event, at: '2026-11-21T02:00:00.400Z' })));
    expect(run === null ? [] : shown(run)).toContain('  [+] Prove the set byte by byte  <1 s');
  });
});
