import type { ModalView } from '@slack/types';
import { REVIEW_HOURS, reviewBy } from '../../runs/rules/emergency.ts';
import type { Run } from '../../runs/run.ts';
import { hasTouchedLive } from '../../runs/next.ts';
import { keptDatabase } from '../../runbooks/kept-database.ts';
import { MODALS } from './kit/action-ids.ts';
import { section } from './kit/blocks.ts';
import { code, date, escape, named, type Names } from './kit/text.ts';
import type { Input, Values } from './inputs.ts';
import { choice, chosenIn, typedName, typedNameFault, typedText } from './inputs.ts';
import type { ModalOrigin } from './modals.ts';
import { modal } from './modals.ts';
import { runName } from './run/stand.ts';

/** Where the windows' values are. */
export const AFTER_INPUTS = {
  rollbackName: { block: 'rollback/name', action: 'name' },
  rollbackReason: { block: 'rollback/reason', action: 'reason' },
  closeDrop: { block: 'close/drop', action: 'drop' },
  closeName: { block: 'close/name', action: 'name' },
  unlockCause: { block: 'unlock/cause', action: 'cause' },
  finding: { block: 'review/finding', action: 'finding' },
} as const satisfies Record<string, Input>;

/** The undo: says what comes back and what goes away, and asks to type the gateway's name. */
export function rollbackModal(run: Run, origin: ModalOrigin): ModalView {
  const { gateway } = run.plan;
  return modal(MODALS.rollback, 'Roll back', 'Roll back', { ...origin, run: run.id, gateway }, [
    section(`*${runName(run)}* is undone. ${undoWords(run)}`),
    typedName(AFTER_INPUTS.rollbackName, gateway),
    typedText(AFTER_INPUTS.rollbackReason, 'Reason', {
      hint: 'Stays in the audit trail. The cause can be recorded later.',
      optional: true,
      multiline: true,
    }),
  ]);
}

function undoWords(run: Run): string {
  if (!hasTouchedLive(run))
    return 'It has changed nothing that is live, so it is only stopped and what it prepared is removed.';
  const kept = keptDatabase(run)?.name ?? null;
  const back =
    kept === null ? 'What the safety backup holds is brought back.' : `${code(kept)} becomes the live database again.`;
  const since = run.hold === undefined ? '' : ` since ${date(run.hold.since)}`;
  return `${back}\n⚠️ *Lost:* what was changed on ${escape(run.plan.gateway)} while it was live${since}.\nAfterwards the gateway is locked until somebody records the cause.`;
}

export const CLOSE = { keep: 'keep', drop: 'drop' } as const;

/** The end of a hold. Dropping what was kept is chosen, and confirmed by the gateway's name. */
export function closeModal(run: Run, origin: ModalOrigin): ModalView {
  const { gateway } = run.plan;
  const kept = keptDatabase(run)?.name ?? null;
  const until = run.hold === undefined ? '' : ` It would stay possible until ${date(run.hold.until)}.`;
  const ask =
    kept === null
      ? []
      : [
          choice(
            AFTER_INPUTS.closeDrop,
            `What becomes of the old database ${kept}?`,
            [
              { label: 'Keep it', value: CLOSE.keep },
              { label: 'Drop it: cannot be undone', value: CLOSE.drop },
            ],
            CLOSE.keep,
          ),
          typedName(AFTER_INPUTS.closeName, gateway, true, `Only to drop it: type ${gateway}`),
        ];
  return modal(MODALS.close, 'Accept and close', 'Accept it', { ...origin, run: run.id, gateway }, [
    section(`*${runName(run)}* stays live and its undo ends: afterwards it cannot be rolled back.${until}`),
    ...ask,
  ]);
}

/** Why the window cannot be sent as it is; null when it can. */
export function closeFaults(values: Values, origin: ModalOrigin): Readonly<Record<string, string>> | null {
  if (chosenIn(values, AFTER_INPUTS.closeDrop) !== CLOSE.drop) return null;
  return typedNameFault(values, AFTER_INPUTS.closeName, origin.gateway ?? '');
}

export function rollbackFaults(values: Values, origin: ModalOrigin): Readonly<Record<string, string>> | null {
  return typedNameFault(values, AFTER_INPUTS.rollbackName, origin.gateway ?? '');
}

export function wantsDrop(values: Values): boolean {
  return chosenIn(values, AFTER_INPUTS.closeDrop) === CLOSE.drop;
}

/** After a rollback: the cause lifts the lock. */
export function unlockModal(run: Run, origin: ModalOrigin): ModalView {
  const { gateway } = run.plan;
  return modal(MODALS.unlock, 'Record the cause', 'Unlock', { ...origin, run: run.id, gateway }, [
    section(
      `*${escape(gateway)}* is locked because ${escape(run.id)} was rolled back. Once the cause is recorded it may be changed again.`,
    ),
    typedText(AFTER_INPUTS.unlockCause, 'What went wrong?', {
      hint: '10 to 2,000 characters. It stays in the audit trail and on the card.',
      optional: false,
      multiline: true,
    }),
  ]);
}

/** Somebody else looks at an emergency. */
export function reviewModal(run: Run, names: Names, origin: ModalOrigin): ModalView {
  const text = `🚨 *${runName(run)}* was an emergency (${escape(run.emergency?.incident ?? '')}) by ${named(run.requestedBy, names)}: “${escape(run.reason ?? '')}”. Read its card, its thread and ${code(`/kong-audit ${run.id}`)}. Without a review by ${date(reviewBy(run))} (${REVIEW_HOURS} h) ${escape(run.plan.gateway)} takes no normal runs.`;
  const about = { ...origin, run: run.id, gateway: run.plan.gateway };
  return modal(MODALS.review, 'Review an emergency', 'Record it', about, [
    section(text),
    typedText(AFTER_INPUTS.finding, 'What did you find?', {
      hint: '10 to 2,000 characters: was it needed, was it done well, what should change?',
      optional: false,
      multiline: true,
    }),
  ]);
}
