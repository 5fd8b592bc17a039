import { z } from 'zod';
import type { KnownBlock, ModalView } from '@slack/types';
import { MODALS } from './kit/action-ids.ts';
import type { Gate, Run } from '../../runs/run.ts';
import type { PersonId } from '../../runs/person.ts';
import type { Drawing } from './kit/blocks.ts';
import { LIMITS, numbered, section, words } from './kit/blocks.ts';
import { cut, escape } from './kit/text.ts';
import { afterGo } from './run/gate.ts';
import { runName } from './run/stand.ts';

/** Where each modal's values are: block and action of its inputs. */
export const INPUTS = {
  gateway: { block: 'backup/gateway', action: 'gateway' },
  backupReason: { block: 'backup/reason', action: 'reason' },
  noGoReason: { block: 'no-go/reason', action: 'reason' },
  ownVoteChoice: { block: 'own-vote/choice', action: 'choice' },
  ownVoteComment: { block: 'own-vote/comment', action: 'comment' },
} as const;

/** Behaviour 2.5, fixed. */
export const REASON = { least: 10, most: 2000 } as const;

/** What a modal brings back. Slack signs it, but it carries no authority: every right is checked at the submission. */
export interface ModalOrigin {
  readonly gate?: string | undefined;
  readonly gateway?: string | undefined;
  readonly run?: string | undefined;
  readonly set?: string | undefined;
  /** A restore that breaks glass. */
  readonly emergency?: boolean | undefined;
  /** The press or command that opened it: a window that comes back twice counts once, whatever id it has then. */
  readonly opened?: string | undefined;
  readonly channel?: string | undefined;
  readonly responseUrl?: string | undefined;
}
const originSchema = z.object({
  gate: z.string().optional(),
  gateway: z.string().optional(),
  run: z.string().optional(),
  set: z.string().optional(),
  emergency: z.boolean().optional(),
  opened: z.string().optional(),
  channel: z.string().optional(),
  responseUrl: z.url({ protocol: /^https?$/ }).optional(),
});

/** `/kong-backup` alone: which gateway, and why. At most 100 gateways fit into a select; the rest are typed. */
export function backupModal(
  gateways: readonly { readonly name: string; readonly environment: string }[],
  origin: ModalOrigin,
): ModalView {
  const options = gateways.slice(0, 100).map(({ name, environment }) => ({
    text: words(`${name} (${environment})`, LIMITS.label),
    value: name.slice(0, 75),
  }));
  const note =
    gateways.length > 100
      ? [section('Only the first 100 gateways are listed; type `/kong-backup name` for the others.')]
      : [];
  return modal(MODALS.backup, 'Back up a gateway', 'Ask for it', origin, [
    section(
      'First the bot checks gateway, tools and rights, and refuses what would silently be incomplete. Where the gateway’s policy asks for it, approvers decide before anything is dumped.',
    ),
    {
      type: 'input',
      block_id: INPUTS.gateway.block,
      label: words('Gateway', 2000),
      element: {
        type: 'static_select',
        action_id: INPUTS.gateway.action,
        options,
        placeholder: words('Which one?', 150),
      },
    },
    ...note,
    {
      type: 'input',
      block_id: INPUTS.backupReason.block,
      optional: true,
      label: words('Reason', 2000),
      hint: words('Approvers see it, and it stays in the audit trail.', 2000),
      element: {
        type: 'plain_text_input',
        action_id: INPUTS.backupReason.action,
        multiline: true,
        max_length: REASON.most,
      },
    },
  ]);
}

/** The no-go's confirmation: it stops the run for everybody and needs a reason. */
export function noGoModal(gate: string, runId: string, origin: ModalOrigin): ModalView {
  return modal(MODALS.noGo, 'No-go', 'No-go', { ...origin, gate }, [
    section(`One no-go stops *${escape(runId)}* for everybody. Nothing was started and the gateway stays as it is.`),
    {
      type: 'input',
      block_id: INPUTS.noGoReason.block,
      label: words('Why not?', 2000),
      hint: words(`At least ${REASON.least} characters. The requester and the audit trail get it.`, 2000),
      element: {
        type: 'plain_text_input',
        action_id: INPUTS.noGoReason.action,
        multiline: true,
        min_length: REASON.least,
        max_length: REASON.most,
      },
    },
  ]);
}

/** What {@link ownVoteModal} asks: the two things that the buttons of the card cannot say. */
export const OWN_VOTE = { go: 'go', withdraw: 'withdraw' } as const;

/** A go with a comment, or the own vote taken back, while the gate is open. */
export function ownVoteModal(run: Run, gate: Gate, person: PersonId, origin: ModalOrigin): ModalView {
  const choice = (label: string, value: string) => ({ text: words(label, LIMITS.label), value });
  return modal(MODALS.ownVote, 'Comment or withdraw', 'Send', { ...origin, gate: gate.gate }, [
    section(`${runName(run)} waits for a go. ${ownVoteInWords(gate, person)} ${escape(afterGo(run, gate))}`),
    {
      type: 'input',
      block_id: INPUTS.ownVoteChoice.block,
      label: words('What do you want to do?', 2000),
      element: {
        type: 'static_select',
        action_id: INPUTS.ownVoteChoice.action,
        options: [choice('Go, with this comment', OWN_VOTE.go), choice('Withdraw my vote', OWN_VOTE.withdraw)],
        placeholder: words('Choose', 150),
      },
    },
    {
      type: 'input',
      block_id: INPUTS.ownVoteComment.block,
      optional: true,
      label: words('Comment', 2000),
      hint: words('With a go: everybody sees it on the card, and it stays in the audit trail.', 2000),
      element: {
        type: 'plain_text_input',
        action_id: INPUTS.ownVoteComment.action,
        multiline: true,
        max_length: REASON.most,
      },
    },
  ]);
}

function ownVoteInWords(gate: Gate, person: PersonId): string {
  const own = gate.votes.find((vote) => vote.person === person);
  if (own === undefined) return 'You have not voted yet.';
  const comment = own.comment === undefined || own.comment === '' ? '' : `: “${escape(cut(own.comment, 300))}”`;
  return `Your vote so far is *${own.choice}*${comment}.`;
}

/** What is wrong with a submission of {@link ownVoteModal}, by block; null when it may pass. */
export function ownVoteFaults(choice: string | undefined, comment: string): Readonly<Record<string, string>> | null {
  const { ownVoteChoice, ownVoteComment } = INPUTS;
  if (choice === undefined) return { [ownVoteChoice.block]: 'Choose one of the two.' };
  if (choice === OWN_VOTE.withdraw) {
    return comment === '' ? null : { [ownVoteComment.block]: 'A withdrawal takes no comment: leave this empty.' };
  }
  if (comment === '')
    return { [ownVoteComment.block]: 'Write a comment, or press Go on the card for a go without one.' };
  if (comment.length <= REASON.most) return null;
  return { [ownVoteComment.block]: `A comment has at most ${REASON.most} characters; this has ${comment.length}.` };
}

/** The fault of a reason, for the modal; null when it may pass. Slack counts too, but is not asked to be right. */
export function reasonFault(reason: string): string | null {
  const length = Array.from(reason.trim()).length;
  if (length < REASON.least) return `A reason needs at least ${REASON.least} characters; this has ${length}.`;
  return length > REASON.most ? `A reason has at most ${REASON.most} characters; this has ${length}.` : null;
}

/** Opened at once, before anything is looked up: a trigger lives 3 s. */
export function loadingModal(title: string): ModalView {
  return closedModal(title, { text: '', blocks: [section('One moment …')] });
}

/** A window that only tells. */
export function closedModal(title: string, { blocks }: Drawing): ModalView {
  return {
    type: 'modal',
    title: words(title, LIMITS.modalTitle),
    close: words('Close', LIMITS.modalTitle),
    blocks: [...blocks],
  };
}

/** Reads what a modal brings back; an empty origin when it cannot be read. */
export function originFrom(metadata: string): ModalOrigin {
  try {
    const parsed = originSchema.safeParse(JSON.parse(metadata));
    return parsed.success ? parsed.data : {};
  } catch {
    return {};
  }
}

/** A window that asks; what it brings back is found again by `callback` and `origin`. */
export function modal(
  callback: string,
  title: string,
  submit: string,
  origin: ModalOrigin,
  blocks: readonly KnownBlock[],
): ModalView {
  return {
    type: 'modal',
    callback_id: callback,
    title: words(title, LIMITS.modalTitle),
    submit: words(submit, LIMITS.modalTitle),
    close: words('Close', LIMITS.modalTitle),
    private_metadata: cut(JSON.stringify(origin), LIMITS.metadata),
    blocks: [...numbered(`${callback}/`, blocks, LIMITS.surfaceBlocks)],
  };
}
