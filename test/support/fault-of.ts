import { Fault } from '../../src/runs/fault.ts';

/** What people see of a Fault and whether it is tried again; anything else that was thrown or answered, as it is. */
export async function faultOf(work: Promise<unknown>): Promise<unknown> {
  const answer: unknown = await work.catch((error: unknown) => error);
  return answer instanceof Fault ? { ...answer.facts(), retryable: answer.retryable } : answer;
}
