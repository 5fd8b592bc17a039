import type { KnownBlock } from '@slack/types';
import type { Gate, Run } from '../../../runs/run.ts';
import { ACTIONS } from '../kit/action-ids.ts';
import { actions, button, context, section } from '../kit/blocks.ts';
import type { ViewContext } from '../kit/context.ts';
import { placeName, policyInWords } from './stand.ts';
import { strategyWords } from '../strategies.ts';
import { cut, date, escape, listed, named, plain } from '../kit/text.ts';

/** What happens after a go, in one sentence. */
export function afterGo(run: Run, gate: Gate): string {
  const title = run.plan.steps.find(({ id }) => id === gate.step)?.title ?? gate.step;
  const what =
    run.kind === 'backup' ? 'A backup only reads from the gateway.' : strategyWords(run.plan.parameters).afterGo;
  return `After the go: “${title}” starts on ${placeName(run.plan)}. ${what}`;
}

/** The open gate on the card: policy, votes, what is approved, and the buttons. */
export function gateBlocks(run: Run, gate: Gate, view: ViewContext): readonly KnownBlock[] {
  const policy = `*Go or no-go?* Needs ${policyInWords(gate)}; one no-go stops it.`;
  const votes = voteLines(gate, view);
  return [
    section([policy, ...votes, escape(afterGo(run, gate))].join('\n')),
    context(
      `A go approves exactly \`${gate.digest.slice(0, 12)}\``,
      `Evidence: ${gate.evidence.length === 0 ? 'none' : escape(listed(gate.evidence.map(stepOfEvidence(run)), 6))}`,
      `Expires ${date(gate.expiresAt)}`,
      'The requester’s own vote never counts',
    ),
    view.noVotesHere === undefined
      ? actions(goButton(run, gate), noGoButton(run, gate), ownVoteButton(run, gate), cancelButton(run))
      : section(`*No votes are taken here:* ${escape(view.noVotesHere)}`),
    ...(view.noVotesHere === undefined ? [] : [actions(cancelButton(run))]),
  ];
}

function voteLines(gate: Gate, view: ViewContext): readonly string[] {
  return gate.votes.map(({ person, choice, comment, by }) => {
    const said = comment === undefined || comment === '' ? '' : `: ${escape(cut(comment, 200))}`;
    const way = by.via === 'cli' ? ` (via CLI, ${escape(by.host ?? '?')}, ${escape(by.systemUser ?? '?')})` : '';
    return `• ${named(person, view.names)} says *${choice}*${way}${said}`;
  });
}

function stepOfEvidence(run: Run): (id: string) => string {
  return (id) => {
    const step = id.slice(0, id.lastIndexOf(':'));
    return run.plan.steps.find((planned) => planned.id === step)?.title ?? id;
  };
}

export function goButton(run: Run, gate: Gate) {
  const { gateway } = run.plan;
  return button({
    action: ACTIONS.go,
    label: 'Go',
    says: `Go for ${run.id} on ${placeName(run.plan)}`,
    value: gate.gate,
    style: 'primary',
    confirm: {
      title: `Go for ${run.id} on ${gateway}?`,
      text: plain(afterGo(run, gate)),
      yes: 'Go',
      no: 'Not yet',
    },
  });
}

/** Opens the modal that asks for the reason, which is its confirmation. */
export function noGoButton(run: Run, gate: Gate) {
  return button({
    action: ACTIONS.noGo,
    label: 'No-go',
    says: `No-go for ${run.id} on ${placeName(run.plan)}`,
    value: gate.gate,
    style: 'danger',
  });
}

/** A go with a comment, or a vote taken back: opens the modal that asks which. */
export function ownVoteButton(run: Run, gate: Gate) {
  return button({
    action: ACTIONS.ownVote,
    label: 'Comment or withdraw…',
    says: `Go with a comment for ${run.id} on ${placeName(run.plan)}, or withdraw your vote`,
    value: gate.gate,
  });
}

const CANCELLING: Readonly<Record<Run['kind'], string>> = {
  backup:
    'The running step is stopped and what it wrote is removed. No backup comes out of this run. The gateway is not changed.',
  restore: 'The running step is stopped and the restored copy is removed. The gateway is not changed.',
  drill: 'The running step is stopped and the restored copy is removed.',
  compare: 'The running step is stopped. A comparison changes nothing.',
};

export function cancelButton(run: Run) {
  return button({
    action: ACTIONS.cancel,
    label: 'Cancel',
    says: `Cancel ${run.id} on ${run.plan.gateway}`,
    value: run.id,
    confirm: {
      title: `Cancel ${run.id} on ${run.plan.gateway}?`,
      text: CANCELLING[run.kind],
      yes: 'Cancel the run',
      no: 'Let it run',
    },
  });
}

export function retryButton(run: Run) {
  return button({
    action: ACTIONS.retry,
    label: 'Try again',
    says: `Try ${run.id} on ${run.plan.gateway} again as a new run`,
    value: run.id,
  });
}

export function watchButton(run: Run) {
  return button({
    action: ACTIONS.watch,
    label: 'Tell me when it ends',
    says: `Tell me when ${run.id} on ${run.plan.gateway} ends`,
    value: run.id,
  });
}

export function openButton(link: string, run: Run) {
  return button({ action: ACTIONS.open, label: `Open ${run.id}`, says: `Open the card of ${run.id}`, url: link });
}
