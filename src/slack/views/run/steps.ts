import type { PlannedStep } from '../../../runs/plan.ts';
import type { Run, StepState, StepStatus } from '../../../runs/run.ts';
import type { ViewContext, ViewProgress } from '../kit/context.ts';
import { bar, bytes, count, duration, escape, number, secondsBetween } from '../kit/text.ts';

/** Symbol and word: what a step looks like never hangs on colour alone. */
const SIGNS: Readonly<Record<StepStatus, readonly [symbol: string, word: string]>> = {
  pending: ['▫️', 'not started'],
  running: ['⏳', 'running'],
  interrupted: ['⚠️', 'interrupted, starting again'],
  succeeded: ['✅', 'done'],
  failed: ['❌', 'failed'],
  aborted: ['⏹️', 'stopped'],
  'outcome-unknown': ['❓', 'nobody can tell: a person must look'],
};

/** One line per step, in the order of the plan. A clean-up and a way back that were never needed are left out. */
export function stepLines(run: Run, now: Date, context: Pick<ViewContext, 'progress'>): readonly string[] {
  return run.plan.steps.flatMap((step) => {
    const state = run.steps[step.id] ?? { status: 'pending', attempt: 0 };
    if ((step.cleanup === true || step.phase !== undefined) && state.status === 'pending') return [];
    return [stepLine(step, state, run, now, context.progress ?? null)];
  });
}

function stepLine(step: PlannedStep, state: StepState, run: Run, now: Date, progress: ViewProgress | null): string {
  const [symbol, word] = SIGNS[state.status];
  const title = state.status === 'running' ? `*${escape(step.title)}*` : escape(step.title);
  const parts = [run.outcome !== undefined && state.status === 'pending' ? 'not done' : word];
  if (state.status === 'succeeded') parts.push(duration(secondsBetween(state.startedAt, state.endedAt)));
  if (state.attempt > 1) parts.push(`start ${state.attempt} of ${step.attempts}`);
  const line = `${symbol} ${title}: ${parts.join(', ')}`;
  const done = state.status === 'running' ? progressOf(step, state, now, progress) : null;
  return done === null ? line : `${line}\n       ${done}`;
}

/** "▓▓▓▓░░░░░░ 42 % · 13 of 31 tables · about 2 min left · public.routes"; null when the step reported nothing. */
export function progressOf(
  step: Pick<PlannedStep, 'id'>,
  state: StepState,
  now: Date,
  progress: ViewProgress | null,
): string | null {
  if (progress === null || progress.step !== step.id || progress.attempt !== state.attempt) return null;
  const { done, total, unit, note } = progress;
  const parts =
    total === null
      ? [`${amount(done, unit)} so far`]
      : [
          bar(done, total),
          unit === 'bytes' ? `${bytes(done)} of ${bytes(total)}` : `${number(done)} of ${amount(total, unit)}`,
        ];
  const left = secondsLeft(state.startedAt, now, done, total);
  if (left !== null) parts.push(`about ${duration(left)} left`);
  if (note !== undefined && note !== '') parts.push(escape(note));
  return parts.join(' · ');
}

/** A straight-line estimate; null before a tenth is done or within the first 3 s, when it would only be a guess. */
function secondsLeft(startedAt: string | undefined, now: Date, done: number, total: number | null): number | null {
  const passed = secondsBetween(startedAt, now);
  if (total === null || total <= 0 || done >= total || done / total < 0.1 || passed < 3) return null;
  return Math.max(Math.round((passed * (total - done)) / done), 1);
}

function amount(many: number, unit: string): string {
  return unit === 'bytes' ? bytes(many) : count(many, unit.replace(/s$/, ''), unit);
}
