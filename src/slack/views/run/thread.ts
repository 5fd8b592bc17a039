import type { KnownBlock } from '@slack/types';
import type { EventType, RunEvent } from '../../../runs/event.ts';
import type { Run } from '../../../runs/run.ts';
import type { Drawing } from '../kit/blocks.ts';
import { context, drawing, ownMark, section } from '../kit/blocks.ts';
import type { ViewContext } from '../kit/context.ts';
import { code, count, date, escape, lines, listed, named, sentence } from '../kit/text.ts';
import { preflightChecks } from './facts.ts';
import { resultBlocks, signatures, viaCli } from './result.ts';
import { cardSentence } from './card.ts';
import { UNSAID, policyInWords, runName } from './stand.ts';

type EventOf<T extends EventType> = Extract<RunEvent, { type: T }>;
interface Said {
  /** mrkdwn, escaped, a complete sentence. */
  readonly text: string;
  readonly more?: readonly KnownBlock[];
}
type Sayer<T extends EventType> = (event: EventOf<T>, run: Run, view: ViewContext) => Said | null;

/** What goes into the thread as evidence, and how it is said. Everything else is in the card or in the audit. */
const sayers: { readonly [T in EventType]?: Sayer<T> } = {
  'step.succeeded': (event, run) => preflightEvidence(event, run),
  'gate.opened': ({ data }, run) => ({
    text: `${runName(run)}: a go/no-go gate opened. It needs ${policyInWords(data)} and expires ${date(data.expiresAt)}.`,
    more: [
      section(
        `*What is approved:* \`${data.digest}\`\n*Seen on the gateway:*\n${lines(
          Object.entries(data.observed).map(([name, value]) => `• ${escape(name)}: ${code(value)}`),
          2400,
        )}`,
      ),
    ],
  }),
  'gate.superseded': ({ data }, run) => ({
    text: `${runName(run)}: the gate was closed, because ${listed(data.changed.map(escape), 6)} changed on the gateway since it opened. A new gate opens without votes.`,
  }),
  'gate.expired': (_, run) => ({ text: `${runName(run)}: the gate expired; nobody decided in time.` }),
  'gate.decided': ({ data }, run, view) => ({
    text: `${runName(run)}: decided *${data.outcome}* by ${listed(data.by.map((person) => named(person, view.names)))}.${quoted(data.reason)}`,
  }),
  'vote.cast': ({ data, actor }, run, view) => ({
    text: `${named(data.person, view.names)} says *${data.choice}* on ${run.id}${actor.kind === 'person' && actor.via === 'cli' ? viaCli(actor) : ''}.${quoted(data.comment)}`,
  }),
  'vote.withdrawn': ({ data }, run, view) => ({
    text: `${named(data.person, view.names)} withdrew their vote on ${run.id}.`,
  }),
  'step.interrupted': ({ data }, run) => ({
    text: `${runName(run)}: “${title(run, data.step)}” was interrupted (${INTERRUPTED[data.reason]}); it starts again by itself.${quoted(data.fault?.message)}`,
  }),
  'step.failed': ({ data }, run) => ({
    text: `${runName(run)}: “${title(run, data.step)}” failed: ${sentence(data.fault.message, {}, UNSAID)} What to do next: ${sentence(data.fault.hint, {}, 'look at the log of the worker')}`,
  }),
  'step.outcome-unknown': ({ data }, run) => ({
    text: `${runName(run)}: nobody can tell whether “${title(run, data.step)}” happened. A person must look.`,
  }),
  'rollback.requested': ({ data }, run, view) => ({
    text: `${named(data.person, view.names)} asked to roll ${run.id} back.${quoted(data.reason)}`,
  }),
  'close.requested': ({ data }, run, view) => ({
    text: `${named(data.person, view.names)} closed the way back of ${run.id}${data.drop ? ' and has what was kept dropped' : ''}.`,
  }),
  'gateway.unlocked': ({ data }, run, view) => ({
    text: `${named(data.person, view.names)} unlocked ${escape(run.plan.gateway)}. The cause:${quoted(data.cause)}`,
  }),
  'emergency.reviewed': ({ data }, run, view) => ({
    text: `${named(data.person, view.names)} reviewed the emergency ${run.id}:${quoted(data.finding)}`,
  }),
  'run.rolled-back': (_, run, view) => report(run, view),
  'run.cancel-requested': ({ data }, run, view) => ({
    text: `${named(data.person, view.names)} cancelled ${run.id}.${quoted(data.reason)}`,
  }),
  'run.succeeded': (_, run, view) => report(run, view),
  'run.failed': (_, run, view) => report(run, view),
  'run.cancelled': (_, run, view) => report(run, view),
};

const INTERRUPTED = {
  'worker-lost': 'its worker was lost',
  shutdown: 'its worker was stopped',
  'session-lost': 'its database session was lost',
  'retryable-fault': 'a neighbour did not answer',
} as const;

/** True when this event belongs into the thread. */
export function isEvidence(event: RunEvent, run: Run): boolean {
  return said(event, run, { names: {} }) !== null;
}

/** The slot of an event's message in the thread. */
export function threadSlot(event: Pick<RunEvent, 'version'>): string {
  return `thread:${event.version}`;
}

/** The evidence message of an event; null when it has none. */
export function evidence(event: RunEvent, run: Run, view: ViewContext): Drawing | null {
  const what = said(event, run, view);
  if (what === null) return null;
  const blocks = [
    section(what.text),
    ...(what.more ?? []),
    context(`${run.id} · event ${event.version} · ${date(event.at)}`),
  ];
  return drawing(ownMark(run.id, threadSlot(event)), what.text.replaceAll('*', ''), blocks);
}

function said(event: RunEvent, run: Run, view: ViewContext): Said | null {
  // Each sayer is filed under its own event's type, which the compiler cannot follow through the lookup.
  const sayer = sayers[event.type] as Sayer<EventType> | undefined;
  return sayer === undefined ? null : sayer(event, run, view);
}

function preflightEvidence(event: EventOf<'step.succeeded'>, run: Run): Said | null {
  const checks = preflightChecks(event.data.outputs);
  if (event.data.step !== 'preflight' || checks.length === 0) return null;
  const each = checks.map(({ name, detail }) => `✅ ${escape(name)}: ${escape(detail)}`);
  return {
    text: `${runName(run)}: all ${count(checks.length, 'check')} passed before the start.`,
    more: [section(lines(each, 2900))],
  };
}

function report(run: Run, view: ViewContext): Said | null {
  if (run.outcome === undefined) return null;
  return {
    text: cardSentence(run, view),
    more: [...resultBlocks(run, view.names), context(...signatures(run, view)), ...witness(view)],
  };
}

/** The head whole, as `audit verify --head` takes it: this message is the outside witness (behaviour 9.3). */
function witness({ head }: ViewContext): readonly KnownBlock[] {
  return head ? [context(`\`kong-chatops audit verify --head ${head.seq}:${escape(head.hash)}\``)] : [];
}

function title(run: Run, step: string): string {
  return escape(run.plan.steps.find(({ id }) => id === step)?.title ?? step);
}

function quoted(text: string | undefined): string {
  return text === undefined || text === '' ? '' : ` “${escape(text)}”`;
}
