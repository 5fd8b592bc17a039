import type { KnownBlock } from '@slack/types';
import { awaitsReview, reviewBy } from '../../../runs/rules/emergency.ts';
import { hasTouchedLive } from '../../../runs/next.ts';
import { locksGateway } from '../../../runs/run-index.ts';
import type { Run } from '../../../runs/run.ts';
import { ACTIONS } from '../kit/action-ids.ts';
import { button, section } from '../kit/blocks.ts';
import type { Names } from '../kit/text.ts';
import { date, escape, named } from '../kit/text.ts';

/** The buttons that a run which touched its gateway, or broke glass, still needs; empty for every other. */
export function wayBackButtons(run: Run) {
  return [
    ...(mayRollBack(run) ? [rollbackButton(run)] : []),
    ...(run.hold === undefined || run.outcome !== undefined ? [] : [closeButton(run)]),
    ...(locksGateway(run) ? [unlockButton(run)] : []),
    ...(awaitsReview(run) ? [reviewButton(run)] : []),
  ];
}

function mayRollBack(run: Run): boolean {
  return run.outcome === undefined && run.rollback === undefined && hasTouchedLive(run);
}

function rollbackButton(run: Run) {
  return button({
    action: ACTIONS.rollback,
    label: 'Roll back…',
    says: `Roll back ${run.id} on ${run.plan.gateway}`,
    value: run.id,
    style: 'danger',
  });
}

function closeButton(run: Run) {
  return button({
    action: ACTIONS.close,
    label: run.hold?.fault === undefined ? 'It is good: close…' : 'Close as it is…',
    says: `Close ${run.id} on ${run.plan.gateway}: its undo ends`,
    value: run.id,
  });
}

/** Opens the window that asks for the cause. */
export function unlockButton(run: Run) {
  return button({
    action: ACTIONS.unlock,
    label: 'Record the cause…',
    says: `Record why ${run.id} was rolled back and unlock ${run.plan.gateway}`,
    value: run.plan.gateway,
    style: 'primary',
  });
}

function reviewButton(run: Run) {
  return button({
    action: ACTIONS.review,
    label: 'Review the emergency…',
    says: `Record what you found about the emergency ${run.id}`,
    value: run.id,
  });
}

/** "🚨 EMERGENCY · INC-4711 …": on everything that shows an emergency, for good; empty for every other run. */
export function emergencyBlocks(run: Run, names: Names): readonly KnownBlock[] {
  const text = emergencyText(run, names);
  return text === null ? [] : [section(text)];
}

/** The same as text; null for every other run. */
export function emergencyText(run: Run, names: Names): string | null {
  if (run.emergency === undefined) return null;
  const who = named(run.requestedBy, names);
  const unproven = run.emergency.unverified === true ? ' The set was *not verified*.' : '';
  const review =
    run.reviewed === undefined
      ? `⏰ *Somebody other than ${who} must review it by ${date(reviewBy(run))}*; after that normal runs of ${escape(run.plan.gateway)} are refused.`
      : `✅ Reviewed by ${named(run.reviewed.person, names)}, ${date(run.reviewed.at)}: “${escape(run.reviewed.finding)}”`;
  return `🚨 *EMERGENCY ${escape(run.emergency.incident)}*: ${who} broke the glass, nobody was asked: “${escape(run.reason ?? '')}”.${unproven}\n${review}`;
}
