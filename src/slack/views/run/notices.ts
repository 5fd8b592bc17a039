import type { KnownBlock } from '@slack/types';
import type { PersonId } from '../../../runs/person.ts';
import type { Refusal } from '../../../runs/refusal.ts';
import type { Gate, Run } from '../../../runs/run.ts';
import type { Drawing } from '../kit/blocks.ts';
import { actions, drawing, ownMark, section } from '../kit/blocks.ts';
import type { ViewContext } from '../kit/context.ts';
import { date, escape, listed, mention, named, sentence } from '../kit/text.ts';
import { ACTIONS } from '../kit/action-ids.ts';
import { reviewBy } from '../../../runs/rules/emergency.ts';
import { emergencyText, wayBackButtons } from './way-back.ts';
import { openButton, retryButton, watchButton } from './gate.ts';
import { cardSentence } from './card.ts';
import { gapText } from './result.ts';
import { savedBy } from './facts.ts';
import { policyInWords, runName, stand, stillToVote } from './stand.ts';

/** Whoever can decide, mentioned once in the channel. After the decision the same message says what was decided. */
export function needsYou(run: Run, gate: Gate, view: ViewContext, name = `needs-you:${gate.gate}`): Drawing {
  const slot = ownMark(run.id, name);
  if (gate.status !== 'open') {
    const text = `${gateWords(run, gate, view)} Nothing more to do here.`;
    return drawing(slot, text, [section(text), ...linkRow(run, view)]);
  }
  const asked = listed(run.eligible.map(mention), 30);
  const text = `${asked}: ${runName(run)}, asked for by ${named(run.requestedBy, view.names)}, needs your go or no-go before ${date(gate.expiresAt)}. It takes ${policyInWords(gate)}.`;
  return drawing(slot, text, [section(text), ...linkRow(run, view)]);
}

/** Direct message to somebody who can still vote, at half and four fifths of the gate's life. */
export function reminder(run: Run, gate: Gate, percent: number, person: PersonId, view: ViewContext): Drawing {
  const text = `${runName(run)} still waits for a go, and you can vote: it takes ${policyInWords(gate)} before ${date(gate.expiresAt)}. After that it is cancelled, and nothing will have been started.`;
  return drawing(ownMark(run.id, `reminder:${gate.gate}:${percent}:${person}`), text, [
    section(text),
    ...linkRow(run, view),
  ]);
}

/** Direct message at the end, to the requester and to whoever asked to be told. */
export function endedNotice(run: Run, slot: string, view: ViewContext): Drawing {
  const text = cardSentence(run, view);
  const saved = run.outcome === 'succeeded' && run.kind === 'backup';
  const gaps = saved ? [section(gapText(savedBy(run)))] : [];
  const again = run.outcome === 'failed' || run.outcome === 'cancelled' ? [retryButton(run)] : [];
  // The gap report below says what the sentence for screen readers has to say itself.
  const { symbol, is, line } = stand(run, view);
  const first = run.outcome === 'succeeded' ? `${symbol} *${runName(run)}* ${is}. ${line}` : text;
  return drawing(ownMark(run.id, slot), text, [section(first), ...gaps, ...linkRow(run, view, again)]);
}

/** A restore went live, or is held for a decision: what is live, what was kept, until when undo works, with its buttons. */
export function heldNotice(run: Run, slot: string, view: ViewContext): Drawing {
  const text = `${mention(run.requestedBy)}: ${cardSentence(run, view)}`;
  return drawing(ownMark(run.id, slot), text, [section(text), ...linkRow(run, view, wayBackButtons(run))]);
}

/** Break glass: the whole channel, or one of those whose go was skipped (behaviour 3.3). */
export function emergencyNotice(run: Run, slot: string, to: 'channel' | 'person', view: ViewContext): Drawing {
  const { is, line } = stand(run, view);
  const whole = emergencyText(run, view.names) ?? '';
  const whom = to === 'channel' ? '<!channel> ' : 'Your go was skipped. ';
  const text = `${whom}${whole} ${runName(run)} ${is}. ${line}`;
  const buttons = wayBackButtons(run).filter(({ action_id: action }) => action === ACTIONS.review);
  return drawing(ownMark(run.id, slot), text.replaceAll('*', ''), [
    section(`${whom}${whole}`),
    section(`${runName(run)} ${is}. ${line}`),
    ...linkRow(run, view, buttons),
  ]);
}

/** To those who can review an emergency, as long as nobody has. */
export function reviewReminder(run: Run, slot: string, view: ViewContext): Drawing {
  const text = `Nobody has reviewed the emergency ${runName(run)} (${escape(run.emergency?.incident ?? '')}) yet, and you can: before ${date(reviewBy(run))}. After that normal runs of ${escape(run.plan.gateway)} are refused until somebody has.`;
  return drawing(ownMark(run.id, slot), text, [section(`⏰ ${text}`), ...linkRow(run, view, wayBackButtons(run))]);
}

/** A failure also goes into the channel: an edit of the card notifies nobody. */
export function failedNotice(run: Run, view: ViewContext): Drawing {
  const text = `${mention(run.requestedBy)}: ${cardSentence(run, view)}`;
  return drawing(ownMark(run.id, 'failed'), text, [section(text), ...linkRow(run, view)]);
}

/** Direct message to the requester: the gate is not shown in a channel shared with another organization. */
export function sharedChannelNotice(run: Run, gate: Gate, why: string, view: ViewContext): Drawing {
  const text = `${runName(run)} waits for a go, but its buttons are not shown in the channel: ${escape(why)} Approvers vote in the bot's App Home or by CLI, before ${date(gate.expiresAt)}.`;
  return drawing(ownMark(run.id, `not-here:${gate.gate}`), text, [section(text), ...linkRow(run, view)]);
}

/** A no, shown to that person alone: what happened, what to do. */
export function refusal(refused: Refusal, view: Pick<ViewContext, 'names'>): Drawing {
  const { message, hint } = inWords(refused, view);
  return drawing('refusal/', `${message} ${hint}`, [section(`🚫 ${message}\n➡️ ${hint}`)]);
}

function inWords(refused: Refusal, view: Pick<ViewContext, 'names'>) {
  return {
    message: sentence(refused.message, view.names, 'That is refused'),
    hint: sentence(refused.hint, view.names, 'See /kong-help'),
  };
}

/** The gateway is busy: which run, where it stands, and an offer to tell when it ends. */
export function busy(refused: Refusal, run: Run, view: ViewContext): Drawing {
  const { is, line } = stand(run, view);
  const now = `${runName(run)} ${is}. ${line}`;
  const { message, hint } = inWords(refused, view);
  return drawing('busy/', `${message} ${now} ${hint}`, [
    section(`🚫 ${message}\n${now}\n➡️ ${hint}`),
    actions(watchButton(run), ...link(run, view)),
  ]);
}

/** The answer to a button that no longer counts: who decided what and when, and where the living card is. */
export function staleButton(refused: Refusal, run: Run, gate: Gate | undefined, view: ViewContext): Drawing {
  const { is, line } = stand(run, view);
  const { message, hint } = inWords(refused, view);
  const first = gate === undefined || gate.status === 'open' ? message : `Too late. ${gateWords(run, gate, view)}`;
  const text = `${first} ${runName(run)} now ${is}. ${line}`;
  return drawing('stale/', text, [section(`🚫 ${text}\n➡️ ${hint}`), ...linkRow(run, view)]);
}

/** A plain confirmation to that person alone, with a way to the card. */
export function done(sentence: string, run: Run, view: ViewContext): Drawing {
  return drawing('done/', sentence, [section(sentence), ...linkRow(run, view)]);
}

const GATE_WORDS: Readonly<Record<Exclude<Gate['status'], 'open'>, string>> = {
  go: 'Go was decided',
  'no-go': 'No-go was decided',
  expired: 'The gate expired',
  superseded: 'The gate was closed because the gateway had changed',
  closed: 'The gate was closed with the run',
};

/** "B-142 on production: go was decided by Bob, 12:03." */
export function gateWords(run: Run, gate: Gate, view: Pick<ViewContext, 'names'>): string {
  if (gate.status === 'open') return `The gate of ${run.id} is open. ${stillToVote(run, gate, view.names)}`;
  const by = (gate.decidedBy ?? []).map((person) => named(person, view.names));
  const who = by.length === 0 ? '' : ` by ${listed(by)}`;
  const reason = gate.reason === undefined ? '' : ` “${escape(gate.reason)}”`;
  return `${GATE_WORDS[gate.status]}${who} for ${run.id} on ${escape(run.plan.gateway)}, ${date(gate.decidedAt ?? gate.openedAt)}.${reason}`;
}

function link(run: Run, view: ViewContext) {
  return view.link === undefined || view.link === null ? [] : [openButton(view.link, run)];
}

function linkRow(run: Run, view: ViewContext, more: readonly ReturnType<typeof openButton>[] = []): KnownBlock[] {
  const buttons = [...more, ...link(run, view)];
  return buttons.length === 0 ? [] : [actions(...buttons)];
}
