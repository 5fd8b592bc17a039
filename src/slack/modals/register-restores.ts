import type { App } from '@slack/bolt';
import type { SlackDeps } from '../answering/deps.ts';
import type { InFlight } from '../answering/in-flight.ts';
import { answering } from '../answering/answer.ts';
import { mayNotSee } from '../answering/rights.ts';
import { startedAnswer, viewOf } from '../answering/run-answers.ts';
import { closedText, reviewedText, rolledText, unlockedText } from '../commands/after.ts';
import type { Answer } from '../../engine/ports.ts';
import type { Run } from '../../runs/run.ts';
import type { Call } from '../answering/answer.ts';
import { chosenIn, textOf } from '../views/inputs.ts';
import { MODALS } from '../views/kit/action-ids.ts';
import { loadingModal, originFrom, reasonFault } from '../views/modals.ts';
import { RESTORE_INPUTS, restoreFaults, restoreField, restoreWords } from '../views/restore-modal.ts';
import { done } from '../views/run/notices.ts';
import { AFTER_INPUTS, closeFaults, rollbackFaults, wantsDrop } from '../views/way-back-modals.ts';
import type { Changed, ShownOrigin } from './as-shown.ts';
import { judgedAnew, lockLifted, notAsShown, wentLive } from './as-shown.ts';
import { comingBack } from './coming-back.ts';
import { restoreWindow, titleOf } from './open-restore.ts';
import type { Asking } from './submitted.ts';
import { refusedHere, submitted } from './submitted.ts';

/** Registers what comes back from the windows of restores and of everything after them. */
export function registerRestoreModals(app: App, deps: SlackDeps, inFlight: InFlight): void {
  for (const asking of ASKING) {
    app.view(asking.name, async (args) => {
      if (args.payload.type !== 'modal' || args.body.type !== 'view_submission') return;
      await submitted(deps, inFlight, args as Parameters<typeof submitted>[2], asking);
    });
  }
  app.view(MODALS.restoreWhich, async ({ ack, body, view }) => {
    const gateway = chosenIn(comingBack(view).values, RESTORE_INPUTS.gateway);
    if (gateway === undefined) {
      return await ack({ response_action: 'errors', errors: { [RESTORE_INPUTS.gateway.block]: 'Choose a gateway.' } });
    }
    const origin = originFrom(view.private_metadata);
    const emergency = origin.emergency === true;
    await ack({ response_action: 'update', view: loadingModal(titleOf(emergency)) });
    const from = { ...body, response_url: origin.responseUrl, channel_id: origin.channel };
    await inFlight.run(async () =>
      answering(deps, MODALS.restoreWhich, from, `view:${view.id}`, async (call) => {
        const filled = await restoreWindow(deps, { gateway, emergency }, origin, call);
        await deps.clients.people.views.update({ view_id: view.id, view: filled });
        return null;
      }),
    );
  });
}

const RESTORE: Asking = {
  name: MODALS.restore,
  needs: ['gateway'],
  act: ({ gateway = '', emergency }) =>
    emergency === true ? `break glass for ${gateway}` : `request a restore of ${gateway}`,
  faults: restoreFaults,
  field: restoreField,
  ask: (deps, values, origin, { by, key, place }) => {
    const { only, reason, emergency, ...words } = restoreWords(values, origin);
    const delivery = { key, ...(place.channel === undefined ? {} : { channel: place.channel }) };
    const more = {
      ...(only.length === 0 ? {} : { only }),
      ...(reason === '' ? {} : { reason }),
      ...(emergency === null ? {} : { emergency }),
    };
    return deps.operations.requestRestore({ ...words, ...more, delivery }, by);
  },
  done: startedAnswer,
};

const ROLLBACK: Asking = {
  name: MODALS.rollback,
  needs: ['run', 'gateway'],
  act: ({ run = '' }) => `roll back ${run}`,
  faults: rollbackFaults,
  field: () => AFTER_INPUTS.rollbackName.block,
  ask: (deps, values, origin, call) =>
    asShown(deps, { origin, changed: wentLive, asking: ROLLBACK }, call, (run) => {
      const reason = textOf(values, AFTER_INPUTS.rollbackReason);
      return deps.operations.rollback(run, reason === '' ? undefined : reason, call.by);
    }),
  done: told(rolledText),
};

const CLOSE: Asking = {
  name: MODALS.close,
  needs: ['run', 'gateway'],
  act: ({ run = '' }) => `close ${run}`,
  faults: closeFaults,
  field: () => AFTER_INPUTS.closeDrop.block,
  ask: (deps, values, origin, call) =>
    asShown(deps, { origin, changed: wentLive, asking: CLOSE }, call, (run) =>
      deps.operations.close(run, { drop: wantsDrop(values) }, call.by),
    ),
  done: told(closedText),
};

const UNLOCK: Asking = {
  name: MODALS.unlock,
  needs: ['run', 'gateway'],
  act: ({ gateway = '' }) => `unlock ${gateway}`,
  faults: reasonFaults(AFTER_INPUTS.unlockCause),
  field: () => AFTER_INPUTS.unlockCause.block,
  ask: (deps, values, origin, call) =>
    asShown(deps, { origin, changed: lockLifted, asking: UNLOCK }, call, () =>
      deps.operations.unlock(origin.gateway ?? '', textOf(values, AFTER_INPUTS.unlockCause), call.by),
    ),
  done: told(unlockedText),
};

const REVIEW: Asking = {
  name: MODALS.review,
  needs: ['run', 'gateway'],
  act: ({ run = '' }) => `review ${run}`,
  faults: reasonFaults(AFTER_INPUTS.finding),
  field: () => AFTER_INPUTS.finding.block,
  ask: (deps, values, origin, call) =>
    asShown(deps, { origin, changed: judgedAnew, asking: REVIEW }, call, (run) =>
      deps.operations.review(run, textOf(values, AFTER_INPUTS.finding), call.by),
    ),
  done: told(reviewedText),
};

const ASKING: readonly Asking[] = [RESTORE, ROLLBACK, CLOSE, UNLOCK, REVIEW];

/** Acts on the run that the window showed, as it showed it, or not at all. */
async function asShown(
  deps: SlackDeps,
  { origin, changed, asking }: { readonly origin: ShownOrigin; readonly changed: Changed; readonly asking: Asking },
  { by }: Call,
  work: (run: string) => Promise<Answer>,
): Promise<Answer> {
  const other = await notAsShown(deps, origin, changed);
  if (other === null) return await work(origin.run ?? '');
  // What changed is told in the words of others, and who sends this may have lost the right to read them.
  const hidden = await mayNotSee(deps, by, asking.act(origin));
  return hidden === null ? await refusedHere(deps, other, asking.act(origin), by) : { ok: false, refusal: hidden };
}

function told(words: (run: Run) => string): Asking['done'] {
  return (deps, { run }) => done(words(run), run, viewOf(deps, run));
}

function reasonFaults(at: { readonly block: string; readonly action: string }): Asking['faults'] {
  return (values) => {
    const fault = reasonFault(textOf(values, at));
    return fault === null ? null : { [at.block]: fault };
  };
}
