import type { ModalView } from '@slack/types';
import { openGate, runOfGate } from '../../runs/rules/gate.ts';
import type { Refusal } from '../../runs/refusal.ts';
import { refuse } from '../../runs/refusal.ts';
import type { Gate, Run } from '../../runs/run.ts';
import type { Call } from '../answering/answer.ts';
import type { SlackDeps } from '../answering/deps.ts';
import { failureOf } from '../outcome.ts';
import { mayNotSee } from '../answering/rights.ts';
import { viewOf } from '../answering/run-answers.ts';
import type { Drawing } from '../views/kit/blocks.ts';
import type { ModalOrigin } from '../views/modals.ts';
import { backupModal, closedModal, loadingModal, noGoModal, ownVoteModal } from '../views/modals.ts';
import { refusal, staleButton } from '../views/run/notices.ts';
import { originOfGate } from './as-shown.ts';
import { closedGate } from '../../runs/words/wording.ts';

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

/** A press that asks for a window about a gate. */
export interface GatePress {
  /** Lives 3 s. */
  readonly trigger: string;
  /** What the button carried. Untrusted. */
  readonly gate: string;
  /** Draws the pressed message again. */
  readonly onStale: (runId: string) => void;
}

/** A window about an open gate. */
interface GateWindow {
  readonly title: string;
  /** What a refusal is recorded as, before "on B-142.g1". */
  readonly act: string;
  /** The other way, for when Slack opens no window. */
  readonly instead: string;
  readonly draw: (run: Run, gate: Gate, call: Call) => ModalView;
}

const GATE_WINDOWS = {
  /** The reason of a no-go, which is its confirmation. */
  noGo: {
    title: 'No-go',
    act: 'no-go',
    instead: 'kong-chatops no-go, on the bot’s host',
    draw: (run, gate, call) => noGoModal(gate.gate, run.id, originOfGate(gate, originOf(call))),
  },
  /** A go with a comment, or the own vote taken back. */
  ownVote: {
    title: 'Comment or withdraw',
    act: 'comment or withdraw',
    instead: 'the buttons Go and No-go',
    draw: (run, gate, call) => ownVoteModal(run, gate, call.by.person, originOfGate(gate, originOf(call))),
  },
} as const satisfies Record<string, GateWindow>;

/** What a press on a gate comes to: the window that asks for more, or why there is nothing to decide any more. */
export async function openGateModal(
  deps: SlackDeps,
  kind: keyof typeof GATE_WINDOWS,
  { trigger, gate: gateId, onStale }: GatePress,
  call: Call,
): Promise<Drawing | null> {
  const { title, act, instead, draw }: GateWindow = GATE_WINDOWS[kind];
  const window = await openEmpty(deps, trigger, title);
  const runId = runOfGate(gateId);
  const run = runId === null ? null : ((await deps.operations.run(runId))?.run ?? null);
  const gate = run === null ? undefined : openGate(run);
  if (run !== null && gate?.gate === gateId) {
    if (window === null) return refusal(noWindow(instead), viewOf(deps));
    return await fill(deps, window, draw(run, gate, call));
  }
  if (run !== null) onStale(run.id);
  const drawn = await closedAnswer(deps, run, gateId, `${act} on ${gateId}`, call);
  return window === null ? drawn : await fill(deps, window, closedModal(title, drawn));
}

/** Records that somebody came too late, and says why there is nothing to decide. */
async function closedAnswer(
  deps: SlackDeps,
  run: Run | null,
  gateId: string,
  tried: string,
  { by }: Call,
): Promise<Drawing> {
  const refused = await mayNotSee(deps, by, tried);
  if (refused !== null) return refusal(refused, viewOf(deps));
  const closed = closedDrawing(deps, run, gateId);
  await deps.operations.recordRefusal(closed.refusal, tried, by);
  return closed.drawing;
}

function closedDrawing(
  deps: SlackDeps,
  run: Run | null,
  gateId: string,
): { readonly refusal: Refusal; readonly drawing: Drawing } {
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
export async function openEmpty(deps: SlackDeps, trigger: string, title: string): Promise<string | null> {
  try {
    const { view } = await deps.clients.people.views.open({ trigger_id: trigger, view: loadingModal(title) });
    return view?.id ?? null;
  } catch (error) {
    deps.log.warn({ why: failureOf(error).why }, 'a window could not be opened');
    return null;
  }
}

export async function fill(deps: SlackDeps, window: string, view: ModalView): Promise<null> {
  await deps.clients.people.views.update({ view_id: window, view });
  return null;
}

export function noWindow(instead: string): Refusal {
  return refuse('no-window', 'Slack did not open the window, so nothing was done', `Try again, or use ${instead}`);
}

export function originOf({ place, key }: Call): ModalOrigin {
  return {
    opened: key,
    ...(place.channel === undefined ? {} : { channel: place.channel }),
    ...(place.responseUrl === undefined ? {} : { responseUrl: place.responseUrl }),
  };
}
