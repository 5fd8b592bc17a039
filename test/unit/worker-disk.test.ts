import { expect, it } from 'vitest';
import type { Step, StepContext } from '../../src/engine/ports.ts';
import { Fault } from '../../src/runs/fault.ts';
import { tellingOfDisk } from '../../src/steps/worker-disk.ts';
import { faultOf } from '../support/fault-of.ts';

const context = {} as StepContext;
const full = (code: string): Error => Object.assign(new Error(`${code}: no space left`), { code, syscall: 'write' });
function failing(cause: Error): Step {
  const fail = (): Promise<never> => Promise.reject(cause);
  return { check: fail, apply: fail, takeOver: fail, observe: fail };
}

it.each(['ENOSPC', 'EDQUOT'])(
  'a full disk of the worker (%s) is told as what it is, wherever a step meets it',
  async (code) => {
    const step = tellingOfDisk(failing(full(code)));
    const met = [step.check(context), step.apply(context), step.takeOver?.(context), step.observe?.(context)];
    const told = await Promise.all(met.map((work) => faultOf(Promise.resolve(work))));
    expect(told).toEqual(
      Array.from({ length: 4 }, () => ({
        code: 'worker-disk',
        message: 'The disk of the worker ran full in the middle of this step.',
        hint: 'Free space where the worker keeps its temporary files, or point TMPDIR at a larger disk; then try again.',
        retryable: false,
      })),
    );
  },
);

it('what a neighbour says of its disk, and every other error, is left as it is', async () => {
  for (const error of [new Fault('file.disk-full', 'Their disk is full.', 'Free some.'), full('EIO'), new Error('x')]) {
    await expect(tellingOfDisk(failing(error)).apply(context)).rejects.toBe(error);
  }
});

it('a step that takes nothing over and observes nothing goes on doing neither', () => {
  const step = tellingOfDisk({ check: () => Promise.resolve(null), apply: () => Promise.resolve() });
  expect(Object.keys(step)).toEqual(['check', 'apply']);
});
