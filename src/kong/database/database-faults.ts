import { Fault } from '../../runs/fault.ts';

/** What is known of a failure on a gateway's database. No passwords: PostgreSQL never repeats them. */
export interface DatabaseTrouble {
  /** `kong on db.example.com:5432 as kong`. */
  readonly where: string;
  /** The server's or psql's own words, one line. */
  readonly said: string;
}

type Kind =
  | 'unreachable'
  | 'restarting'
  | 'lost'
  | 'full'
  | 'authentication'
  | 'no-database'
  | 'tls'
  | 'forbidden'
  | 'changed'
  | 'conflict'
  | 'in-use'
  | 'exists'
  | 'disk-full'
  | 'refused'
  | 'failed';

interface Wording {
  readonly retryable: boolean;
  readonly what: (where: string) => string;
  readonly hint: string;
}

const WORDING: Readonly<Record<Kind, Wording>> = {
  unreachable: {
    retryable: true,
    what: (where) => `The database ${where} does not answer.`,
    hint: 'Check host and port in the configuration, the firewall between the bot and the database, and whether the server runs.',
  },
  restarting: {
    retryable: true,
    what: (where) => `The database server of ${where} is starting or stopping and takes no connections.`,
    hint: 'Wait until it is up, then try again.',
  },
  lost: {
    retryable: true,
    what: (where) => `The connection to the database ${where} was lost.`,
    hint: 'Look at the server log: it restarted, somebody ended the session, or the network failed. Then try again.',
  },
  full: {
    retryable: true,
    what: (where) => `The database server of ${where} has no connection left.`,
    hint: 'Raise max_connections, or give the role more connections: a backup needs its number of jobs plus two.',
  },
  authentication: {
    retryable: false,
    what: (where) => `The database ${where} did not accept the role or its password.`,
    hint: 'Correct user and password of the gateway in the configuration, and let pg_hba.conf admit them from this host.',
  },
  'no-database': {
    retryable: false,
    what: (where) => `There is no database ${where}.`,
    hint: 'Correct the name in the configuration; it is pg_database in kong.conf.',
  },
  tls: {
    retryable: false,
    what: (where) => `The connection to ${where} could not be encrypted as configured.`,
    hint: 'Compare "ssl" and "ca_file" of the gateway in the configuration with what the server offers.',
  },
  forbidden: {
    retryable: false,
    what: (where) => `The role may not do this on the database ${where}.`,
    hint: 'Let the owner of the tables grant it: GRANT SELECT ON ALL TABLES IN SCHEMA public TO the role (and ON ALL SEQUENCES), or use the owner.',
  },
  changed: {
    retryable: true,
    what: (where) => `The tables of ${where} changed during the work.`,
    hint: 'Somebody migrates this database. Let the migration end, then try again.',
  },
  conflict: {
    retryable: true,
    what: (where) => `The database ${where} cancelled the work in favour of another session.`,
    hint: 'Look who holds locks there, or ended the query, then try again.',
  },
  'in-use': {
    retryable: false,
    what: (where) => `The database server of ${where} refused, because somebody is still connected.`,
    hint: 'Look at pg_stat_activity who that is, and end those sessions.',
  },
  exists: {
    retryable: false,
    what: (where) => `A database of that name is there already, says the server of ${where}.`,
    hint: 'Look what it is; remove it when nobody needs it.',
  },
  'disk-full': {
    retryable: false,
    what: (where) => `The disk of the database server of ${where} is full.`,
    hint: 'Free space on that server, then try again.',
  },
  refused: {
    retryable: false,
    what: (where) => `The database server refused the connection to ${where}.`,
    hint: 'Look at the reason given, and at the server log.',
  },
  failed: {
    retryable: false,
    what: (where) => `The database ${where} could not do what was asked.`,
    hint: 'Look at the reason given, and at the server log.',
  },
};

/** By SQLSTATE, the longest match wins: https://www.postgresql.org/docs/current/errcodes-appendix.html */
const BY_STATE: readonly (readonly [string, Kind])[] = [
  ['42501', 'forbidden'],
  ['42P01', 'changed'],
  ['42P04', 'exists'],
  ['53100', 'disk-full'],
  ['55006', 'in-use'],
  ['3F000', 'changed'],
  ['3D000', 'no-database'],
  ['53300', 'full'],
  ['57014', 'conflict'],
  ['57P0', 'restarting'],
  ['28', 'authentication'],
  ['08', 'lost'],
  ['40', 'conflict'],
];

/** The Fault for an error that the server reported on a running session. */
export function faultOfState(state: string, trouble: DatabaseTrouble): Fault {
  return fault(BY_STATE.find(([prefix]) => state.startsWith(prefix))?.[1] ?? 'failed', trouble, state);
}

/** The Fault for a session that ended by itself. */
export function faultOfLostSession(trouble: DatabaseTrouble): Fault {
  return fault('lost', trouble);
}

/** What pg_isready found; `unknown` when it is not installed. */
export type Readiness = 'accepting' | 'rejecting' | 'silent' | 'unknown';

/**
 * The Fault for a connection that never came to be. libpq carries no SQLSTATE here, so: first what pg_isready found by
 * its exit code, then libpq's own words (which are English under our LANG), then the server's, which may be
 * in another language and then read as plain `refused`.
 */
export function faultOfConnecting(readiness: Readiness, trouble: DatabaseTrouble): Fault {
  if (readiness === 'rejecting') return fault('restarting', trouble);
  const words = BY_WORDS.find(([pattern]) => pattern.test(trouble.said))?.[1];
  if (readiness === 'silent') return fault(words === 'tls' ? 'tls' : 'unreachable', trouble);
  return fault(words ?? 'refused', trouble);
}

const BY_WORDS: readonly (readonly [RegExp, Kind])[] = [
  [/\bSSL\b|certificate/, 'tls'],
  [/could not translate host name|Connection refused|timeout expired|No route to host|unreachable/, 'unreachable'],
  [/the database system is (starting up|shutting down|in recovery mode|not yet accepting)/, 'restarting'],
  [/too many clients|too many connections|connection slots/, 'full'],
  [
    /no password supplied|authentication failed|pg_hba\.conf|role ".*" does not exist|not permitted to log in/,
    'authentication',
  ],
  [/database ".*" does not exist/, 'no-database'],
  [/permission denied for database/, 'forbidden'],
  // A session's first act is to write down what the catalogue says.
  [/No space left on device|could not write init file/, 'disk-full'],
  [/server closed the connection unexpectedly|terminating connection/, 'lost'],
];

function fault(kind: Kind, { where, said }: DatabaseTrouble, state?: string): Fault {
  const { what, hint, retryable } = WORDING[kind];
  const words = said === '' ? '' : ` Reason: ${said}`;
  const cause = state === undefined ? undefined : new Error(`SQLSTATE ${state}`);
  return new Fault(`database.${kind}`, `${what(where)}${words}`, hint, { retryable, cause });
}
