import { join } from 'node:path';
import type { Finished, RunCommand } from '../../run-command/command.ts';
import { Fault } from '../../runs/fault.ts';

export interface Tool {
  /** Absolute path, or a name that the runner finds on its PATH. */
  readonly program: string;
  /** `15.18`, `1.29.2`. */
  readonly version: string;
}

export interface PostgresTools {
  readonly major: number;
  readonly pgDump: Tool;
  readonly pgRestore: Tool;
  readonly psql: Tool;
}

/** What the installed decK can do, read from its help and not from its number (facts I1). */
export interface DeckTool extends Tool {
  /** Keeps ids. Without it consumers' hashed passwords are worthless after a restore. */
  readonly withId: boolean;
  /** Takes the token from DECK_KONG_ADMIN_TOKEN; else it goes by DECK_HEADERS. */
  readonly adminTokenVariable: boolean;
  /** Carries keys and key-sets (1.48 and newer; the only ability that no help text tells). */
  readonly keys: boolean;
}

const ANSWER_MS = 15_000;
const KEYS_SINCE: readonly [number, number] = [1, 48];
const DEBIAN = '/usr/lib/postgresql';

/** Where packages put the tools of one major, off PATH: Debian, Red Hat, Homebrew on ARM and on Intel. */
const packageFolders = (major: number): readonly string[] => [
  `${DEBIAN}/${major}/bin`,
  `/usr/pgsql-${major}/bin`,
  `/opt/homebrew/opt/postgresql@${major}/bin`,
  `/usr/local/opt/postgresql@${major}/bin`,
];

/** What was found is remembered for the life of the process; what was missing is looked for again. */
const found = new WeakMap<RunCommand, Map<string, Promise<unknown>>>();

async function once<T>(run: RunCommand, key: string, find: () => Promise<T>): Promise<T> {
  const known = found.get(run) ?? new Map<string, Promise<unknown>>();
  found.set(run, known);
  const running = (known.get(key) as Promise<T> | undefined) ?? find();
  known.set(key, running);
  try {
    return await running;
  } catch (error) {
    known.delete(key);
    throw error;
  }
}

/** Any psql, to ask a server for its version. Fault `psql.missing`. */
export async function findPsql(run: RunCommand): Promise<Tool> {
  return await once(run, 'psql', async () => {
    // Debian's psql on PATH is a Perl script that chooses one of these and takes twice as long.
    const majors = (await run.fileEntry(DEBIAN)) === null ? [] : await run.listFiles(DEBIAN);
    const newestFirst = majors.map(({ path }) => join(path, 'bin')).toReversed();
    const psql = await firstThatRuns(run, 'psql', newestFirst);
    if (psql !== null) return psql;
    throw new Fault(
      'psql.missing',
      `There is no psql on ${place(run)}, so the bot cannot talk to a PostgreSQL database from ${run.sameHost ? 'here' : 'there'}.`,
      'Install it: apt-get install postgresql-client (Debian, Ubuntu), dnf install postgresql (Red Hat), brew install libpq (macOS).',
    );
  });
}

/** The tools of exactly that major. Fault `postgres-tools.missing`: names what is missing and what installs it. */
export async function findPostgresTools(run: RunCommand, serverMajor: number): Promise<PostgresTools> {
  return await once(run, `postgres-${serverMajor}`, async () => {
    const folders = packageFolders(serverMajor);
    const names = ['pg_dump', 'pg_restore', 'psql'];
    const isRight = (tool: Tool) => majorOf(tool.version) === serverMajor;
    const tools = await Promise.all(names.map((name) => firstThatRuns(run, name, folders, isRight)));
    const [pgDump, pgRestore, psql] = tools;
    if (pgDump && pgRestore && psql) return { major: serverMajor, pgDump, pgRestore, psql };
    const missing = names.filter((_, index) => tools[index] === null);
    throw missingTools(run, serverMajor, missing);
  });
}

/** One tool of exactly that major: where a machine needs no others. Fault `postgres-tools.missing`. */
export async function findPostgresTool(run: RunCommand, serverMajor: number, name: PostgresTool): Promise<Tool> {
  return await once(run, `${name}-${serverMajor}`, async () => {
    const isRight = (tool: Tool) => majorOf(tool.version) === serverMajor;
    const tool = await firstThatRuns(run, name, packageFolders(serverMajor), isRight);
    if (tool !== null) return tool;
    throw missingTools(run, serverMajor, [name]);
  });
}

type PostgresTool = 'pg_dump' | 'pg_restore' | 'psql';

function missingTools(run: RunCommand, serverMajor: number, missing: readonly string[]): Fault {
  return new Fault(
    'postgres-tools.missing',
    `The database server is PostgreSQL ${serverMajor}, and ${missing.join(' and ')} of version ${serverMajor} ${missing.length === 1 ? 'is' : 'are'} not on ${place(run)}.`,
    `Install them: apt-get install postgresql-client-${serverMajor} (Debian, Ubuntu; from apt.postgresql.org where the system has another version), dnf install postgresql${serverMajor} (Red Hat), brew install postgresql@${serverMajor} (macOS).`,
  );
}

/** Faults `deck.missing`, `deck.too-old`, `deck.broken`. */
export async function findDeck(run: RunCommand): Promise<DeckTool> {
  return await once(run, 'deck', async () => {
    const version = await askDeck(run, ['version']);
    const [root, dump] = [await askDeck(run, ['--help']), await askDeck(run, ['gateway', 'dump', '--help'])];
    const number = /v?(\d+\.\d+\.\d+\S*)/.exec(version)?.[1] ?? 'unknown';
    if (!/^\s+gateway\s/m.test(root))
      throw new Fault(
        'deck.too-old',
        `decK ${number} has no "gateway" commands.`,
        'Install decK 1.28 or newer: https://github.com/Kong/deck/releases.',
      );
    return {
      program: 'deck',
      version: number,
      withId: dump.includes('--with-id'),
      adminTokenVariable: root.includes('--kong-admin-token'),
      keys: isAtLeast(number, KEYS_SINCE),
    };
  });
}

async function askDeck(run: RunCommand, args: readonly string[]): Promise<string> {
  const env = { DECK_ANALYTICS: 'off' };
  const finished = await run.run({ program: 'deck', args, env, timeoutMs: ANSWER_MS });
  if (finished.exitCode === 0) return finished.stdout;
  if (finished.notFound)
    throw new Fault(
      'deck.missing',
      `decK is not on ${place(run)}, so the declarative configuration cannot be dumped from ${run.sameHost ? 'here' : 'there'}.`,
      'Install it from https://github.com/Kong/deck/releases onto the PATH, or let the gateway go without: allow_gaps: [declarative].',
    );
  throw new Fault(
    'deck.broken',
    `decK does not work on ${place(run)}: "deck ${args.join(' ')}" ${howItEnded(finished)}.`,
    'Run it by hand there; install a build for this machine from https://github.com/Kong/deck/releases.',
  );
}

/** How messages name where tools are looked for. */
function place({ sameHost, where }: RunCommand): string {
  return sameHost ? 'this machine' : where;
}

function howItEnded(finished: Finished): string {
  if (finished.timedOut) return 'did not answer in time';
  return finished.signal === null ? `ended with exit code ${finished.exitCode}` : `was killed by ${finished.signal}`;
}

/** The first of the folders, then PATH, where the tool runs and is right. */
async function firstThatRuns(
  run: RunCommand,
  name: string,
  folders: readonly string[],
  isRight: (tool: Tool) => boolean = () => true,
): Promise<Tool | null> {
  for (const program of [...folders.map((folder) => join(folder, name)), name]) {
    const finished = await run.run({ program, args: ['--version'], timeoutMs: ANSWER_MS });
    const version = /\) (\d+\S*)/.exec(finished.stdout)?.[1];
    if (finished.exitCode === 0 && version !== undefined && isRight({ program, version })) return { program, version };
  }
  return null;
}

function majorOf(version: string): number {
  return Number.parseInt(version, 10);
}

function isAtLeast(version: string, [major, minor]: readonly [number, number]): boolean {
  const [itsMajor = 0, itsMinor = 0] = version.split('.').map((part) => Number.parseInt(part, 10) || 0);
  return itsMajor > major || (itsMajor === major && itsMinor >= minor);
}
