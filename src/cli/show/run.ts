import type { ProgressRow } from '../../engine/ports.ts';
import { keptDatabase } from '../../runbooks/kept-database.ts';
import { openGate } from '../../runs/rules/gate.ts';
import { stateOf } from '../../runs/next.ts';
import type { PersonId } from '../../runs/person.ts';
import { reviewBy } from '../../runs/rules/emergency.ts';
import type { Gate, Run, StepStatus } from '../../runs/run.ts';
import { sentence } from '../say.ts';
import { clock, duration, size } from './amounts.ts';
import { changeLines } from './changes.ts';
import { acceptedLines, beforeLines } from './closed.ts';
import { fileLines } from './files.ts';
import { proofLines, setInUse } from './restored.ts';

export interface ShowRun {
  readonly run: Run;
  readonly progress: ProgressRow | null;
  readonly now: Date;
  readonly name: (person: PersonId) => string;
}

/** A run as lines of text: what it is, each step, who is waited for, how it ended. */
export function showRun({ run, progress, now, name }: ShowRun): string[] {
  const gate = openGate(run);
  return [
    `${run.id}  ${run.kind} of ${run.plan.gateway} (${run.plan.environment}): ${lacksWorker(run, now) ? 'waiting for a worker' : stateOf(run)}`,
    ...emergencyLines(run, name),
    `  asked for by ${name(run.requestedBy)} at ${clock(run.requestedAt)}${run.reason === undefined ? '' : `: ${run.reason}`}`,
    ...run.plan.steps
      .filter(({ id, cleanup, phase }) => (cleanup !== true && phase === undefined) || isBegun(run, id))
      .map(({ id, title }) => `  ${stepLine(run, id, title, progress, now)}`),
    ...whatLines(run, now),
    ...proofLines(run),
    ...run.gates.flatMap((one) => decidedLine(one, name)),
    ...workerLines(run, now),
    ...(gate === undefined ? [] : gateLines(gate, name)),
    ...holdLines(run),
    ...endLines(run, name),
  ];
}

/** Which set, what it changes: what people say go to. */
export function whatLines(run: Run, now: Date): string[] {
  return [...setInUse(run, now), ...chosenLines(run), ...changeLines(run), ...fileLines(run)];
}

/** On everything that shows an emergency, for good. */
function emergencyLines(run: Run, name: ShowRun['name']): string[] {
  if (run.emergency === undefined) return [];
  const unproven = run.emergency.unverified === true ? ', the set was NOT VERIFIED' : '';
  const review =
    run.reviewed === undefined
      ? `to be reviewed by somebody else before ${clock(reviewBy(run))}: kong-chatops review ${run.id} --finding …`
      : `reviewed by ${name(run.reviewed.person)} at ${clock(run.reviewed.at)}: ${run.reviewed.finding}`;
  return [`  EMERGENCY ${run.emergency.incident}: nobody was asked${unproven}`, `  ${review}`];
}

/** Who decided what: the approval is what an auditor asks for first. */
function decidedLine({ gate, status, decidedBy = [], decidedAt, reason }: Gate, name: ShowRun['name']): string[] {
  if (status !== 'go' && status !== 'no-go') return [];
  const when = decidedAt === undefined ? '' : ` at ${clock(decidedAt)}`;
  return [
    `  ${status} by ${decidedBy.map(name).join(' and ')}${when} (${gate})${reason === undefined ? '' : `: ${reason}`}`,
  ];
}

/** After this long without any step somebody should look whether a worker runs at all, seconds. */
const NO_WORKER_SECONDS = 5;

/** True when nobody has taken the run although somebody should have by now. */
export function lacksWorker(run: Run, now: Date): boolean {
  const started = Object.values(run.steps).some(({ attempt }) => attempt > 0);
  const waits = (now.getTime() - Date.parse(run.requestedAt)) / 1000 >= NO_WORKER_SECONDS;
  return run.outcome === undefined && run.cancel === undefined && openGate(run) === undefined && !started && waits;
}

function workerLines(run: Run, now: Date): string[] {
  if (!lacksWorker(run, now)) return [];
  return [`  no worker has taken it yet. Does one run?  kong-chatops start --only worker`];
}

/** The way back is shown once somebody takes it. */
function isBegun(run: Run, step: string): boolean {
  return (run.steps[step]?.status ?? 'pending') !== 'pending';
}

/** Entities that were asked for alone. */
function chosenLines({ plan }: Run): string[] {
  const { only } = plan.parameters;
  return Array.isArray(only) ? [`  these alone: ${only.join(', ')}`] : [];
}

function holdLines(run: Run): string[] {
  if (run.hold === undefined) return [];
  const { until, fault } = run.hold;
  const kept = keptDatabase(run);
  return [
    ...(fault === undefined ? [] : [`  ${fault.message}`, `  what now: ${fault.hint}`]),
    `  held until ${clock(until)}: kong-chatops rollback ${run.id}     or     kong-chatops close ${run.id}`,
    ...(kept?.state === 'there' ? [`  kept for the way back: database ${kept.name}`] : []),
  ];
}

/** Who must say go, who did, until when, and how to. */
export function gateLines(gate: Gate, name: (person: PersonId) => string): string[] {
  const asked = gate.policy.requirements.map(({ group, minimum }) => `${minimum} of ${group}`).join(' and ');
  const votes = gate.votes.map(({ person, choice }) => `${choice} by ${name(person)}`);
  return [
    `  waits for go from ${asked}, not counting the requester; so far: ${votes.join(', ') || 'nobody'}`,
    `  undecided it expires at ${clock(gate.expiresAt)}; what is approved: ${gate.digest.slice(0, 12)}`,
    `  kong-chatops approve ${gate.gate}     or     kong-chatops no-go ${gate.gate} --reason '…'`,
  ];
}

/** `45 % of 300 MB`, `12 of 31 tables`, `8 files`. */
export function progressText({ done, total, unit, note }: ProgressRow): string {
  const amount = (value: number) => (unit === 'bytes' ? size(value) : String(value));
  const what = unit === 'bytes' ? '' : ` ${unit}`;
  const of = total === null || total === 0 ? '' : ` of ${amount(total)}`;
  const percent = unit === 'bytes' && total !== null && total > 0 ? `${Math.floor((100 * done) / total)} %, ` : '';
  return `${percent}${amount(done)}${of}${what}${note === undefined ? '' : `, ${note}`}`;
}

const MARKS: Readonly<Record<StepStatus, string>> = {
  pending: ' ',
  running: '>',
  interrupted: '~',
  succeeded: '+',
  failed: 'x',
  aborted: '-',
  'outcome-unknown': '?',
};

function stepLine(run: Run, id: string, title: string, progress: ProgressRow | null, now: Date): string {
  const step = run.steps[id];
  const status = step?.status ?? 'pending';
  const head = `[${MARKS[status]}] ${title}`;
  if (step === undefined || status === 'pending') return head;
  if (status === 'running') {
    const shown = progress?.step === id && progress.attempt === step.attempt ? `  ${progressText(progress)}` : '';
    return `${head}${took(step.startedAt, now.toISOString())}${shown}`;
  }
  return `${head}${took(step.startedAt, step.endedAt)}${status === 'succeeded' ? '' : `  ${status}`}`;
}

function took(from: string | undefined, to: string | undefined): string {
  if (from === undefined || to === undefined) return '';
  const seconds = (Date.parse(to) - Date.parse(from)) / 1000;
  return seconds < 1 ? '  <1 s' : `  ${duration(seconds)}`;
}

/** How it ended, and what is left to do; nothing while it goes on. */
export function endLines(run: Run, name: ShowRun['name']): string[] {
  if (run.outcome === undefined) return [];
  const ended = run.endedAt === undefined ? '' : ` at ${clock(run.endedAt)}`;
  if (run.outcome === 'succeeded') return succeededLines(run, ended, name);
  if (run.outcome === 'cancelled') return [`  cancelled${ended}: ${run.cancelReason ?? 'no reason was given'}`];
  if (run.outcome === 'rolled-back') return rolledBackLines(run, ended, name);
  return [
    `  failed${ended}: ${indented(run.fault?.message ?? 'no reason was recorded')}`,
    `  ${indented(run.fault?.hint ?? '')}`.trimEnd(),
    ...beforeLines(run),
  ];
}

function succeededLines(run: Run, ended: string, name: ShowRun['name']): string[] {
  return run.kind === 'restore' ? acceptedLines(run, name) : [`  succeeded${ended}${proof(run)}`, ...setLines(run)];
}

function rolledBackLines(run: Run, ended: string, name: ShowRun['name']): string[] {
  const { rollback, unlocked } = run;
  const why = rollback?.reason === undefined ? '' : `: ${rollback.reason}`;
  const asked = rollback === undefined ? '' : `, asked by ${name(rollback.person)}${why}`;
  const { gateway } = run.plan;
  return [
    `  ${sentence(`rolled back${ended}${asked}`)} Everything is as it was.`,
    unlocked === undefined
      ? `  ${gateway} is locked: kong-chatops unlock ${gateway} --cause '…'`
      : `  ${gateway} was unlocked by ${name(unlocked.person)} at ${clock(unlocked.at)}: ${unlocked.cause}`,
  ];
}

function proof(run: Run): string {
  return run.steps['verify-set']?.status === 'succeeded' ? ', verified: every byte was read back and compared' : '';
}

/** A list inside a message stays below its first line. */
function indented(text: string): string {
  return text.replaceAll('\n', '\n    ');
}

/** What was saved, where it lies, and what is not in it. A safety backup is told with its restore. */
function setLines(run: Run): string[] {
  if (run.kind !== 'backup') return [];
  const outputs = run.steps['publish-set']?.outputs;
  if (outputs === undefined) return [];
  const places = list(outputs['places']).map((place) => `${text(place, 'destination')}: ${text(place, 'path')}`);
  const gaps = list(outputs['gaps']).map((gap) => ({ only: text(gap, 'onlyIn') !== '?', line: gapLine(gap) }));
  const bytes = typeof outputs['bytes'] === 'number' ? `, ${size(outputs['bytes'])}` : '';
  return [
    `  set ${text(outputs, 'set')}${bytes} in ${places.join('; ')}`,
    ...group(
      'not in it:',
      gaps.filter(({ only }) => !only),
    ),
    ...group(
      'only in the database dump:',
      gaps.filter(({ only }) => only),
    ),
  ];
}

function gapLine(gap: unknown): string {
  return `    ${text(gap, 'what')} (${text(gap, 'why')})`;
}

function group(title: string, gaps: readonly { readonly line: string }[]): string[] {
  return gaps.length === 0 ? [] : [`  ${title}`, ...gaps.map(({ line }) => line)];
}

function list(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

function text(value: unknown, key: string): string {
  if (typeof value !== 'object' || value === null) return '?';
  const found = (value as Readonly<Record<string, unknown>>)[key];
  return typeof found === 'string' ? found : '?';
}
