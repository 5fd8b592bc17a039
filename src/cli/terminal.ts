import type { Writable } from 'node:stream';

/** The terminal and the person at it. Tests give their own. */
export interface Terminal {
  /** Standard output, for what pipes: an export. */
  readonly stdout: Writable;
  /** One line of the answer. */
  out(line: string): void;
  /** One line about the answer: refusals, faults, notes. */
  err(line: string): void;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly host: string;
  readonly systemUser: string;
  readonly now: () => Date;
  /** Aborted by Ctrl-C and by a stop of the service. */
  readonly stop: AbortSignal;
  /** Between two looks at a run that is followed. */
  readonly pollMs: number;
}

/** What a shell script can tell apart. */
export const EXIT = { ok: 0, failed: 1, usage: 2, missing: 3, refused: 4 } as const;
export type ExitCode = (typeof EXIT)[keyof typeof EXIT];
