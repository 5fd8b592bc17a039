import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { GatePolicy } from '../../../src/runs/plan.ts';
import type { Run } from '../../../src/runs/run.ts';
import { fold } from '../../../src/runs/evolve.ts';
import { canonicalText, digestOf } from '../../../src/runs/json.ts';
import { next } from '../../../src/runs/next.ts';
import { indexOf } from '../../../src/runs/run-index.ts';
import { arbitraryStory } from '../../support/arbitrary-run.ts';
import { BOT, GUS } from '../../support/story.ts';

const everyStory = (
  claim: (
    told: Parameters<
      Parameters<typeof fc.property<[typeof arbitraryStory extends fc.Arbitrary<infer T> ? T : never]>>[1]
    >[0],
  ) => void,
) => fc.assert(fc.property(arbitraryStory, claim), { numRuns: 300 });

function wentUnder(run: Run, policy: GatePolicy): void {
  const by = run.gates.findLast(({ status }) => status === 'go')?.decidedBy ?? [];
  expect(by.length).toBe(policy.requirements[0]?.minimum);
  expect(new Set(by).size).toBe(by.length);
  expect(by).not.toContain(run.requestedBy);
  expect(by).not.toContain(GUS);
}

describe('in every story', () => {
  it('at most one gate is open, at most one step runs, and every version counts up', () => {
    everyStory(({ runs, events }) => {
      for (const [index, run] of runs.entries()) {
        expect(run.version).toBe(index + 1);
        expect(run.gates.filter(({ status }) => status === 'open').length).toBeLessThanOrEqual(1);
        expect(Object.values(run.steps).filter(({ status }) => status === 'running').length).toBeLessThanOrEqual(1);
      }
      expect(events.length).toBe(runs.length);
    });
  });

  it('no gated step starts without a go of enough distinct people, never the requester, never a guest (2.1, 2.2)', () => {
    everyStory(({ runs }) => {
      for (const run of runs) {
        const started = run.plan.steps.filter(({ id }) => (run.steps[id]?.attempt ?? 0) > 0);
        for (const { gate } of started) if (gate !== undefined) wentUnder(run, gate);
      }
    });
  });

  it('terminal is terminal (4.1)', () => {
    everyStory(({ runs, now }) => {
      const ended = runs.findIndex(({ outcome }) => outcome !== undefined);
      if (ended < 0) return;
      for (const run of runs.slice(ended)) {
        expect(run.outcome).toBe(runs[ended]?.outcome);
        expect(next(run, now)).toEqual({ do: 'nothing' });
        expect(run.steps).toEqual(runs[ended]?.steps);
      }
    });
  });

  it('a run that is not over always has somebody or something to wait for', () => {
    everyStory(({ runs, now }) => {
      const run = runs.at(-1);
      if (run === undefined || run.outcome !== undefined) return;
      expect(next(run, now).do).not.toBe('nothing');
    });
  });

  it('events told twice, or an outcome out of nowhere, never change what ended', () => {
    everyStory(({ runs, events }) => {
      const run = runs.at(-1);
      const outcomes = events.filter(({ type }) => type.startsWith('step.') && type !== 'step.started');
      const replay = outcomes.map((event, index) => ({ ...event, version: events.length + index + 1 }));
      expect({ ...fold([...events, ...replay]), version: 0 }).toEqual({
        ...run,
        version: 0,
        steps: fold([...events, ...replay])?.steps,
      });
      for (const [id, step] of Object.entries(run?.steps ?? {})) {
        if (step.status !== 'running') expect(fold([...events, ...replay])?.steps[id]).toEqual(step);
      }
    });
  });

  it('the index says active exactly while there is no outcome', () => {
    everyStory(({ runs, now }) => {
      for (const run of runs) {
        const index = indexOf(run, now.toISOString());
        expect(index.active).toBe(run.outcome === undefined);
        expect(index.exclusive !== null).toBe(index.active);
      }
    });
  });
});

describe('canonical text', () => {
  it('does not depend on the order of keys, and survives a round trip', () => {
    fc.assert(
      fc.property(fc.jsonValue({ noUnicodeString: false }), (value) => {
        const text = canonicalText({ value, actor: BOT });
        const backwards = { actor: { pid: 42, host: 'worker-1', kind: 'bot' }, value };
        expect(canonicalText(backwards)).toBe(text);
        expect(digestOf(JSON.parse(text))).toBe(digestOf({ value, actor: BOT }));
      }),
    );
  });
});
