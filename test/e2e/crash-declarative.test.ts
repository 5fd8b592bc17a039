import { beforeAll, describe, expect, it } from 'vitest';
import { tellStory, type Told } from '../support/crash/crash-story.ts';
import { CRASH_TOOLS } from './crash-story.ts';
import { need } from '../support/need.ts';

/** Everything else in such a run is the same whatever is restored: `crash-postgres` kills at each append of that. */
const AROUND_STEPS = String.raw`^restore: step\.\w+ (?:diff|sync|purge|read-back|prove)`;

/** A restore by decK and its undo, told once as they are, then with the bot killed before and after each of their steps. */
describe.skipIf(CRASH_TOOLS.some((tool) => !need(tool)))(
  'a bot that is killed around each step of a restore by decK',
  () => {
    let calm: Told;
    let killed: Told;
    beforeAll(async () => {
      const chapters = ['backup', 'declarative'] as const;
      [calm, killed] = await Promise.all([
        tellStory(null, null, chapters),
        tellStory(null, { only: AROUND_STEPS }, chapters),
      ]);
    }, 600_000);

    it('configures the gateway as in the set, and takes that back, when nobody kills it', () => {
      expect(calm.endings.declarative).toMatchObject({
        outcome: 'rolled-back',
        databases: ['LIVE'],
        live: 'old',
        served: 200,
        leftBehind: [],
      });
      expect(calm.deaths).toEqual([]);
    });

    it('dies before and after each step', () => {
      const around = calm.points.filter((point) => new RegExp(AROUND_STEPS).test(point));
      expect(around.length).toBeGreaterThanOrEqual(16);
      expect(around.filter((point) => !killed.deaths.includes(point))).toEqual([]);
    });

    it('ends the same: the gateway as it was, each message once, nothing left behind', () => {
      expect(killed.endings).toEqual(calm.endings);
    });
  },
);
