import type { Gate, Run, StepState } from '../../../runs/run.ts';
import type { PlannedStep } from '../../../runs/plan.ts';
import { missingSeats, seat } from '../../../runs/rules/approval.ts';
import { openGate } from '../../../runs/rules/gate.ts';
import type { ViewContext } from '../kit/context.ts';
import { savedBy } from './facts.ts';
import { restoreStand } from './restore.ts';
import type { Names } from '../kit/text.ts';
import { capital, count, date, escape, listed, named, sentence } from '../kit/text.ts';

/** Where a run stands: a symbol, one word, and one line that a tired person gets at a glance (mrkdwn, escaped). */
export interface Stand {
  readonly symbol: string;
  readonly word: string;
  /** The same after a name: "is running", "has failed". */
  readonly is: string;
  readonly line: string;
}

/** What is said of a failure that brought no words. */
export const UNSAID = 'the reason is not known';

/** Where the run stands now. */
export function stand(run: Run, context: Pick<ViewContext, 'names'>): Stand {
  const restore = restoreStand(run, context.names);
  if (restore !== null) return restore;
  if (run.outcome !== undefined) return ended(run, context.names);
  if (run.cancel !== undefined) {
    const who = named(run.cancel.person, context.names);
    return {
      symbol: '⏹️',
      word: 'stopping',
      is: 'is being stopped',
      line: `${who} cancelled it; the running step is being stopped.`,
    };
  }
  const gate = openGate(run);
  if (gate !== undefined)
    return { symbol: '✋', word: 'waiting for a go', is: 'waits for a go', line: waiting(run, gate, context.names) };
  return moving(run);
}

function ended(run: Run, names: Names): Stand {
  if (run.outcome === 'succeeded') {
    const { gaps, verified } = savedBy(run);
    const without = gaps.length === 0 ? '' : ` ${count(gaps.length, 'kind')} of data ${isAre(gaps.length)} not in it.`;
    if (verified === null)
      return {
        symbol: '⚠️',
        word: 'finished, not verified',
        is: 'is finished, not verified',
        line: `Not read back.${without}`,
      };
    const word = gaps.length === 0 ? 'verified' : 'verified, with gaps';
    return { symbol: '✅', word, is: `is ${word}`, line: `Every byte was read back and compared.${without}` };
  }
  if (run.outcome === 'cancelled') {
    return {
      symbol: '🚫',
      word: 'cancelled',
      is: 'was cancelled',
      line: capital(sentence(run.cancelReason, names, 'it was cancelled')),
    };
  }
  const at = run.plan.steps.find(({ id }) => id === run.failedStep)?.title;
  const where = at === undefined ? '' : `At “${escape(at)}”: `;
  return {
    symbol: '❌',
    word: 'failed',
    is: 'has failed',
    line: `${where}${sentence(run.fault?.message, names, UNSAID)}`,
  };
}

function moving(run: Run): Stand {
  for (const step of run.plan.steps) {
    const stand = stepStand(step, run.steps[step.id]);
    if (stand !== null) return stand;
  }
  const failed = run.plan.steps.find(({ id }) => run.steps[id]?.status === 'failed');
  if (failed !== undefined) {
    const line = `“${escape(failed.title)}” failed; what it wrote is removed before anything else.`;
    return { symbol: '❌', word: 'failing', is: 'is failing', line };
  }
  const last = run.gates.at(-1);
  if (last?.status === 'expired') {
    return { symbol: '⌛', word: 'held', is: 'is held', line: 'Nobody decided in time; nothing was started.' };
  }
  return { symbol: '🕒', word: 'waiting', is: 'waits', line: 'It starts as soon as a worker is free.' };
}

const TELLING: ReadonlySet<StepState['status']> = new Set(['running', 'interrupted', 'outcome-unknown']);

function stepStand(step: PlannedStep, state: StepState | undefined): Stand | null {
  // Most steps have nothing to say; making their titles safe was most of the time of a status page of 40 gateways.
  if (state === undefined || !TELLING.has(state.status)) return null;
  const title = escape(step.title);
  if (state.status === 'running') {
    const again = state.attempt > 1 ? ` (start ${state.attempt} of ${step.attempts})` : '';
    return { symbol: '⏳', word: 'running', is: 'is running', line: `${title}${again}.` };
  }
  if (state.status === 'interrupted') {
    const next = `starting again (${state.attempt + 1} of ${step.attempts})`;
    const why = state.fault === undefined ? '' : ` ${sentence(state.fault.message, {}, UNSAID)}`;
    return {
      symbol: '⚠️',
      word: 'interrupted',
      is: 'was interrupted',
      line: `${title} was interrupted, ${next}.${why}`,
    };
  }
  const line = `Nobody can tell whether “${title}” happened: a person must look before anything goes on.`;
  return { symbol: '❓', word: 'needs a person', is: 'needs a person', line };
}

function waiting(run: Run, gate: Gate, names: Names): string {
  return `Needs ${missingInWords(gate)}. ${stillToVote(run, gate, names)} Open until ${date(gate.expiresAt)}.`;
}

/** "1 more approval from approvers". Seats are counted as `decide` counts them, groups being as voted. */
export function missingInWords(gate: Gate): string {
  const said = new Set(gate.votes.filter(({ choice }) => choice === 'go').map(({ person }) => person));
  const groups = gate.policy.requirements.map(({ group }) => group);
  // Only a policy of one group can be seated without asking who is in which; otherwise the whole policy is said.
  if (groups.length === 1) {
    const voters = [...said].map((person) => ({ person, groups }));
    const open = missingSeats(seat(gate.policy.requirements, voters));
    return open.length === 0
      ? 'nothing more'
      : open.map(({ group, missing }) => approvals(missing, group, said.size > 0 ? 'more ' : '')).join(' and ');
  }
  const so = said.size === 0 ? '' : ` (${said.size} said go so far)`;
  return `${policyInWords(gate)}${so}`;
}

/** "2 approvals from dba". */
function approvals(many: number, group: string, more = ''): string {
  return `${count(many, `${more}approval`)} from ${escape(group)}`;
}

/** The whole policy: "1 approval from approvers and 2 approvals from dba". */
export function policyInWords(gate: Pick<Gate, 'policy'>): string {
  return listed(
    gate.policy.requirements.map(({ group, minimum }) => approvals(minimum, group)),
    12,
  );
}

/** "Bob and Carol can still vote." */
export function stillToVote(run: Run, gate: Gate, names: Names): string {
  const voted = new Set(gate.votes.map(({ person }) => person));
  const left = run.eligible.filter((person) => !voted.has(person) && person !== run.requestedBy);
  if (left.length === 0) return 'Everybody who may vote has voted.';
  return `${listed(left.map((person) => named(person, names)))} can still vote.`;
}

function isAre(many: number): string {
  return many === 1 ? 'is' : 'are';
}

/** "Backup B-142 of blue (production)" (escaped). */
export function runName(run: Pick<Run, 'id' | 'kind' | 'plan'>): string {
  return `${KIND_WORDS[run.kind]} ${run.id} of ${escape(placeName(run.plan))}`;
}

export const KIND_WORDS: Readonly<Record<Run['kind'], string>> = {
  backup: 'Backup',
  restore: 'Restore',
  drill: 'Restore drill',
  compare: 'Comparison',
};

/** "blue (production)", or "production" where both are the same word. Plain text. */
export function placeName({ gateway, environment }: Pick<Run['plan'], 'gateway' | 'environment'>): string {
  return gateway === environment ? gateway : `${gateway} (${environment})`;
}
