import { Fault } from '../runs/fault.ts';

const ANSWER_MS = 10_000;

/** Calls the address of a watcher outside. The address is a secret and stands in no error. Throws a Fault. */
export async function callHeartbeat(address: string, schedule: string): Promise<void> {
  let status: number;
  try {
    const answered = await fetch(address, { signal: AbortSignal.timeout(ANSWER_MS), redirect: 'error' });
    await answered.body?.cancel();
    status = answered.status;
  } catch (error) {
    throw failed(schedule, error instanceof TypeError ? 'it cannot be reached' : 'it did not answer in 10 s', error);
  }
  if (status < 200 || status > 299) throw failed(schedule, `it answered with status ${status}`);
}

function failed(schedule: string, why: string, cause?: unknown): Fault {
  return new Fault(
    'heartbeat-failed',
    `The watcher outside of ${schedule} could not be told: ${why}.`,
    'Look at its address in the configuration and at the network; the backup itself is verified.',
    { cause },
  );
}
