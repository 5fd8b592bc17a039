import { Fault } from '../runs/fault.ts';

/** The store (PostgreSQL) failed. `retryable` when it may be back in a moment. */
export class StoreFault extends Fault {
  constructor(code: string, message: string, hint: string, options: { cause?: unknown; retryable?: boolean } = {}) {
    super(code, message, hint, options);
    this.name = 'StoreFault';
  }
}

// SQLSTATE classes and codes: https://www.postgresql.org/docs/15/errcodes-appendix.html
// 53 out of memory, disk or connections; 57 shut down, starting, cancelled; 58 its disk failed; 08 connection broke.
const PASSING_CLASSES = new Set(['08', '53', '57', '58', '40', '55']);
const NETWORK_CODES = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'EPIPE',
  'ETIMEDOUT',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ENOTFOUND',
  'EAI_AGAIN',
  'ENOENT',
]);

/** Whether an error says that the server is away, busy or ending: something that passes. */
export function isPassing(error: unknown): boolean {
  const code = codeOf(error);
  // `pg` reports a socket that closed in the middle, and its own time limits, without any code.
  if (code === null) return error instanceof Error && CODELESS.has(error.message);
  return NETWORK_CODES.has(code) || (/^[0-9A-Z]{5}$/.test(code) && PASSING_CLASSES.has(code.slice(0, 2)));
}

// The one place where text decides: pg 8 throws these without a code (pg/lib/client.js, pg-pool/index.js).
const CODELESS = new Set([
  'Connection terminated',
  'Connection terminated unexpectedly',
  'Connection terminated due to connection timeout',
  'Client has encountered a connection error and is not queryable',
  'timeout exceeded when trying to connect',
  'timeout expired',
  'Query read timeout',
]);

/** Turns what `pg` throws into a {@link StoreFault} where the world failed; anything else is a bug and stays itself. */
export function storeError(error: unknown): unknown {
  if (error instanceof Fault) return error;
  if (isPassing(error)) {
    return new StoreFault(
      'store.unreachable',
      'The database of kong-chatops does not answer.',
      'Nothing was recorded by this attempt. Check that PostgreSQL runs and DATABASE_URL leads to it, then try again.',
      { cause: error, retryable: true },
    );
  }
  const code = codeOf(error);
  if (code === '28P01' || code === '28000' || code === '3D000') return refusedLogin(error);
  if (code === '42501') return missingRight(error);
  if (code === '42P01' || code === '42883' || code === '3F000') return notMigrated(error);
  return error;
}

/** Runs one statement (or a few) and translates what it throws. */
export async function inStore<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw storeError(error);
  }
}

/** The tables are missing or old. */
export function notMigrated(cause?: unknown): StoreFault {
  return new StoreFault(
    'store.not-migrated',
    'The database of kong-chatops has not been prepared for this version.',
    'Run `kong-chatops migrate` with DATABASE_OWNER_URL set, then start again.',
    { cause },
  );
}

function refusedLogin(cause: unknown): StoreFault {
  return new StoreFault(
    'store.login-refused',
    'The database refused the login of kong-chatops, or has no database of that name.',
    'Check role, password and database name in DATABASE_URL (and DATABASE_OWNER_URL).',
    { cause },
  );
}

function missingRight(cause: unknown): StoreFault {
  return new StoreFault(
    'store.missing-right',
    'The database role of kong-chatops lacks a right that it needs, or tried to change the audit trail.',
    'Run `kong-chatops migrate` with DATABASE_OWNER_URL set: it grants what the bot needs and nothing more.',
    { cause },
  );
}

/** SQLSTATE or system error code; null when there is none. */
export function codeOf(error: unknown): string | null {
  if (typeof error !== 'object' || error === null) return null;
  // Node joins the attempts on several addresses of one host name in an AggregateError.
  if (error instanceof AggregateError && error.errors.length > 0) return codeOf(error.errors[0]);
  return 'code' in error && typeof error.code === 'string' ? error.code : null;
}
