import { WebAPIHTTPError, WebAPIPlatformError, WebAPIRateLimitedError, WebAPIRequestError } from '@slack/web-api';

/**
 * What a failed call means for the world:
 * `refused`: Slack answered no, nothing happened and asking again brings the same no. `not-done`: nothing happened,
 * ask again after `afterMs`. `unknown`: it may have happened.
 */
export type CallFailure =
  | { readonly kind: 'refused'; readonly why: string }
  | { readonly kind: 'not-done'; readonly why: string; readonly afterMs: number }
  | { readonly kind: 'unknown'; readonly why: string };

/** Slack could not say no for certain: "some aspect of the operation may have succeeded". */
const UNSURE = new Set(['internal_error', 'fatal_error', 'request_timeout', 'service_unavailable']);
/** Somebody has to mend the installation first; nothing is lost meanwhile. */
const INSTALLATION = new Set([
  'invalid_auth',
  'not_authed',
  'account_inactive',
  'token_revoked',
  'token_expired',
  'team_access_not_granted',
  'access_denied',
]);
const LIMITED = new Set(['ratelimited', 'rate_limited', 'message_limit_exceeded', 'accesslimited']);
/** The connection never stood, so the request cannot have arrived. */
const NEVER_SENT = new Set([
  'ECONNREFUSED',
  'ENOTFOUND',
  'EAI_AGAIN',
  'ENETUNREACH',
  'EHOSTUNREACH',
  'UND_ERR_CONNECT_TIMEOUT',
]);

/** Reads an error of a Slack client; by class and code, never by text. */
export function failureOf(error: unknown): CallFailure {
  if (error instanceof WebAPIRateLimitedError) {
    return { kind: 'not-done', why: 'ratelimited', afterMs: Math.max(error.retryAfter, 1) * 1000 };
  }
  if (error instanceof WebAPIPlatformError) return ofPlatform(error.data.error);
  if (error instanceof WebAPIHTTPError) return { kind: 'unknown', why: `HTTP ${error.statusCode}` };
  if (error instanceof WebAPIRequestError) {
    const code = codeOf(error.original);
    return code !== null && NEVER_SENT.has(code)
      ? { kind: 'not-done', why: code, afterMs: 10_000 }
      : { kind: 'unknown', why: code ?? error.original.name };
  }
  return { kind: 'unknown', why: error instanceof Error ? error.name : 'unknown' };
}

function ofPlatform(code: string): CallFailure {
  if (LIMITED.has(code)) return { kind: 'not-done', why: code, afterMs: 30_000 };
  if (INSTALLATION.has(code)) return { kind: 'not-done', why: code, afterMs: 60_000 };
  return UNSURE.has(code) ? { kind: 'unknown', why: code } : { kind: 'refused', why: code };
}

function codeOf(error: unknown): string | null {
  if (typeof error !== 'object' || error === null) return null;
  if ('code' in error && typeof error.code === 'string') return error.code;
  return 'cause' in error ? codeOf(error.cause) : null;
}

/** True when Slack answered with one of these error codes. */
export function isPlatformError(error: unknown, ...codes: readonly string[]): boolean {
  return error instanceof WebAPIPlatformError && codes.includes(error.data.error);
}
