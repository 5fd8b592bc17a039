import { ALICE, BOB, OPS } from '../slack/cast.ts';
import { choice, form, newRun, text } from './forms.ts';
import { cardOf, messagePicture, picture, press, pressed, runIn, runOf, typed, wordsOf, type Stage } from './stage.ts';
import { mustSay, Unexpected, type TourStep } from './step.ts';

const GATEWAY = 'staging';
const ROUTE = 'catalog-v1';
const PATH = '/api/v1/catalog';

/** A change that nobody wanted, taken back, and back again; then the proof that needs no accident. */
export const RESTORING: readonly TourStep<Stage>[] = [
  {
    title: 'Alice types /kong-backups staging',
    expected: 'the backup that was just taken: verified, its age, its size, where it lies',
    play: async (stage) => {
      const answer = await typed(stage, ALICE, '/kong-backups', GATEWAY);
      mustSay(wordsOf(answer), /verified/i, runOf(stage, GATEWAY), stage.world.destination);
      await picture(stage, '22-backups', messagePicture(ALICE, answer));
      return answer.text;
    },
  },
  {
    title: 'Somebody deletes a route of staging',
    expected: 'what was served is gone',
    play: async (stage) => {
      const before = await answerOf(stage);
      await fetch(`${gatewayOf(stage).adminUrl}/routes/${ROUTE}`, { method: 'DELETE' });
      const after = await answerOf(stage);
      if (before !== 200 || after !== 404) throw new Unexpected('it is served as before', `${before}, then ${after}`);
      return `${PATH}: ${before} before, ${after} after`;
    },
  },
  {
    title: 'Alice types /kong-restore staging and fills in the form',
    expected: 'the best backup and the database are proposed; the run shows what would change, and waits for a go',
    play: async (stage) => {
      await stage.control.command({ user: ALICE, channel: OPS, command: '/kong-restore', text: GATEWAY });
      const modal = await form(stage, 'modal.restore');
      mustSay(wordsOf(modal), 'Nothing live changes yet', 'proposed');
      await picture(stage, '23-restore-modal', { of: 'modal', as: ALICE });
      const fields = (name: string) => ({
        'restore/set': { set: choice(modal.blocks, new RegExp(`-${runOf(stage, GATEWAY)}$`)) },
        'restore/strategy': { strategy: choice(modal.blocks, 'database') },
        'restore/safety': { safety: choice(modal.blocks, 'backup') },
        'restore/reason': { reason: text('Somebody deleted a route') },
        'restore/name': { name: text(name) },
      });
      mustSay(JSON.stringify(await stage.control.submit(ALICE, fields('production'))), GATEWAY);
      const runId = await newRun(stage, async () => {
        const errors = await stage.control.submit(ALICE, fields(GATEWAY));
        if (errors !== null) throw new Unexpected('the form was refused', JSON.stringify(errors));
      });
      stage.runs.set('restore', runId);
      const card = await cardOf(stage, runId, 'waiting for a go', (words) => /waiting for a go/i.test(words));
      mustSay(wordsOf(card), 'What changes', /routes: 1 back/);
      await picture(stage, '24-restore-waiting', messagePicture(BOB, card));
      return wordsOf(card);
    },
  },
  {
    title: 'Bob says go',
    expected: 'the restored database is live, proven through the proxy, and can be undone; the route answers again',
    play: async (stage) => {
      const waiting = await cardOf(stage, runOf(stage, 'restore'), 'there', () => true);
      await pressed(stage, BOB, waiting, 'gate.go');
      const card = await cardOf(stage, runOf(stage, 'restore'), 'live', (words) => /live, can be undone/i.test(words));
      mustSay(wordsOf(card), 'is kept as', 'Proven');
      const status = await answerOf(stage);
      if (status !== 200) throw new Unexpected('the route does not answer', String(status));
      await picture(stage, '25-restore-live', messagePicture(ALICE, card));
      return wordsOf(card);
    },
  },
  {
    title: 'Alice presses Roll back and types the name',
    expected: 'nobody is asked; everything is as it was, the deletion too',
    play: async (stage) => {
      const runId = runOf(stage, 'restore');
      const live = await cardOf(stage, runId, 'there', () => true);
      await press(stage, ALICE, live, 'run.rollback');
      await form(stage, 'modal.rollback');
      await picture(stage, '26-rollback-modal', { of: 'modal', as: ALICE });
      const errors = await stage.control.submit(ALICE, {
        'rollback/name': { name: text(GATEWAY) },
        'rollback/reason': { reason: text('The route was to go, says its owner') },
      });
      if (errors !== null) throw new Unexpected('the form was refused', JSON.stringify(errors));
      const card = await cardOf(stage, runId, 'rolled back', (words) => /^\*Rolled back/m.test(words));
      const status = await answerOf(stage);
      if (status !== 404) throw new Unexpected('the route answers still', String(status));
      await picture(stage, '27-rolled-back', messagePicture(ALICE, card));
      return wordsOf(card);
    },
  },
  {
    title: 'Alice records the cause with /kong-unlock',
    expected: 'the gateway may be changed again',
    play: async (stage) => {
      const answer = await typed(stage, ALICE, '/kong-unlock', `${GATEWAY} The route was deleted on purpose`);
      mustSay(wordsOf(answer), GATEWAY);
      return answer.text;
    },
  },
  {
    title: 'Alice types /kong-drill staging',
    expected: 'the backup is restored aside, every count compared, and nothing of it left',
    play: async (stage) => {
      const answer = await typed(stage, ALICE, '/kong-drill', GATEWAY);
      const runId = runIn(wordsOf(answer));
      const card = await cardOf(stage, runId, 'at its end', (words) => /restored in a drill|failed/i.test(words));
      mustSay(wordsOf(card), /every count matched/i);
      await picture(stage, '28-drill', messagePicture(ALICE, card));
      return wordsOf(card);
    },
  },
];

function gatewayOf({ world }: Stage) {
  const found = world.gateways.find(({ name }) => name === GATEWAY);
  if (found === undefined) throw new Error(`the sandbox has no ${GATEWAY}`);
  return found;
}

/** What the gateway's proxy answers to the path of the story. */
async function answerOf(stage: Stage): Promise<number> {
  return (await fetch(`${gatewayOf(stage).kong.proxyUrl}${PATH}`)).status;
}
