import type { App } from '@slack/bolt';
import type { Call } from '../answering/answer.ts';
import { answering } from '../answering/answer.ts';
import { backup } from '../commands/run-commands.ts';
import { castVote, withdrawVote } from '../actions/vote.ts';
import type { SlackDeps } from '../answering/deps.ts';
import type { InFlight } from '../answering/in-flight.ts';
import { chosenIn, textOf } from '../views/inputs.ts';
import { MODALS } from '../views/kit/action-ids.ts';
import type { ModalOrigin } from '../views/modals.ts';
import { INPUTS, originFrom, OWN_VOTE, ownVoteFaults, reasonFault } from '../views/modals.ts';
import { viewOf } from '../answering/run-answers.ts';
import type { Drawing } from '../views/kit/blocks.ts';
import { refusal } from '../views/run/notices.ts';
import type { ShownOrigin } from './as-shown.ts';
import { gateNotAsShown, shownOrigin } from './as-shown.ts';
import { comingBack, windowKey } from './coming-back.ts';

/** Registers what comes back from the windows. Wrong input is said beside its field, everything else as a message. */
export function registerModals(app: App, deps: SlackDeps, inFlight: InFlight): void {
  app.view(MODALS.noGo, async ({ ack, body, view }) => {
    const { values } = comingBack(view);
    const reason = textOf(values, INPUTS.noGoReason);
    const fault = reasonFault(reason);
    if (fault !== null) return await ack({ response_action: 'errors', errors: { [INPUTS.noGoReason.block]: fault } });
    await ack();
    const origin = shownOrigin(view.private_metadata);
    await inFlight.run(async () => {
      await answering(deps, MODALS.noGo, { ...body, ...placeFrom(origin) }, `view:${view.id}`, async (call) =>
        onGate(deps, origin, call, (gate) => castVote(deps, { gate, choice: 'no-go', comment: reason }, call)),
      );
    });
  });

  app.view(MODALS.ownVote, async ({ ack, body, view }) => {
    const { values } = comingBack(view);
    const choice = chosenIn(values, INPUTS.ownVoteChoice);
    const comment = textOf(values, INPUTS.ownVoteComment);
    const faults = ownVoteFaults(choice, comment);
    if (faults !== null) return await ack({ response_action: 'errors', errors: { ...faults } });
    await ack();
    const origin = shownOrigin(view.private_metadata);
    await inFlight.run(async () => {
      await answering(deps, MODALS.ownVote, { ...body, ...placeFrom(origin) }, `view:${view.id}`, async (call) =>
        onGate(deps, origin, call, (gate) =>
          choice === OWN_VOTE.withdraw
            ? withdrawVote(deps, gate, call)
            : castVote(deps, { gate, choice: 'go', comment }, call),
        ),
      );
    });
  });

  app.view(MODALS.backup, async ({ ack, body, view }) => {
    const { values } = comingBack(view);
    const gateway = chosenIn(values, INPUTS.gateway);
    if (gateway === undefined) {
      return await ack({ response_action: 'errors', errors: { [INPUTS.gateway.block]: 'Choose a gateway.' } });
    }
    await ack();
    const reason = textOf(values, INPUTS.backupReason);
    const origin = originFrom(view.private_metadata);
    await inFlight.run(async () => {
      await answering(
        deps,
        MODALS.backup,
        { ...body, ...placeFrom(origin) },
        windowKey(view, origin, body.user.id),
        async (call: Call) => backup(deps, { gateway, ...(reason === '' ? {} : { reason }) }, call),
      );
    });
  });
}

/** Votes on the gate that the window showed, or not at all. */
async function onGate(
  deps: SlackDeps,
  origin: ShownOrigin,
  call: Call,
  vote: (gate: string) => Promise<Drawing>,
): Promise<Drawing> {
  const { gate = '' } = origin;
  const other = await gateNotAsShown(deps, origin);
  if (other === null) return await vote(gate);
  await deps.operations.recordRefusal(other, `vote on ${gate === '' ? 'a gate' : gate}`, call.by);
  return refusal(other, viewOf(deps));
}

function placeFrom({ responseUrl, channel }: ModalOrigin) {
  return { response_url: responseUrl, channel_id: channel };
}
