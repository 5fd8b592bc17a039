import type { App } from '@slack/bolt';
import type { ModalView } from '@slack/types';
import { z } from 'zod';
import type { AcknowledgeRequest } from '../../engine/watch/ports.ts';
import { refuse } from '../../runs/refusal.ts';
import { answering, type Call } from '../answering/answer.ts';
import type { SlackDeps } from '../answering/deps.ts';
import type { InFlight } from '../answering/in-flight.ts';
import { recordIfNew } from '../answering/rights.ts';
import { viewOf } from '../answering/run-answers.ts';
import { comingBack } from '../modals/coming-back.ts';
import { failureOf } from '../outcome.ts';
import { ACKNOWLEDGE_INPUTS, acknowledgedLine, acknowledgeModal, alarmOfValue } from '../views/alarm.ts';
import { chosenIn, textOf } from '../views/inputs.ts';
import { MODALS } from '../views/kit/action-ids.ts';
import { drawing, section, type Drawing } from '../views/kit/blocks.ts';
import { escape, userId } from '../views/kit/text.ts';
import { closedModal, loadingModal, reasonFault } from '../views/modals.ts';
import { refusal } from '../views/run/notices.ts';

const TITLE = 'Acknowledge';
const DAY_MS = 86_400_000;

/** What a press on Acknowledge comes to: the window that asks why, or why there is nothing to acknowledge any more. */
export async function openAcknowledge(
  deps: SlackDeps,
  { trigger, value }: { readonly trigger: string; readonly value: string },
  call: Call,
): Promise<Drawing | null> {
  const window = await openEmpty(deps, trigger);
  const asked = alarmOfValue(value);
  const on = await deps.operations.alarms(call.by);
  if (!on.ok) return await shown(deps, window, refusal(on.refusal, viewOf(deps)));
  const state = on.alarms.find((one) => one.alarm === asked?.alarm && one.episode === asked.episode);
  if (state === undefined) return await shown(deps, window, over(asked?.alarm ?? 'This alarm'));
  if (window === null) return refusal(noWindow(state.alarm), viewOf(deps));
  const origin = { channel: call.place.channel, responseUrl: call.place.responseUrl };
  await update(deps, window, acknowledgeModal(state, deps.names, origin));
  return null;
}

function over(alarm: string): Drawing {
  const text = `${escape(alarm)} is over, so there is nothing to acknowledge.`;
  return drawing('acknowledge/', text, [section(`✅ ${text}`)]);
}

function noWindow(alarm: string) {
  return refuse(
    'no-window',
    'Slack did not open the window, so nothing was done',
    `Press it again, or use the terminal: kong-chatops alarm ack ${alarm} --reason why`,
  );
}

/** In the window where there is one, else as a message. */
async function shown(deps: SlackDeps, window: string | null, drawn: Drawing): Promise<Drawing | null> {
  if (window === null) return drawn;
  await update(deps, window, closedModal(TITLE, drawn));
  return null;
}

/** A trigger lives 3 s, so an empty window opens before anything is looked up. */
async function openEmpty(deps: SlackDeps, trigger: string): Promise<string | null> {
  try {
    const { view } = await deps.clients.people.views.open({ trigger_id: trigger, view: loadingModal(TITLE) });
    return view?.id ?? null;
  } catch (error) {
    deps.log.warn({ why: failureOf(error).why }, 'a window could not be opened');
    return null;
  }
}

async function update(deps: SlackDeps, window: string, view: ModalView): Promise<void> {
  await deps.clients.people.views.update({ view_id: window, view });
}

const origins = z.object({
  alarm: z.string().catch(''),
  shown: z.object({ episode: z.number(), changes: z.number() }).optional().catch(undefined),
  channel: z.string().optional().catch(undefined),
  responseUrl: z
    .url({ protocol: /^https?$/ })
    .optional()
    .catch(undefined),
});

/** Registers what comes back from the window. `redraw` shows on the alarm's message that somebody stands for it. */
export function registerAcknowledge(
  app: App,
  deps: SlackDeps,
  inFlight: InFlight,
  redraw: (alarm: string) => Promise<void>,
): void {
  app.view(MODALS.acknowledge, async ({ ack, body, view }) => {
    const { reason: reasonInput, days: daysInput } = ACKNOWLEDGE_INPUTS;
    const { values } = comingBack(view);
    const reason = textOf(values, reasonInput);
    const days = Number(chosenIn(values, daysInput));
    const fault = reasonFault(reason);
    if (fault !== null) return await ack({ response_action: 'errors', errors: { [reasonInput.block]: fault } });
    if (!(days > 0)) return await ack({ response_action: 'errors', errors: { [daysInput.block]: 'Choose one.' } });
    await ack();
    const origin = originOf(view.private_metadata);
    const place = { response_url: origin.responseUrl, channel_id: origin.channel };
    await inFlight.run(async () => {
      await answering(deps, MODALS.acknowledge, { ...body, ...place }, `view:${view.id}`, async (call) => {
        const drawn = await acknowledge(deps, { alarm: origin.alarm, shown: origin.shown, reason, days }, call);
        await redraw(origin.alarm);
        return drawn;
      });
    });
  });
}

async function acknowledge(
  deps: SlackDeps,
  { days, ...asked }: Pick<AcknowledgeRequest, 'alarm' | 'reason' | 'shown'> & { readonly days: number },
  call: Call,
): Promise<Drawing> {
  const until = new Date(deps.clock().getTime() + days * DAY_MS).toISOString();
  const answer = await deps.operations.acknowledge({ ...asked, until, key: call.key }, call.by);
  deps.refreshHome(userId(call.by.person));
  if (!answer.ok) {
    await recordIfNew(deps, answer.refusal, `acknowledge ${asked.alarm}`, call.by);
    return refusal(answer.refusal, viewOf(deps));
  }
  const text = `${escape(asked.alarm)}: ${acknowledgedLine(answer.alarm, deps.names)}. It ends by itself when all is well.`;
  return drawing('acknowledge/', text, [section(`🔕 ${text}`)]);
}

function originOf(metadata: string): z.infer<typeof origins> {
  try {
    return origins.parse(JSON.parse(metadata));
  } catch {
    return { alarm: '' };
  }
}
