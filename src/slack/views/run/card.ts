import type { KnownBlock } from '@slack/types';
import type { Run } from '../../../runs/run.ts';
import { openGate } from '../../../runs/gate.ts';
import type { Drawing } from '../kit/blocks.ts';
import { actions, context, drawing, header, ownMark, section } from '../kit/blocks.ts';
import type { ViewContext } from '../kit/context.ts';
import { capital, date, escape, lines, named, sentence } from '../kit/text.ts';
import { cancelButton, gateBlocks, retryButton } from './gate.ts';
import { gapText, resultBlocks, signatures } from './result.ts';
import { savedBy } from './facts.ts';
import { KIND_WORDS, policyInWords, runName, stand, stillToVote } from './stand.ts';
import { stepLines } from './steps.ts';

/** A run's card: the one message of a run, drawn again after every change and edited in place. */
export function card(run: Run, now: Date, view: ViewContext, slot = 'card'): Drawing {
  const { symbol, word, line } = stand(run, view);
  const gate = openGate(run);
  const blocks: KnownBlock[] = [
    header(`${symbol} ${KIND_WORDS[run.kind]} of ${run.plan.gateway} (${run.plan.environment}) · ${run.id}`),
    section(`*${capital(word)}.* ${line}`),
    ...(run.outcome === undefined ? [] : resultBlocks(run, view.names)),
    section(lines(stepLines(run, now, view), 2900)),
    ...(gate === undefined ? closing(run) : gateBlocks(run, gate, view)),
    context(...signatures(run, view)),
  ];
  return drawing(ownMark(run.id, slot), cardSentence(run, view), blocks);
}

function closing(run: Run): readonly KnownBlock[] {
  if (run.outcome === 'failed' || run.outcome === 'cancelled') return [actions(retryButton(run))];
  return run.outcome === undefined && run.cancel === undefined ? [actions(cancelButton(run))] : [];
}

/** The card as one sentence after the other: who, what, where, state, what is asked. Screen readers read only this. */
export function cardSentence(run: Run, view: ViewContext): string {
  const who = named(run.requestedBy, view.names);
  const what = `${runName(run)} (${escape(run.plan.environment)}), asked for by ${who}`;
  const gate = openGate(run);
  if (gate !== undefined) {
    const where = view.noVotesHere === undefined ? 'Press Go or No-go on this message' : escape(view.noVotesHere);
    return `${what}, waits for a go: it needs ${policyInWords(gate)}. ${stillToVote(run, gate, view.names)} ${where}, before ${date(gate.expiresAt)}.`;
  }
  const { word, line } = stand(run, view);
  const tail = run.outcome === 'succeeded' ? ` ${firstLine(gapText(savedBy(run).gaps))} It is NOT ENCRYPTED.` : '';
  const next =
    run.outcome === 'failed' && run.fault !== undefined
      ? ` What to do next: ${sentence(run.fault.hint, view.names)}`
      : '';
  return `${what}, is ${word}. ${line}${tail}${next}`;
}

function firstLine(text: string): string {
  const line = text.split('\n')[0]?.replaceAll('*', '') ?? '';
  return line.endsWith('.') ? line : `${line}.`;
}
