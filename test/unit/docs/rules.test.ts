import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Run } from '../../../src/runs/run.ts';
import { ARTIFACT_KINDS, backupPlan } from '../../../src/runbooks/backup.ts';
import { holds } from '../../../src/runs/person.ts';
import { mayVote } from '../../../src/runs/rules/approval.ts';
import { Editor } from '../../../src/slack/publish/edit.ts';
import type { PublishPorts } from '../../../src/slack/publish/ports.ts';
import { card } from '../../../src/slack/views/run/card.ts';
import { cancelButton } from '../../../src/slack/views/run/gate.ts';
import { backupSteps } from '../../../src/steps/steps.ts';
import { arbitraryStory } from '../../support/arbitrary-run.ts';
import { buttonsOf } from '../../support/slack/slack-limits.ts';
import { BOB, ONE_APPROVER, preflightDone, requestedBody, START, standing, story } from '../../support/story.ts';

const plan = backupPlan({
  gateway: 'blue',
  environment: 'production',
  kinds: ARTIFACT_KINDS,
  workspaces: 'all',
  destinations: ['main'],
  policy: ONE_APPROVER,
  attempts: 3,
  deadlineSeconds: 60,
});
const opened = (id = 'B-142'): Run => {
  const run = story(requestedBody(plan), ...preflightDone, {
    type: 'gate.opened',
    data: {
      gate: `${id}.g1`,
      step: 'dump-database',
      attempt: 1,
      policy: ONE_APPROVER,
      digest: 'd'.repeat(64),
      evidence: [],
      observed: {},
      expiresAt: '2026-11-21T03:00:00.000Z',
    },
  });
  return { ...run, id };
};

describe('roles', () => {
  test('an admin may do what an operator may, and never fills a seat by the title (1.3)', () => {
    const admin = standing(BOB, ['admin'], ['approvers']);
    expect((['viewer', 'operator', 'approver', 'admin'] as const).map((role) => holds(admin, role))).toEqual([
      true,
      true,
      false,
      true,
    ]);
    expect(mayVote(ONE_APPROVER.requirements, admin)).toBe(false);
  });

  test('a viewer may see and nothing else; whoever is in no group may not even see (1.3)', () => {
    const viewer = standing(BOB, ['viewer'], ['auditors']);
    expect((['viewer', 'operator', 'approver', 'admin'] as const).map((role) => holds(viewer, role))).toEqual([
      true,
      false,
      false,
      false,
    ]);
    expect(holds(standing(BOB, [], []), 'viewer')).toBe(false);
  });
});

describe('the run-book of a backup', () => {
  test('every step has a title, an undo or a stated lack of one, a deadline, and a do with a read-back check (4.2)', () => {
    const implemented = backupSteps({ destinations: [] } as never);
    for (const step of plan.steps) {
      expect(step.title).not.toBe('');
      expect(step.undo).not.toBe('');
      expect(step.deadlineSeconds).toBe(60);
      expect(['check', 'repeat', 'ask']).toContain(step.recovery);
      expect(implemented[step.id]).toMatchObject({ check: expect.any(Function), apply: expect.any(Function) });
    }
    expect(Object.keys(implemented).toSorted()).toEqual(plan.steps.map(({ id }) => id).toSorted());
  });
});

describe('buttons', () => {
  test('go and cancel ask again and name run and gateway; a no-go is confirmed by its reason (2.11)', () => {
    const run = opened();
    const buttons = buttonsOf(card(run, START, { names: {} }).blocks);
    const confirmed = (action: string) => JSON.stringify(buttons.find((one) => one.action_id === action) ?? null);
    expect(confirmed('gate.go')).toContain('Go for B-142 on blue?');
    expect(confirmed('run.cancel')).toContain('Cancel B-142 on blue?');
    expect(confirmed('gate.no-go')).not.toContain('confirm');
    expect(JSON.stringify(cancelButton(run))).toContain('what it wrote is removed');
  });

  test('cards are made of sections, headers, dividers, contexts, images and actions only (decision 20)', () => {
    fc.assert(
      fc.property(arbitraryStory, ({ runs, now }) => {
        const types = runs.flatMap((run) => card(run, now, { names: {} }).blocks.map(({ type }) => type));
        const known = new Set(['section', 'header', 'divider', 'context', 'image', 'actions']);
        expect(types.filter((type) => !known.has(type))).toEqual([]);
      }),
      { numRuns: 30 },
    );
  });
});

describe('edits', () => {
  test('buttons that people were asked to press do not wait for the progress of other runs (10.3)', async () => {
    const update = async () => ({ ok: true });
    const client = { chat: { update } } as unknown as PublishPorts['client'];
    const editor = new Editor({ client, editSeconds: 0 } as PublishPorts);
    const at = (run: Run): Run => ({
      ...run,
      messages: { card: { status: 'posted', channel: 'C02OPS', ts: '1.1', intendedAt: START.toISOString() } },
    });
    const drawn = (text: string) => ({ text, blocks: [] });
    const busy = at(story(requestedBody(plan), ...preflightDone));
    for (let edit = 0; edit < 40; edit += 1) {
      expect(await editor.edit(busy, 'card', drawn(`${edit} %`))).toEqual({ is: 'edited' });
    }
    expect(await editor.edit(busy, 'card', drawn('41 %'))).toMatchObject({ is: 'later' });
    expect(await editor.edit(at(opened('B-143')), 'card', drawn('Go?'))).toEqual({ is: 'edited' });
  });
});
