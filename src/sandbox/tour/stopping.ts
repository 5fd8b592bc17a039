import { ALICE, BOB, OPS } from '../slack/cast.ts';
import { choice, form, newRun } from './forms.ts';
import { cardOf, messagePicture, picture, press, pressed, runIn, runOf, typed, wordsOf, type Stage } from './stage.ts';
import { mustSay, Unexpected, type TourStep } from './step.ts';

const REASON = 'The release freeze begins at noon; back up afterwards.';

/** A run that is stopped, tried again and cancelled; then what status and audit tell of it all. */
export const STOPPING: readonly TourStep<Stage>[] = [
  {
    title: 'Alice types /kong-backup alone and fills in the form',
    expected: 'a modal asks for gateway and reason; the run waits for a go',
    play: async (stage) => {
      await stage.control.command({ user: ALICE, channel: OPS, command: '/kong-backup' });
      const modal = await form(stage, 'modal.backup');
      await picture(stage, '16-backup-modal', { of: 'modal', as: ALICE });
      const asked = await newRun(stage, async () => {
        const errors = await stage.control.submit(ALICE, {
          'backup/gateway': { gateway: choice(modal.blocks, 'production') },
          'backup/reason': { reason: { type: 'plain_text_input', value: 'Before the upgrade to 3.9.2' } },
        });
        if (errors !== null) throw new Unexpected('the modal was refused', JSON.stringify(errors));
      });
      stage.runs.set('stopped', asked);
      const card = await cardOf(stage, asked, 'waiting for a go', (words) => /waiting for a go/i.test(words));
      mustSay(wordsOf(card), 'production');
      return card.text;
    },
  },
  {
    title: 'Bob presses No-go, first with too short a reason, then with a real one',
    expected: 'the short one is refused in the form; then the run is stopped and the card says why',
    play: async (stage) => {
      const runId = runOf(stage, 'stopped');
      const waiting = await cardOf(stage, runId, 'there', () => true);
      await press(stage, BOB, waiting, 'gate.no-go');
      const modal = await form(stage, 'modal.no-go');
      mustSay(wordsOf(modal), runId);
      await picture(stage, '17-no-go-modal', { of: 'modal', as: BOB });
      const reason = (value: string) => ({ 'no-go/reason': { reason: { type: 'plain_text_input', value } } });
      const errors = await stage.control.submit(BOB, reason('no'));
      mustSay(JSON.stringify(errors), 'at least 10 characters');
      const again = await stage.control.submit(BOB, reason(REASON));
      if (again !== null) throw new Unexpected('the reason was refused', JSON.stringify(again));
      const card = await cardOf(stage, runId, 'stopped', (words) => /cancelled/i.test(words));
      mustSay(wordsOf(card), REASON, 'Bob', /try again/i);
      await picture(stage, '18-card-no-go', messagePicture(ALICE, card));
      return wordsOf(card);
    },
  },
  {
    title: 'Alice presses Try again, and cancels that one',
    expected: 'a new run linked to the old one; then cancelled, with nothing left behind',
    play: async (stage) => {
      const old = runOf(stage, 'stopped');
      const answer = await pressed(stage, ALICE, await cardOf(stage, old, 'there', () => true), 'run.retry');
      const runId = runIn(wordsOf(answer).replaceAll(old, ''));
      stage.runs.set('again', runId);
      const card = await cardOf(stage, runId, 'waiting for a go', (words) => /waiting for a go/i.test(words));
      mustSay(wordsOf(card), `after ${old}`);
      await pressed(stage, ALICE, card, 'run.cancel');
      const ended = await cardOf(stage, runId, 'cancelled', (words) => /cancelled/i.test(words));
      mustSay(wordsOf(ended), 'Alice');
      await picture(stage, '19-card-cancelled', messagePicture(ALICE, ended));
      return ended.text;
    },
  },
  {
    title: 'Alice types /kong-status',
    expected: 'both gateways with their verified backup and its age',
    play: async (stage) => {
      const answer = await typed(stage, ALICE, '/kong-status');
      const words = wordsOf(answer);
      mustSay(words, 'Last verified', runOf(stage, 'production'), runOf(stage, 'staging'), 'ago');
      await picture(stage, '20-status-after', messagePicture(ALICE, answer));
      return answer.text;
    },
  },
  {
    title: 'Alice types /kong-audit with the run of production',
    expected: 'the same story, row by row: who asked, who approved, every step, the end',
    play: async (stage) => {
      const runId = runOf(stage, 'production');
      const answer = await typed(stage, ALICE, '/kong-audit', runId);
      const words = wordsOf(answer);
      mustSay(words, runId, 'Alice*: asked for', 'Bob*: said go', 'verify-set', 'the run succeeded');
      await picture(stage, '21-audit', messagePicture(ALICE, answer));
      return answer.text;
    },
  },
];
