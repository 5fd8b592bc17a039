import { Fault } from '../../../runs/fault.ts';

interface Reason {
  readonly code: string;
  readonly why: string;
  readonly hint: string;
  readonly retryable: boolean;
}

const REFUSED: Reason = {
  code: 'destination-refused',
  why: 'the server refused the key',
  hint: 'Check the credentials of the destination and what they may do with the bucket (docs/configuration.md lists it).',
  retryable: false,
};
const MISSING: Reason = {
  code: 'destination-missing',
  why: 'the bucket does not exist',
  hint: 'Create the bucket, or correct its name and region in the configuration, then try again.',
  retryable: false,
};
const FULL: Reason = {
  code: 'destination-full',
  why: 'it has no space left',
  hint: 'Free space there or give the gateway another destination, then try again.',
  retryable: false,
};
const UNREACHABLE: Reason = {
  code: 'destination-unreachable',
  why: 'the server did not answer',
  hint: 'Look at the network between the worker and the storage, then try again.',
  retryable: true,
};
const BROKEN: Reason = {
  code: 'destination-failed',
  why: 'the storage reported an error',
  hint: 'Look at the storage and at the log of the worker, then try again.',
  retryable: true,
};

/** Codes of S3's errors (the specification's names) and of servers that speak its language. */
const BY_NAME: Readonly<Record<string, Reason>> = {
  NoSuchBucket: MISSING,
  PermanentRedirect: MISSING,
  AccessDenied: REFUSED,
  InvalidAccessKeyId: REFUSED,
  SignatureDoesNotMatch: REFUSED,
  ExpiredToken: REFUSED,
  CredentialsProviderError: REFUSED,
  QuotaExceeded: FULL,
  XMinioStorageFull: FULL,
  InsufficientStorage: FULL,
  TimeoutError: UNREACHABLE,
};
const BY_STATUS: Readonly<Record<number, Reason>> = { 401: REFUSED, 403: REFUSED, 507: FULL };
/** Codes of Node's network errors. */
const NETWORK = /^(E[A-Z]{4,}|EAI_AGAIN|UND_ERR_\w+)$/;

/**
 * Turns an error of a request into a Fault that names the destination. What is no request's error (an abort, a Fault, an
 * error of the source) is given back as it is.
 */
export function s3Fault(error: unknown, destination: string, doing: string): unknown {
  if (!(error instanceof Error) || error instanceof Fault || error.name === 'AbortError') return error;
  const found = reasonOf(error);
  if (found === null) return error;
  const { reason, detail } = found;
  return new Fault(
    reason.code,
    `Destination ${destination}: ${doing} failed because ${reason.why} (${detail}).`,
    reason.hint,
    { cause: error, retryable: reason.retryable },
  );
}

function reasonOf(error: Error): { readonly reason: Reason; readonly detail: string } | null {
  const code = 'code' in error ? String(error.code) : '';
  const status = statusOf(error);
  if (status !== null) {
    const reason = BY_NAME[error.name] ?? BY_STATUS[status] ?? BROKEN;
    return { reason, detail: `${error.name}, status ${status}` };
  }
  if (NETWORK.test(code)) return { reason: UNREACHABLE, detail: code };
  const named = BY_NAME[error.name];
  return named === undefined ? null : { reason: named, detail: error.name };
}

/** The server has no such object. */
export function isNotFound(error: unknown): boolean {
  if (!(error instanceof Error) || error.name === 'NoSuchBucket') return false;
  return statusOf(error) === 404;
}

/** The key may not do that. */
export function isForbidden(error: unknown): boolean {
  return statusOf(error) === 403;
}

/** A condition of the request did not hold: somebody has written there. */
export function isPreconditionFailed(error: unknown): boolean {
  return [409, 412].includes(statusOf(error) ?? 0);
}

/** Of an answer of the server; null for an error without one. Not by class: that would load the library at every start. */
function statusOf(error: unknown): number | null {
  if (!(error instanceof Error) || !('$fault' in error) || !('$metadata' in error)) return null;
  return (error.$metadata as { readonly httpStatusCode?: number }).httpStatusCode ?? 0;
}
