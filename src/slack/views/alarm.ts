import { z } from 'zod';
import type { KnownBlock, ModalView } from '@slack/types';
import type { AlarmState } from '../../schedules/alarms.ts';
import { isAcknowledged, isOn } from '../../schedules/alarms.ts';
import { ACTIONS, MODALS } from './kit/action-ids.ts';
import {
  actions,
  button,
  context,
  drawing,
  LIMITS,
  numbered,
  ownMark,
  section,
  words,
  type Drawing,
} from './kit/blocks.ts';
import { age, date, escape, named, readable, sentence, type Names } from './kit/text.ts';
import { REASON } from './modals.ts';

/** What every block_id of an alarm's message begins with: our own message is found again by it. */
export function alarmMark({ alarm, episode }: Pick<AlarmState, 'alarm' | 'episode'>, slot: string): string {
  return ownMark(`alarm/${alarm}/${episode}`, slot);
}

/** What the button carries. Opaque, without authority: whoever presses is checked again. */
export function alarmValue({ alarm, episode }: Pick<AlarmState, 'alarm' | 'episode'>): string {
  return JSON.stringify({ alarm, episode });
}
const valueSchema = z.object({ alarm: z.string().max(200), episode: z.int() });
/** Null for a value that no button of ours carries. */
export function alarmOfValue(value: string): { readonly alarm: string; readonly episode: number } | null {
  try {
    const parsed = valueSchema.safeParse(JSON.parse(value));
    return parsed.success ? parsed.data : null;
  } catch {
    return null;
  }
}

/** The message of an alarm in its channel: each day it is on, and once when it is over. */
export function alarmMessage(state: AlarmState, slot: string, now: Date, names: Names): Drawing {
  const mark = alarmMark(state, slot);
  if (slot === 'cleared' || !isOn(state)) return overMessage(state, mark, names);
  const again = slot.startsWith('day-0-') ? '' : ` (since ${age(state.raisedAt, now)})`;
  const text = `🔔 Alarm${again}: ${sentence(state.message, names, 'something is wrong')} ${sentence(state.hint, names, '')}`;
  const acknowledged = isAcknowledged(state, now);
  const blocks: KnownBlock[] = [
    section(`🔔 *Alarm: ${escape(state.alarm)}*${again}\n${sentence(state.message, names, 'Something is wrong')}`),
    section(`*What to do:* ${sentence(state.hint, names, 'Look at the gateway')}`),
    ...(acknowledged ? [] : [actions(acknowledgeButton(state))]),
    context(
      acknowledged ? acknowledgedLine(state, names) : 'Repeated daily until it is over or somebody acknowledges it.',
    ),
  ];
  return drawing(mark, text, blocks);
}

function overMessage(state: AlarmState, mark: string, names: Names): Drawing {
  const since = date(state.raisedAt);
  const text = `✅ No alarm any more: ${escape(state.alarm)}, which began ${since}, is over.`;
  const was = `It was: ${sentence(state.message, names, 'something')}`;
  return drawing(mark, text, [section(`✅ *Over: ${escape(state.alarm)}*, which began ${since}.`), context(was)]);
}

/** Who stands for it, why and until when; empty when nobody does. */
export function acknowledgedLine({ acknowledged }: AlarmState, names: Names): string {
  if (acknowledged === null) return '';
  const { person, reason, until } = acknowledged;
  return `Acknowledged by ${named(person, names)} until ${date(until)}: “${readable(reason, {})}”`;
}

export function acknowledgeButton(state: Pick<AlarmState, 'alarm' | 'episode'>) {
  return button({
    action: ACTIONS.acknowledge,
    label: 'Acknowledge',
    says: `Acknowledge the alarm ${state.alarm}`,
    value: alarmValue(state),
  });
}

/** Alarms in a status or on App Home: one line each, the ones that nobody stands for first. */
export function alarmLines(alarms: readonly AlarmState[], now: Date, names: Names): readonly string[] {
  const loud = alarms.filter((state) => !isAcknowledged(state, now));
  const quiet = alarms.filter((state) => isAcknowledged(state, now));
  return [
    ...loud.map((state) => `🔔 ${sentence(state.message, names, escape(state.alarm))}`),
    ...quiet.map((state) => `🔕 ${escape(state.alarm)}: ${acknowledgedLine(state, names)}`),
  ];
}

/** App Home: alarms that nobody stands for, each with its button. */
export function alarmBlocks(alarms: readonly AlarmState[], now: Date, names: Names): readonly KnownBlock[] {
  return alarms
    .filter((state) => !isAcknowledged(state, now))
    .slice(0, 8)
    .flatMap((state) => [
      section(`🔔 *${escape(state.alarm)}*, ${age(state.raisedAt, now)}\n${sentence(state.message, names, '')}`),
      actions(acknowledgeButton(state)),
    ]);
}

export const ACKNOWLEDGE_INPUTS = {
  reason: { block: 'acknowledge/reason', action: 'reason' },
  days: { block: 'acknowledge/days', action: 'days' },
} as const;
const DAYS = [1, 7, 30, 90, 365] as const;

/** Asks why, and for how long somebody stands for it. */
export function acknowledgeModal(state: AlarmState, names: Names, origin: object): ModalView {
  const choices = DAYS.map((days) => ({
    text: words(days === 1 ? '1 day' : `${days} days`, LIMITS.label),
    value: String(days),
  }));
  const { alarm, episode, changes } = state;
  return {
    type: 'modal',
    callback_id: MODALS.acknowledge,
    title: words('Acknowledge', LIMITS.modalTitle),
    submit: words('Acknowledge', LIMITS.modalTitle),
    close: words('Close', LIMITS.modalTitle),
    private_metadata: JSON.stringify({ ...origin, alarm, shown: { episode, changes } }),
    blocks: [
      ...numbered(
        `${MODALS.acknowledge}/`,
        [
          section(`🔔 *${escape(alarm)}*\n${sentence(state.message, names, '')}`),
          section('Until then it is not repeated, unless something joins it. It ends by itself when all is well.'),
          {
            type: 'input',
            block_id: ACKNOWLEDGE_INPUTS.reason.block,
            label: words('Why is this known and borne?', 2000),
            hint: words(`At least ${REASON.least} characters. It stays in the audit trail.`, 2000),
            element: {
              type: 'plain_text_input',
              action_id: ACKNOWLEDGE_INPUTS.reason.action,
              multiline: true,
              min_length: REASON.least,
              max_length: REASON.most,
            },
          },
          {
            type: 'input',
            block_id: ACKNOWLEDGE_INPUTS.days.block,
            label: words('For how long?', 2000),
            element: {
              type: 'static_select',
              action_id: ACKNOWLEDGE_INPUTS.days.action,
              options: choices,
              placeholder: words('Choose', 150),
            },
          },
        ],
        LIMITS.surfaceBlocks,
      ),
    ],
  };
}
