import type { FaultFacts } from './event.ts';

/**
 * The world failed: a neighbour refused, broke or did not answer. Thrown by adapters, turned by the engine into
 * `step.failed` (or `step.interrupted` when `retryable`). Decided by code or status, never by matching text.
 * `message` and `hint` reach people and the audit: no secrets in them. `cause` is for the log.
 */
export class Fault extends Error {
  readonly code: string;
  readonly hint: string;
  readonly retryable: boolean;

  constructor(code: string, message: string, hint: string, options: { cause?: unknown; retryable?: boolean } = {}) {
    super(message, { cause: options.cause });
    this.name = 'Fault';
    this.code = code;
    this.hint = hint;
    this.retryable = options.retryable ?? false;
  }

  /** What is stored and shown. */
  facts(): FaultFacts {
    return { code: this.code, message: this.message, hint: this.hint };
  }
}
