import { setTimeout as sleep } from 'node:timers/promises';
import type { Operations, ProgressRow } from '../engine/ports.ts';
import { openGate } from '../runs/rules/gate.ts';
import type { RunEvent } from '../runs/event.ts';
import type { PersonId } from '../runs/person.ts';
import type { Plan } from '../runs/plan.ts';
import type { Run } from '../runs/run.ts';
import { clock } from './show/amounts.ts';
import { proofLines } from './show/restored.ts';
import { endLines, gateLines, lacksWorker, progressText, showRun, whatLines } from './show/run.ts';
import { isNews, tellEvent } from './show/tell-event.ts';
import { sentence } from './say.ts';
import { EXIT, type ExitCode, type Terminal } from './terminal.ts';

/**
 * Prints what happens to a run until it ends or waits for people. Leaving (Ctrl-C) leaves the run alone.
 * `from`: the version of the run that was told already; then only what comes after it is said, and how it ends.
 * Ends with 0 when it succeeded, waits or holds as it should, 1 when it failed or was cancelled.
 */
export async function follow(
  terminal: Terminal,
  operations: Pick<Operations, 'run'>,
  runId: string,
  name: (person: PersonId) => string,
  from = 0,
): Promise<ExitCode> {
  let seen = from;
  let shown = '';
  let warned = false;
  for (;;) {
    const found = await operations.run(runId);
    if (found === null) return EXIT.failed;
    const { run, progress } = found;
    newsSince(found, seen, name).forEach((line) => terminal.out(line));
    seen = run.version;
    if (run.outcome !== undefined) return ended(terminal, run, name, from > 0);
    if (run.hold !== undefined) return held(terminal, run, run.hold);
    const gate = openGate(run);
    if (gate !== undefined) {
      return waits(terminal, [...whatLines(run, terminal.now()), ...gateLines(gate, name)]);
    }
    const line = progressLine(run, progress);
    if (line !== shown && line !== '') terminal.out(line);
    shown = line;
    warned ||= warnWithoutWorker(terminal, run);
    if (!(await pause(terminal))) {
      terminal.err(`${run.id} goes on without you. See it again:  kong-chatops status ${run.id}`);
      return EXIT.ok;
    }
  }
}

type Found = NonNullable<Awaited<ReturnType<Operations['run']>>>;

function newsSince({ run, events }: Found, seen: number, name: (person: PersonId) => string): readonly string[] {
  return events
    .filter((event) => event.version > seen && isNews(event) && !ENDS.has(event.type))
    .map((event) => `${clock(event.at)}  ${tellShortly(event, { name, plan: run.plan })}`);
}

/** What people are asked to say go to, and who they are. */
function waits(terminal: Terminal, lines: readonly string[]): ExitCode {
  lines.forEach((line) => terminal.out(line));
  return EXIT.ok;
}

/** How a run ended is said once, at its end. */
const ENDS: ReadonlySet<string> = new Set([
  'run.succeeded',
  'run.failed',
  'run.cancelled',
  'run.held',
  'run.rolled-back',
]);

/** Why a step failed is said once, at the end as well; a failure to clean up is not why the run failed. */
function tellShortly(
  event: RunEvent,
  told: { readonly name: (person: PersonId) => string; readonly plan: Plan },
): string {
  if (event.type !== 'step.failed') return tellEvent(event, told);
  const step = told.plan.steps.find(({ id }) => id === event.data.step);
  return step === undefined || step.cleanup === true ? tellEvent(event, told) : `${step.title}: failed`;
}

/** In steps of 10 %, so that a log of it stays readable. */
function progressLine(run: Run, progress: ProgressRow | null): string {
  if (progress === null || run.steps[progress.step]?.status !== 'running') return '';
  const { done, total } = progress;
  if (total === null || total === 0) return '';
  const tenth = Math.floor((10 * done) / total);
  if (tenth === 0) return '';
  const title = run.plan.steps.find(({ id }) => id === progress.step)?.title ?? progress.step;
  return `  ${title}: ${progressText({ ...progress, done: Math.floor((tenth * total) / 10) })}`;
}

function warnWithoutWorker(terminal: Terminal, run: Run): boolean {
  if (!lacksWorker(run, terminal.now())) return false;
  terminal.err(`No worker has taken ${run.id} yet. Does one run?  kong-chatops start --only worker`);
  return true;
}

/** It is live, or something went wrong after it was: people decide, and this says how. */
function held(terminal: Terminal, run: Run, { until, fault }: NonNullable<Run['hold']>): ExitCode {
  if (fault !== undefined) {
    terminal.err(`${run.id} is held: ${sentence(fault.message)}`);
    terminal.err(`  ${sentence(fault.hint)}`);
  } else {
    terminal.out(`${run.id} is live and held until ${clock(until)}.`);
  }
  proofLines(run).forEach((line) => terminal.out(line));
  terminal.out(`  Undo it:    kong-chatops rollback ${run.id}`);
  terminal.out(`  Accept it:  kong-chatops close ${run.id}`);
  return fault === undefined ? EXIT.ok : EXIT.failed;
}

function ended(terminal: Terminal, run: Run, name: (person: PersonId) => string, shortly: boolean): ExitCode {
  const lines = shortly
    ? [...proofLines(run), ...endLines(run, name)]
    : showRun({ run, progress: null, now: terminal.now(), name });
  lines.forEach((line) => terminal.out(line));
  return run.outcome === 'succeeded' || run.outcome === 'rolled-back' ? EXIT.ok : EXIT.failed;
}

/** False when the person left. */
async function pause(terminal: Terminal): Promise<boolean> {
  try {
    await sleep(terminal.pollMs, undefined, { signal: terminal.stop });
    return true;
  } catch {
    return false;
  }
}
