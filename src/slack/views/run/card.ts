import type { KnownBlock } from '@slack/types';
import type { Run } from '../../../runs/run.ts';
import { openGate } from '../../../runs/rules/gate.ts';
import { hasTouchedLive } from '../../../runs/next.ts';
import type { Drawing } from '../kit/blocks.ts';
import { actions, context, drawing, header, ownMark, section } from '../kit/blocks.ts';
import type { ViewContext } from '../kit/context.ts';
import { bytes, capital, cut, date, escape, lines, listed, named, sentence } from '../kit/text.ts';
import { cancelButton, gateBlocks, retryButton } from './gate.ts';
import { isEncrypted, resultBlocks, signatures } from './result.ts';
import { savedBy } from './facts.ts';
import { restoreBlocks } from './restore.ts';
import { emergencyBlocks, wayBackButtons } from './way-back.ts';
import { KIND_WORDS, placeName, policyInWords, runName, stand, stillToVote } from './stand.ts';
import { stepLines } from './steps.ts';

/** A run's card: the one message of a run, drawn again after every change and edited in place. */
export function card(run: Run, now: Date, view: ViewContext, slot = 'card'): Drawing {
  const { symbol, word, line } = stand(run, view);
  const gate = openGate(run);
  const blocks: KnownBlock[] = [
    header(
      `${run.emergency === undefined ? '' : '🚨 EMERGENCY · '}${symbol} ${KIND_WORDS[run.kind]} of ${placeName(run.plan)} · ${run.id}`,
    ),
    section(`*${capital(word)}.* ${line}`),
    ...emergencyBlocks(run, view.names),
    ...(run.outcome === undefined ? [] : resultBlocks(run, view.names)),
    ...restoreBlocks(run),
    ...(gate === undefined ? [] : gateBlocks(run, gate, view)),
    ...(gate === undefined ? closing(run) : []),
    section(lines(stepLines(run, now, view), 2900)),
    context(...signatures(run, view)),
  ];
  return drawing(ownMark(run.id, slot), cardSentence(run, view), blocks);
}

function closing(run: Run): readonly KnownBlock[] {
  const again = run.outcome === 'failed' || run.outcome === 'cancelled' ? [retryButton(run)] : [];
  // What has touched the gateway is rolled back and not cancelled.
  const open = run.outcome === undefined && run.cancel === undefined && !hasTouchedLive(run);
  const buttons = [...again, ...(open ? [cancelButton(run)] : []), ...wayBackButtons(run)];
  return buttons.length === 0 ? [] : [actions(...buttons)];
}

/** The card as one sentence after the other: who, what, where, state, what is asked. Screen readers read only this. */
export function cardSentence(run: Run, view: ViewContext): string {
  const who = named(run.requestedBy, view.names);
  const loud = run.emergency === undefined ? '' : `EMERGENCY ${escape(run.emergency.incident)}: `;
  const what = `${loud}${runName(run)}, asked for by ${who}`;
  const gate = openGate(run);
  if (gate !== undefined) {
    const where = view.noVotesHere === undefined ? 'Press Go or No-go on this message' : escape(view.noVotesHere);
    return `${what}, waits for a go: it needs ${policyInWords(gate)}. ${stillToVote(run, gate, view.names)} ${where}, before ${date(gate.expiresAt)}.`;
  }
  const { is, line } = stand(run, view);
  return `${what}, ${is}. ${line}${run.outcome === 'succeeded' && run.kind === 'backup' ? savedSentence(run) : nextSentence(run, view)}`;
}

function savedSentence(run: Run): string {
  const saved = savedBy(run);
  const { gaps, published } = saved;
  const places = listed(published?.places.map(({ destination }) => escape(destination)) ?? [], 4);
  const lie = published === null ? '' : ` ${bytes(published.bytes)} lie in ${places}.`;
  const missing = gaps.length === 0 ? '' : ` Not in it: ${cut(gaps.map(({ what }) => escape(what)).join('; '), 800)}.`;
  return `${lie}${missing} It is ${isEncrypted(saved) ? 'encrypted' : 'NOT ENCRYPTED'}.`;
}

function nextSentence(run: Run, view: ViewContext): string {
  if (run.outcome !== 'failed') return '';
  return ` What to do next: ${sentence(run.fault?.hint, view.names, 'look at its card')}`;
}
