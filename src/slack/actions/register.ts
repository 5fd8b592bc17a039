import type { App, BlockAction, ButtonAction } from '@slack/bolt';
import { refuse } from '../../runs/refusal.ts';
import type { Call } from '../answering/answer.ts';
import { answer, answering } from '../answering/answer.ts';
import { openAcknowledge } from '../alarms/acknowledge.ts';
import { auditPage } from '../commands/audit.ts';
import type { SlackDeps } from '../answering/deps.ts';
import type { InFlight } from '../answering/in-flight.ts';
import { compare, drill, setsPage, setsValue } from '../commands/sets.ts';
import { openClose, openReview, openRollback, openUnlock } from '../modals/open-after.ts';
import { openBackupModal, openGateModal } from '../modals/open.ts';
import { openRestore } from '../modals/open-restore.ts';
import { recordIfNew } from '../answering/rights.ts';
import { runOfButton, viewOf } from '../answering/run-answers.ts';
import type { ActionId } from '../views/kit/action-ids.ts';
import { ACTIONS } from '../views/kit/action-ids.ts';
import type { Drawing } from '../views/kit/blocks.ts';
import { userId } from '../views/kit/text.ts';
import { refusal } from '../views/run/notices.ts';
import { sendAuditFile } from './audit-file.ts';
import { cancel, retry, watch } from './run-actions.ts';
import { castVote } from './vote.ts';

interface Press {
  readonly value: string;
  readonly trigger: string;
  readonly call: Call;
  /** Draws the pressed message again. */
  readonly onStale: (runId: string) => void;
}
type Handler = (deps: SlackDeps, press: Press) => Promise<Drawing | null>;

const HANDLERS: Readonly<Record<Exclude<ActionId, typeof ACTIONS.open>, Handler>> = {
  [ACTIONS.go]: (deps, { value, call, onStale }) => castVote(deps, { gate: value, choice: 'go' }, call, onStale),
  [ACTIONS.noGo]: (deps, { call, value, ...press }) => openGateModal(deps, 'noGo', { ...press, gate: value }, call),
  [ACTIONS.ownVote]: (deps, { call, value, ...press }) =>
    openGateModal(deps, 'ownVote', { ...press, gate: value }, call),
  [ACTIONS.cancel]: (deps, { value, call, onStale }) => cancel(deps, value, call, onStale),
  [ACTIONS.retry]: (deps, { value, call, onStale }) => retry(deps, value, call, onStale),
  [ACTIONS.watch]: (deps, { value, call }) => watch(deps, value, call),
  [ACTIONS.backup]: (deps, { trigger, call }) => openBackupModal(deps, trigger, call),
  [ACTIONS.sets]: async (deps, { value, call }) => {
    const { gateway, rest } = setsValue(value);
    return await setsPage(deps, gateway, Math.max(Number.parseInt(rest, 10) || 0, 0), call);
  },
  [ACTIONS.restore]: (deps, { value, trigger, call }) => {
    const { gateway, rest } = setsValue(value);
    return openRestore(deps, trigger, { gateway, set: rest, emergency: false }, call);
  },
  [ACTIONS.drill]: async (deps, { value, call }) => {
    const { gateway, rest } = setsValue(value);
    // A button names its set; without one the command would choose.
    return rest === '' ? unknownButton(deps) : await drill(deps, { gateway, set: rest }, call);
  },
  [ACTIONS.compare]: (deps, { value, call }) => compare(deps, setsValue(value).rest, call),
  [ACTIONS.rollback]: (deps, { value, trigger, call }) => openRollback(deps, trigger, value, call),
  [ACTIONS.close]: (deps, { value, trigger, call }) => openClose(deps, trigger, value, call),
  [ACTIONS.review]: (deps, { value, trigger, call }) => openReview(deps, trigger, value, call),
  [ACTIONS.unlock]: (deps, { value, trigger, call }) => openUnlock(deps, trigger, value, call),
  [ACTIONS.acknowledge]: (deps, { value, trigger, call }) => openAcknowledge(deps, { trigger, value }, call),
  [ACTIONS.auditPage]: async (deps, { value, call }) => {
    const page = await auditPage(deps, value, call);
    if (page !== null) await answer(deps, call.by, { ...call.place, replace: true }, page);
    return page === null ? unknownButton(deps) : null;
  },
  [ACTIONS.auditFile]: async (deps, { value, call }) => (await sendAuditFile(deps, value, call)) ?? unknownButton(deps),
};

/** Registers every button. Each is acknowledged before anything else happens, and each press is answered. */
export function registerActions(app: App, deps: SlackDeps, inFlight: InFlight): void {
  for (const [id, handler] of Object.entries(HANDLERS)) {
    app.action<BlockAction<ButtonAction>>(id, async ({ ack, body, action }) => {
      // Sent first; the work does not wait until Slack has it.
      const acknowledged = ack();
      await Promise.all([acknowledged, inFlight.run(async () => pressed(deps, id, body, action, handler))]);
    });
  }
  app.action(ACTIONS.open, async ({ ack }) => await ack());
  // Buttons of older versions stay in channels for ever. One listener for exactly those: two would acknowledge twice.
  app.action<BlockAction<ButtonAction>>(unknownIds(), async ({ ack, body, action }) => {
    await ack();
    await inFlight.run(async () =>
      pressed(deps, 'unknown button', body, action, async (_, { value, call, onStale }) => {
        const run = runOfButton(value, action.block_id);
        if (run !== null) onStale(run);
        await recordIfNew(deps, UNKNOWN, `press ${action.action_id}`, call.by);
        return unknownButton(deps);
      }),
    );
  });
}

async function pressed(
  deps: SlackDeps,
  name: string,
  body: BlockAction,
  action: ButtonAction,
  handler: Handler,
): Promise<void> {
  const trigger = body.trigger_id;
  await answering(deps, name, body, trigger, async (call) => {
    const onStale = (runId: string): void => repair(deps, runId, body);
    const value: unknown = action.value;
    const drawn = await handler(deps, { value: typeof value === 'string' ? value : '', trigger, call, onStale });
    deps.refreshHome(userId(call.by.person));
    return drawn;
  });
}

/** The answer does not wait for it: it comes first, the picture follows. */
function repair(deps: SlackDeps, runId: string, body: BlockAction): void {
  const { channel_id: channel, message_ts: ts } = body.container as { channel_id?: string; message_ts?: string };
  if (channel === undefined || channel === '' || ts === undefined || ts === '') return;
  deps.publisher
    .repair(runId, { channel, ts })
    .catch((error: unknown) => deps.log.warn({ run: runId, error }, 'an old message could not be drawn again'));
}

const UNKNOWN = refuse(
  'unknown-button',
  'This button belongs to another version of the bot, so nothing was done',
  'Use /kong-status to see where things stand',
);

function unknownButton(deps: SlackDeps): Drawing {
  return refusal(UNKNOWN, viewOf(deps));
}

/** Matches every action id that is not in {@link ACTIONS}. */
export function unknownIds(): RegExp {
  const known = Object.values(ACTIONS).map((id) => id.replaceAll(/[.*+?^${}()|[\]\\]/g, String.raw`\$&`));
  return new RegExp(`^(?!(?:${known.join('|')})$)`);
}
