import { Fault } from '../../runs/fault.ts';

interface Reason {
  readonly code: string;
  readonly why: string;
  readonly hint: string;
  readonly retryable: boolean;
}

const FULL: Reason = {
  code: 'destination-full',
  why: 'it has no space left',
  hint: 'Free space there or give the gateway another destination, then try again.',
  retryable: false,
};
const FORBIDDEN: Reason = {
  code: 'destination-not-writable',
  why: 'the system user that runs this may not read or write there',
  hint: 'Give that user read and write rights on that folder, then try again; at a terminal, run this as the system user of the bot.',
  retryable: false,
};
const MISSING: Reason = {
  code: 'destination-missing',
  why: 'the folder does not exist',
  hint: 'Create the folder, or mount what should be there, then try again.',
  retryable: false,
};
const BROKEN: Reason = {
  code: 'destination-failed',
  why: 'the storage reported an error',
  hint: 'Look at the storage and at the log of the worker, then try again.',
  retryable: true,
};

const REASONS: Readonly<Record<string, Reason>> = {
  ENOSPC: FULL,
  EDQUOT: FULL,
  EFBIG: FULL,
  EACCES: FORBIDDEN,
  EPERM: FORBIDDEN,
  EROFS: FORBIDDEN,
  ENOENT: MISSING,
  ENOTDIR: MISSING,
};

/**
 * Turns a system error into a Fault that names the destination. What is no system error (an abort, a Fault, an error of
 * the source) is given back as it is: it is not the storage's.
 */
export function storageFault(error: unknown, destination: string, doing: string): unknown {
  const code = systemCode(error);
  if (code === null) return error;
  const reason = REASONS[code] ?? BROKEN;
  return new Fault(
    reason.code,
    `Destination ${destination}: ${doing} failed because ${reason.why} (${code}).`,
    reason.hint,
    {
      cause: error,
      retryable: reason.retryable,
    },
  );
}

function systemCode(error: unknown): string | null {
  if (!(error instanceof Error) || error instanceof Fault || error.name === 'AbortError') return null;
  const { code, syscall } = error as NodeJS.ErrnoException;
  return typeof code === 'string' && typeof syscall === 'string' ? code : null;
}
