import { ALICE, BOB, GUS } from '../slack/cast.ts';
import { cardOf, messagePicture, picture, pressed, runIn, runOf, typed, wordsOf, type Stage } from './stage.ts';
import { mustSay, type TourStep } from './step.ts';

/** Before anything runs: what there is, what is refused, and a gate that opens. */
export const ASKING: readonly TourStep<Stage>[] = [
  {
    title: 'Alice types /kong-status',
    expected: 'both gateways, neither with a verified backup yet',
    play: async (stage) => {
      const answer = await typed(stage, ALICE, '/kong-status');
      mustSay(wordsOf(answer), 'production', 'staging', 'No verified backup yet');
      await picture(stage, '01-status-before', messagePicture(ALICE, answer));
      return answer.text;
    },
  },
  {
    title: 'Alice types /kong-help',
    expected: 'every command with an example',
    play: async (stage) => {
      const answer = await typed(stage, ALICE, '/kong-help');
      mustSay(wordsOf(answer), '/kong-backup', '/kong-status', '/kong-audit');
      await picture(stage, '02-help', messagePicture(ALICE, answer));
      return answer.text;
    },
  },
  {
    title: 'Alice mistypes: /kong-backup prodcution',
    expected: 'a refusal that offers the nearest name',
    play: async (stage) => {
      const answer = await typed(stage, ALICE, '/kong-backup', 'prodcution');
      mustSay(answer.text, 'prodcution', 'Did you mean production?');
      await picture(stage, '03-mistyped', messagePicture(ALICE, answer));
      return answer.text;
    },
  },
  {
    title: 'Gus, a guest who stands among the operators by mistake, types /kong-backup production',
    expected: 'a refusal: guests may not',
    play: async (stage) => {
      const answer = await typed(stage, GUS, '/kong-backup', 'production');
      mustSay(answer.text, /guest/i);
      await picture(stage, '04-guest', messagePicture(GUS, answer));
      return answer.text;
    },
  },
  {
    title: 'Alice types /kong-backup production',
    expected: 'it is taken, checked, and waits for a go of one approver; Bob and Carol are asked',
    play: async (stage) => {
      const answer = await typed(stage, ALICE, '/kong-backup', 'production');
      const runId = runIn(wordsOf(answer));
      stage.runs.set('production', runId);
      const card = await cardOf(stage, runId, 'waiting for a go', (words) => /waiting for a go/i.test(words));
      mustSay(wordsOf(card), 'production', 'Bob', 'Carol', 'approvers', 'Alice');
      await picture(stage, '05-card-waiting', messagePicture(BOB, card));
      return card.text;
    },
  },
  {
    title: 'Alice types /kong-backup production once more',
    expected: 'a refusal that names the run that is there and offers to tell when it ends',
    play: async (stage) => {
      const answer = await typed(stage, ALICE, '/kong-backup', 'production');
      mustSay(wordsOf(answer), runOf(stage, 'production'), /tell me when it ends/i);
      await picture(stage, '06-busy', messagePicture(ALICE, answer));
      return answer.text;
    },
  },
  {
    title: 'Bob opens App Home',
    expected: 'the run stands under "Waiting for you"',
    play: async (stage) => {
      await stage.control.openHome(BOB);
      const home = await stage.control.until('App Home of Bob', () => stage.control.home(BOB));
      mustSay(wordsOf(home), 'Waiting for you', runOf(stage, 'production'));
      await picture(stage, '07-home', { of: 'home', as: BOB });
      return wordsOf(home);
    },
  },
  {
    title: 'Alice presses Go on her own run',
    expected: 'a refusal: whoever asked does not vote',
    play: async (stage) => {
      const card = await waitingCard(stage);
      const answer = await pressed(stage, ALICE, card, 'gate.go');
      mustSay(answer.text, /asked for|requested|your own|requester/i);
      mustSay(wordsOf(await waitingCard(stage)), /waiting for a go/i);
      await picture(stage, '08-own-vote', messagePicture(ALICE, answer));
      return answer.text;
    },
  },
  {
    title: 'Bob presses Go',
    expected: 'his go counts and the dump starts',
    play: async (stage) => {
      const answer = await pressed(stage, BOB, await waitingCard(stage), 'gate.go');
      mustSay(answer.text, /go .*counts|counts/i, runOf(stage, 'production'));
      return answer.text;
    },
  },
];

function waitingCard(stage: Stage): ReturnType<typeof cardOf> {
  return cardOf(stage, runOf(stage, 'production'), 'there', () => true);
}
