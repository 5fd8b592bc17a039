import fc from 'fast-check';
import { expect, it } from 'vitest';
import { originOfRun, shownOrigin } from '../../../src/slack/modals/as-shown.ts';
import { comingBack } from '../../../src/slack/modals/coming-back.ts';
import { choice, typedText } from '../../../src/slack/views/inputs.ts';
import { modal } from '../../../src/slack/views/modals.ts';
import { fold } from '../../../src/runs/evolve.ts';
import { events, requestedBody } from '../../support/story.ts';

const SET = { block: 'set', action: 'set' };
const WHY = { block: 'why', action: 'why' };
const blocks = [
  choice(
    SET,
    'Which?',
    [
      { label: 'A', value: 'a' },
      { label: 'B', value: 'b' },
    ],
    'a',
  ),
  typedText(WHY, 'Why?', { hint: '', optional: true, multiline: false }),
];
const state = (set: unknown, why: unknown) => ({ values: { set: { set }, why: { why } } });

it('whatever comes back, it is read without an error, and only what was offered counts', () => {
  fc.assert(
    fc.property(fc.anything(), fc.anything(), fc.anything(), (set, why, odd) => {
      for (const view of [
        { blocks, state: state(set, why) },
        { blocks, state: odd },
        { blocks: odd, state: odd },
      ]) {
        const { values, faults } = comingBack(view);
        const chosen = values['set']?.['set']?.selected_option?.value;
        expect([undefined, 'a', 'b']).toContain(chosen);
        expect(['string', 'object', 'undefined']).toContain(typeof values['why']?.['why']?.value);
        if (view.blocks === blocks && chosen === undefined) expect(faults).toHaveProperty('set');
      }
    }),
  );
});

it('what was proposed counts where nobody chose, and what was chosen where somebody did', () => {
  const read = (set: unknown) => comingBack({ blocks, state: state(set, { value: ' so ' }) });
  expect(read(undefined).values).toEqual({
    set: { set: { selected_option: { value: 'a' } } },
    why: { why: { value: ' so ' } },
  });
  expect(read({ selected_option: { value: 'b' } }).values['set']).toEqual({ set: { selected_option: { value: 'b' } } });
  expect(read({ selected_option: { value: 'c' } })).toMatchObject({
    values: { why: {} },
    faults: { set: 'That cannot have come from this window. Close it and open it again.' },
  });
  expect([read({}).has('set'), read({}).has('name')]).toEqual([true, false]);
});

it('what a window carries is read as it was written, and nothing where it was not ours', () => {
  const run = fold(events([requestedBody()], 'R-7'));
  if (run === null) throw new Error('no run');
  const origin = originOfRun(run, { gateway: 'production', run: 'R-7' });
  expect(shownOrigin(modal('m', 'M', 'Go', origin, []).private_metadata ?? '')).toEqual({
    gateway: 'production',
    run: 'R-7',
    live: false,
    state: 'running',
  });
  fc.assert(
    fc.property(fc.oneof(fc.string(), fc.json()), (metadata) => {
      expect(typeof shownOrigin(metadata)).toBe('object');
    }),
  );
});
