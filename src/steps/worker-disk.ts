import type { Step } from '../engine/ports.ts';
import { Fault } from '../runs/fault.ts';

const FULL: readonly unknown[] = ['ENOSPC', 'EDQUOT', 'file.disk-full'];

/** Null when it is something else. `meanwhile`: "while the dump was fetched. Nothing was touched". */
export function workerDiskFull(error: unknown, meanwhile: string): Fault | null {
  if (!(error instanceof Error) || !('code' in error) || !FULL.includes(error.code)) return null;
  return new Fault(
    'worker-disk',
    `The disk of the worker ran full ${meanwhile}.`,
    'Free space where the worker keeps its temporary files, or point TMPDIR at a larger disk; then try again.',
    { cause: error },
  );
}

/**
 * The same step, which tells a full disk of the worker as what it is. Trouble of a neighbour is a Fault when it comes
 * here; an error of the system is of the worker's own files.
 */
export function tellingOfDisk(step: Step): Step {
  const takeOver = step.takeOver?.bind(step);
  const observe = step.observe?.bind(step);
  return {
    check: (context) => told(step.check(context)),
    apply: (context) => told(step.apply(context)),
    ...(takeOver === undefined ? {} : { takeOver: (context) => told(takeOver(context)) }),
    ...(observe === undefined ? {} : { observe: (context) => told(observe(context)) }),
  };
}

async function told<T>(work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    const full = error instanceof Fault ? null : workerDiskFull(error, 'in the middle of this step');
    throw full ?? error;
  }
}
