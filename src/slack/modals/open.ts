import type { ModalView } from '@slack/types';
import { openGate, runOfGate } from '../../runs/gate.ts';
import type { Refusal } from '../../runs/refusal.ts';
import { refuse } from '../../runs/refusal.ts';
import type { Run } from '../../runs/run.ts';
import type { Call } from '../answer.ts';
import type { SlackDeps } from '../deps.ts';
import { failureOf } from '../outcome.ts';
import { mayNotSee } from '../rights.ts';
import { viewOf } from '../run-answers.ts';
import type { Drawing } from '../views/kit/blocks.ts';
import type { ModalOrigin } from '../views/modals.ts';
import { backupModal, closedModal, loadingModal, noGoModal } from '../views/modals.ts';
import { refusal, staleButton } from '../views/run/notices.ts';
import { closedGate } from '../../runs/wording.ts';

/**
 * Opens the window for a backup. A trigger lives 3 s, so an empty window opens before anything is looked up; what
 * comes into it depends on who asks. Null when the window says it all.
 */
export async function openBackupModal(deps: SlackDeps, trigger: string, call: Call): Promise<Drawing | null> {
  const window = await openEmpty(deps, trigger, 'Back up a gateway');
  if (window === null) return refusal(noWindow('/kong-backup gateway --reason why'), viewOf(deps));
  const refused = await mayNotSee(deps, call.by, 'request a backup');
  const told = refused === null ? null : closedModal('Back up a gateway', refusal(refused, viewOf(deps)));
  return await fill(deps, window, told ?? backupModal(deps.gateways, originOf(call)));
}

/** What a press on No-go comes to: the window that asks for the reason, or why there is nothing to stop any more. */
export async function openNoGoModal(
  deps: SlackDeps,
  trigger: string,
  gateId: string,
  call: Call,
  onStale: (runId: string) => void,
): Promise<Drawing | null> {
  const window = await openEmpty(deps, trigger, 'No-go');
  const runId = runOfGate(gateId);
  const run = runId === null ? null : ((await deps.operations.run(runId))?.run ?? null);
  const closed = closedDrawing(deps, run, gateId);
  if (closed === null) {
    if (window === null) return refusal(noWindow('kong-chatops no-go, on the bot’s host'), viewOf(deps));
    return await fill(deps, window, noGoModal(gateId, run?.id ?? gateId, originOf(call)));
  }
  const refused = await mayNotSee(deps, call.by, `no-go on ${gateId}`);
  if (refused === null) await deps.operations.recordRefusal(closed.refusal, `no-go on ${gateId}`, call.by);
  if (run !== null) onStale(run.id);
  const drawn = refused === null ? closed.drawing : refusal(refused, viewOf(deps));
  return window === null ? drawn : await fill(deps, window, closedModal('No-go', drawn));
}

function closedDrawing(
  deps: SlackDeps,
  run: Run | null,
  gateId: string,
): { readonly refusal: Refusal; readonly drawing: Drawing } | null {
  if (run !== null && openGate(run)?.gate === gateId) return null;
  const gate = run?.gates.find((one) => one.gate === gateId);
  if (run === null || gate === undefined) {
    const refused = refuse(
      'unknown-gate',
      `There is no gate ${gateId}`,
      'Use /kong-status to see what waits for a decision',
    );
    return { refusal: refused, drawing: refusal(refused, viewOf(deps)) };
  }
  const refused = closedGate(run, gate);
  return { refusal: refused, drawing: staleButton(refused, run, gate, viewOf(deps, run)) };
}

/** The window's id; null when Slack did not open it (an expired trigger, a limit). */
async function openEmpty(deps: SlackDeps, trigger: string, title: string): Promise<string | null> {
  try {
    const { view } = await deps.clients.people.views.open({ trigger_id: trigger, view: loadingModal(title) });
    return view?.id ?? null;
  } catch (error) {
    deps.log.warn({ why: failureOf(error).why }, 'a window could not be opened');
    return null;
  }
}

async function fill(deps: SlackDeps, window: string, view: ModalView): Promise<null> {
  await deps.clients.people.views.update({ view_id: window, view });
  return null;
}

function noWindow(instead: string): Refusal {
  return refuse('no-window', 'Slack did not open the window, so nothing was done', `Try again, or use ${instead}`);
}

function originOf({ place }: Call): ModalOrigin {
  return {
    ...(place.channel === undefined ? {} : { channel: place.channel }),
    ...(place.responseUrl === undefined ? {} : { responseUrl: place.responseUrl }),
  };
}
