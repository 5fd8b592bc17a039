import { Fault } from '../../runs/fault.ts';

/** Which Admin API, and what was asked of it. `address` without user and password. */
export interface AdminQuestion {
  readonly gateway: string;
  readonly address: string;
  readonly path: string;
  readonly timeoutMs: number;
}

/** The Fault for an answer that is no good one; null for a good one. 404 is for the caller to judge. */
export function faultOfStatus(question: AdminQuestion, status: number, isJson: boolean): Fault | null {
  if (status >= 200 && status < 300) return isJson ? null : notKong(question, 'its answer is not JSON');
  const { path } = question;
  const who = `The Admin API of ${question.gateway} (${question.address})`;
  if (status >= 300 && status < 400)
    return new Fault(
      'kong.redirected',
      `${who} sends GET ${path} elsewhere: HTTP ${status}.`,
      'Write the final address into admin_api.url. The bot follows no redirect, because it would take the token along.',
    );
  if (status === 401)
    return new Fault(
      'kong.unauthorised',
      `${who} did not accept the token: HTTP 401 for GET ${path}.`,
      'Check the secret that admin_api.token names: is it set, current, and for this gateway?',
    );
  if (status === 403)
    return new Fault(
      'kong.forbidden',
      `${who} does not let the token read ${path}: HTTP 403.`,
      'Give the token a role that may read every list of every workspace, or use another token.',
    );
  if (status === 429 || status >= 500)
    return new Fault(
      'kong.server-error',
      `${who} answered GET ${path} with an error of its own: HTTP ${status}.`,
      "Look at Kong's error log and whether its database can be reached. Then try again.",
      { retryable: true },
    );
  return isJson ? refused(question, status) : notKong(question, `it answered HTTP ${status} without JSON`);
}

function refused(question: AdminQuestion, status: number): Fault {
  const { gateway, address, path } = question;
  // A proxy says so in JSON where no route is its own; an Admin API has something to say there.
  if (status === 404 && path === '/') return notKong(question, 'it answered HTTP 404, as a proxy does');
  return new Fault(
    'kong.refused',
    `The Admin API of ${gateway} (${address}) refused GET ${path}: HTTP ${status}.`,
    'Compare the version of Kong with those that the documentation names.',
  );
}

/** The Fault for an answer that does not look like Kong's. */
export function notKong({ gateway, address, path }: AdminQuestion, why: string): Fault {
  return new Fault(
    'kong.not-kong',
    `What answers for ${gateway} at ${address} is not a Kong Admin API: ${why} (GET ${path}).`,
    "Check admin_api.url: it must be the Admin API (port 8001 or 8444 by default), not the proxy, and http or https as Kong's admin_listen says.",
  );
}

/** The Fault for a request that got no answer, by the code of the network error. */
export function faultOfNetwork(question: AdminQuestion, error: unknown): Fault {
  const { gateway, address, path, timeoutMs } = question;
  const code = codeOf(error);
  if (code === 'TimeoutError' || /^UND_ERR_(HEADERS|BODY)_TIMEOUT$/.test(code))
    return new Fault(
      'kong.timeout',
      `The Admin API of ${gateway} (${address}) did not answer GET ${path} within ${timeoutMs / 1000} s.`,
      'Look at the load of Kong and its database, or raise admin_api.timeout_seconds. Then try again.',
      { retryable: true, cause: error },
    );
  if (/^(CERT_|SELF_SIGNED|DEPTH_ZERO|UNABLE_TO|ERR_TLS|ERR_SSL|EPROTO$)/.test(code))
    return new Fault(
      'kong.certificate',
      `The bot cannot make a trusted connection to the Admin API of ${gateway} (${address}): ${code}.`,
      'Name the authority that signed its certificate in admin_api.ca_file, and use the host name that the certificate is for.',
      { cause: error },
    );
  if (code.startsWith('HPE_') || code === 'HTTPParserError') return notKong(question, 'it does not speak HTTP');
  return new Fault(
    'kong.unreachable',
    `The Admin API of ${gateway} (${address}) cannot be reached: ${code}.`,
    'Look whether Kong runs, whether admin_listen has this address, and the firewall between. Then try again.',
    { retryable: true, cause: error },
  );
}

/** fetch wraps the error that has the code into one that has none. */
function codeOf(error: unknown): string {
  if (!(error instanceof Error)) return 'unknown';
  if ('code' in error && typeof error.code === 'string') return error.code;
  if (error.name === 'TimeoutError') return error.name;
  return error.cause === undefined ? error.name : codeOf(error.cause);
}
