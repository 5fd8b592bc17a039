import { Unexpected, inOneLine, type TourStep } from './step.ts';

export interface Played {
  readonly ok: boolean;
  /** Steps whose outcome was the expected one. */
  readonly good: number;
  readonly seconds: number;
}

/**
 * Plays the steps one after the other and prints each as it happens: what was done, what was expected, what came.
 * Stops at the first one that comes otherwise: the later ones build on it.
 */
export async function play<Stage>(
  steps: readonly TourStep<Stage>[],
  stage: Stage,
  out: (line: string) => void,
): Promise<Played> {
  const started = performance.now();
  const seconds = (): number => (performance.now() - started) / 1000;
  for (const [index, step] of steps.entries()) {
    const from = performance.now();
    out(`${String(index + 1).padStart(2)}  ${step.title}`);
    out(`    expected  ${step.expected}`);
    try {
      const came = await step.play(stage);
      out(`    came      ${inOneLine(came)}`);
      out(`    ✅ ${((performance.now() - from) / 1000).toFixed(1)} s\n`);
    } catch (error) {
      tellFailure(error, out);
      const left = steps.length - index - 1;
      out(`\nThe tour stopped at step ${index + 1} of ${steps.length}; ${left} not played.`);
      return { ok: false, good: index, seconds: seconds() };
    }
  }
  return { ok: true, good: steps.length, seconds: seconds() };
}

function tellFailure(error: unknown, out: (line: string) => void): void {
  if (error instanceof Unexpected) {
    out(`    came      ${inOneLine(error.came, 2000)}`);
    out(`    ❌ not as expected: ${error.message}`);
    return;
  }
  out(`    ❌ ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`);
}
