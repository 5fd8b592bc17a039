import type { ModalView } from '@slack/types';
import type { Refusal } from '../../runs/refusal.ts';
import { isRefusal, refuse } from '../../runs/refusal.ts';
import { noWayBack } from '../../runs/rules/decide-after.ts';
import { awaitsReview } from '../../runs/rules/emergency.ts';
import type { Run } from '../../runs/run.ts';
import type { Call } from '../answering/answer.ts';
import type { SlackDeps } from '../answering/deps.ts';
import { mayNotSee, recordIfNew } from '../answering/rights.ts';
import { viewOf } from '../answering/run-answers.ts';
import type { Drawing } from '../views/kit/blocks.ts';
import type { ModalOrigin } from '../views/modals.ts';
import { closedModal } from '../views/modals.ts';
import { refusal } from '../views/run/notices.ts';
import { closeModal, reviewModal, rollbackModal, unlockModal } from '../views/way-back-modals.ts';
import { originOfRun } from './as-shown.ts';
import { fill, noWindow, openEmpty, originOf } from './open.ts';

interface RunWindow {
  readonly title: string;
  readonly act: string;
  readonly instead: (runId: string) => string;
  /** Why there is nothing to ask; null when there is. */
  readonly whyNot: (run: Run) => Refusal | null;
  readonly draw: (run: Run, origin: ModalOrigin, deps: SlackDeps) => ModalView;
}

const ROLLBACK: RunWindow = {
  title: 'Roll back',
  act: 'roll back',
  instead: (runId) =>
    `/kong-rollback ${runId} and the gateway’s name, or kong-chatops rollback ${runId} on the bot’s host`,
  whyNot: (run) => (run.outcome === undefined ? null : over(run, noWayBack(run))),
  draw: rollbackModal,
};
const CLOSE: RunWindow = {
  title: 'Accept and close',
  act: 'close',
  instead: (runId) => `kong-chatops close ${runId}, on the bot’s host`,
  whyNot: (run) =>
    run.outcome !== undefined
      ? over(run, 'Nothing is left to close')
      : run.hold === undefined
        ? refuse('not-held', `${run.id} is not held, so there is nothing to close`, 'Wait until it holds, or cancel it')
        : null,
  draw: closeModal,
};
const REVIEW: RunWindow = {
  title: 'Review an emergency',
  act: 'review',
  instead: (runId) => `/kong-review ${runId} and what you found`,
  whyNot: (run) =>
    awaitsReview(run) ? null : refuse('no-review', `${run.id} has no review to be done`, 'Nothing to do'),
  draw: (run, origin, deps) => reviewModal(run, deps.names, origin),
};

type Open = (deps: SlackDeps, trigger: string, runId: string, call: Call) => Promise<Drawing | null>;
export const openRollback: Open = (deps, trigger, runId, call) => openOnRun(deps, ROLLBACK, trigger, runId, call);
export const openClose: Open = (deps, trigger, runId, call) => openOnRun(deps, CLOSE, trigger, runId, call);
export const openReview: Open = (deps, trigger, runId, call) => openOnRun(deps, REVIEW, trigger, runId, call);

async function openOnRun(
  deps: SlackDeps,
  { title, act, instead, whyNot, draw }: RunWindow,
  trigger: string,
  runId: string,
  call: Call,
): Promise<Drawing | null> {
  const window = await openEmpty(deps, trigger, title);
  if (window === null) return refusal(noWindow(instead(runId)), viewOf(deps));
  const refused = await mayNotSee(deps, call.by, `${act} ${runId}`);
  if (refused !== null) return await fill(deps, window, closedModal(title, refusal(refused, viewOf(deps))));
  const run = (await deps.operations.run(runId))?.run;
  const why = run === undefined ? noRun(runId) : whyNot(run);
  if (run !== undefined && why === null)
    return await fill(deps, window, draw(run, originOfRun(run, originOf(call)), deps));
  const told = why ?? noRun(runId);
  await recordIfNew(deps, told, `${act} ${runId}`, call.by);
  return await fill(deps, window, closedModal(title, refusal(told, viewOf(deps, run))));
}

/** The cause of a rollback, where the command brought none. */
export async function openUnlock(
  deps: SlackDeps,
  trigger: string,
  gateway: string,
  call: Call,
): Promise<Drawing | null> {
  const title = 'Record the cause';
  const window = await openEmpty(deps, trigger, title);
  if (window === null) return refusal(noWindow(`/kong-unlock ${gateway} and the cause`), viewOf(deps));
  const locked = await lockOf(deps, gateway, call);
  const view = isRefusal(locked)
    ? closedModal(title, refusal(locked, viewOf(deps)))
    : unlockModal(locked, originOfRun(locked, originOf(call)));
  return await fill(deps, window, view);
}

/** The run that locks the gateway: whoever writes down a cause sees of what. */
async function lockOf(deps: SlackDeps, gateway: string, { by }: Call): Promise<Run | Refusal> {
  const refused = await mayNotSee(deps, by, `unlock ${gateway}`);
  if (refused !== null) return refused;
  const status = await deps.operations.status(by, gateway);
  if (!status.ok) {
    await recordIfNew(deps, status.refusal, `unlock ${gateway}`, by);
    return status.refusal;
  }
  const [known] = status.gateways;
  return known?.locked ?? refuse('not-locked', `${gateway} is not locked`, 'Nothing to do');
}

function over(run: Run, hint: string): Refusal {
  return refuse('already-ended', `${run.id} has already ended: ${run.outcome ?? ''}`, hint);
}

function noRun(runId: string): Refusal {
  return refuse('unknown-run', `There is no run ${runId}`, 'Use /kong-status to see the runs there are');
}
