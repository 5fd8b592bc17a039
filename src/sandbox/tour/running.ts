import { ALICE, CAROL, OPS } from '../slack/cast.ts';
import { cardOf, isSlot, messagePicture, picture, pressed, runOf, typed, wordsOf, runIn, type Stage } from './stage.ts';
import { mustSay, Unexpected, type TourStep } from './step.ts';

/** A bar and how much of how much, of a step after the go: the checks before it show one too. */
const PROGRESS = /[▓░]+ \d+ % · [\d.,]+(?: [kMG]?B)? of [\d.,]+ (?:[kMG]?B|tables|files|workspaces)\b.*/;
/** Where the dump takes less time than lies between two edits, the step is all that one sees of it. */
const STEP_RUNS = /^⏳ \*.+\*: running$/m;
/** The card's first line once nothing more will happen. */
const ENDED = /^\*(?:Verified|Finished|Failed|Cancelled)\b/m;

/** From the go to the end, and what can be read afterwards. */
export const RUNNING: readonly TourStep<Stage>[] = [
  {
    title: 'Everybody watches the card',
    expected: 'live progress in the one message: the running step, how much of how much',
    play: async (stage) => {
      const runId = runOf(stage, 'production');
      const card = await cardOf(stage, runId, 'there', () => true);
      const moving = await stage.control.until('progress on the card', () => {
        const drawn = stage.drawings.get(card.ts) ?? [];
        const showing = (what: RegExp) => drawn.map(wordsOf).findLast((words) => what.test(words));
        const last = wordsOf(drawn.at(-1) ?? card);
        const seen = showing(PROGRESS) ?? (ENDED.test(last) ? showing(STEP_RUNS) : undefined);
        if (seen === undefined && ENDED.test(last)) throw new Unexpected('it ended and never showed progress', last);
        return seen;
      });
      await picture(stage, '09-card-running', messagePicture(ALICE, card, 'Running.'));
      return (PROGRESS.exec(moving) ?? STEP_RUNS.exec(moving))?.[0] ?? moving;
    },
  },
  {
    title: 'The run ends',
    expected: 'verified; the card says what was saved, what was not, where it lies and who approved',
    play: async (stage) => {
      const card = await cardOf(stage, runOf(stage, 'production'), 'at its end', (words) => ENDED.test(words));
      const words = wordsOf(card);
      mustSay(words, /verified/i, 'Saved:', 'database', 'Not in it:', 'Where:', stage.world.destination);
      mustSay(words, /Approved by .*Bob/, 'NOT ENCRYPTED');
      await picture(stage, '10-card-verified', messagePicture(ALICE, card, 'Verified'));
      return words;
    },
  },
  {
    title: 'Anybody opens the thread of the card',
    expected: 'the evidence: the checks, the gate, the vote, the decision, the report',
    play: async (stage) => {
      const card = await cardOf(stage, runOf(stage, 'production'), 'there', () => true);
      const thread = await stage.control.until('the whole thread', async () => {
        const replies = (await stage.control.messages(OPS)).filter((one) => one.thread_ts === card.ts);
        return replies.some((one) => /verified/i.test(one.text)) ? replies : null;
      });
      const all = thread.map(wordsOf).join('\n');
      mustSay(all, /checks? passed/i, /gate opened/i, /Bob.* says/i, /decided go by/i);
      await picture(stage, '11-thread', { of: 'thread', as: ALICE, channel: OPS, ts: card.ts });
      return `${thread.length} messages: ${thread.map(({ text }) => text).join(' | ')}`;
    },
  },
  {
    title: 'Alice reads her direct messages',
    expected: 'the bot told her how it ended',
    play: async (stage) => {
      const runId = runOf(stage, 'production');
      const told = await stage.control.until('the direct message to Alice', async () =>
        (await stage.control.directMessages(ALICE)).find((one) => isSlot(one, runId, 'ended')),
      );
      mustSay(told.text, runId, /verified/i);
      await picture(stage, '12-direct-message', messagePicture(ALICE, told));
      return told.text;
    },
  },
  {
    title: 'Carol presses Go on a copy of the message that she still has open',
    expected: 'an answer: it is decided, by whom and when',
    play: async (stage) => {
      const card = await cardOf(stage, runOf(stage, 'production'), 'there', () => true);
      const answer = await pressed(stage, CAROL, card, 'gate.go');
      mustSay(answer.text, /decided/i, 'Bob');
      await picture(stage, '13-stale-click', messagePicture(CAROL, answer));
      return answer.text;
    },
  },
  {
    title: 'Alice types /kong-backup staging',
    expected: 'no gate there: it runs at once and is verified',
    play: async (stage) => {
      const answer = await typed(stage, ALICE, '/kong-backup', 'staging');
      const runId = runIn(wordsOf(answer));
      stage.runs.set('staging', runId);
      await picture(stage, '14-taken', messagePicture(ALICE, answer));
      const card = await cardOf(stage, runId, 'at its end', (words) => ENDED.test(words));
      const words = wordsOf(card);
      mustSay(words, 'staging', /verified/i, 'Where:');
      if (/approved by/i.test(words)) throw new Unexpected('somebody approved it', words);
      await picture(stage, '15-staging-verified', messagePicture(ALICE, card));
      return card.text;
    },
  },
];
