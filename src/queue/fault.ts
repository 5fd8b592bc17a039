import { Fault } from '../runs/fault.ts';

/** The queues (BullMQ on PostgreSQL or Redis) failed. Never harmful: the sweep wakes every active run. */
export class QueueFault extends Fault {
  constructor(code: string, message: string, hint: string, options: { cause?: unknown; retryable?: boolean } = {}) {
    super(code, message, hint, options);
    this.name = 'QueueFault';
  }
}

/** The queues did not answer when the process started. */
export function unreachable(backend: string, cause: unknown): QueueFault {
  const where =
    backend === 'Redis' ? 'Redis runs and REDIS_URL leads to it' : 'PostgreSQL runs and DATABASE_URL leads to it';
  return new QueueFault(
    'queue.unreachable',
    `The queues on ${backend} do not answer.`,
    `Check that ${where}, then start again.`,
    { cause, retryable: true },
  );
}
