import { join } from 'node:path';
import type { Finished, RunCommand } from '../../../run-command/command.ts';
import { Fault } from '../../../runs/fault.ts';
import type { DatabaseConfig } from '../../../kong/database/database.ts';

/** How Kong's own program is started beside the gateway: `[kong]`. */
export type KongCommand = readonly string[];

const BOOTSTRAP_MS = 10 * 60_000;
/** An import took an hour for 100,000 consumers where somebody told of it. */
const IMPORT_MS = 2 * 60 * 60_000;

/**
 * kong.conf for a database of another name. Its later lines win. `kong config` takes its settings from `.kong_env` of the
 * prefix that it is given: with the gateway's own prefix it would write into the live database.
 */
export function confFor(
  text: string,
  {
    database,
    password,
    prefix,
  }: { readonly database: DatabaseConfig; readonly password: string | undefined; readonly prefix: string },
): string {
  const settings: Readonly<Record<string, string>> = {
    database: 'postgres',
    pg_host: database.host,
    pg_port: String(database.port),
    pg_user: database.user,
    ...(password === undefined ? {} : { pg_password: password }),
    pg_database: database.name,
    prefix,
    role: 'traditional',
    anonymous_reports: 'off',
  };
  const lines = Object.entries(settings).map(([key, value]) => {
    if (/[\r\n]/.test(value)) throw strangeValue(key);
    return `${key} = ${value.replaceAll('#', String.raw`\#`)}`;
  });
  return `${text.trimEnd()}\n${lines.join('\n')}\n`;
}

export interface KongAt {
  readonly runner: RunCommand;
  readonly command: KongCommand;
  /** A folder of this attempt with `kong.conf` and `.kong_env`, both for the fresh database. */
  readonly folder: string;
  readonly signal: AbortSignal;
}

/** Makes Kong's tables in the fresh database. It exits with 0 also when it did nothing: look at `schema_meta` afterwards. */
export async function bootstrap(at: KongAt): Promise<void> {
  const args = ['migrations', 'bootstrap', '-c', join(at.folder, 'kong.conf')];
  await runKong(at, args, { doing: 'kong migrations bootstrap', timeoutMs: BOOTSTRAP_MS });
}

/** Loads a declarative file past the Admin API, values as they are stored. */
export async function importInto(at: KongAt, file: string): Promise<void> {
  const args = ['config', 'db_import', file, '-c', join(at.folder, 'kong.conf'), '-p', at.folder];
  await runKong(at, args, { doing: 'kong config db_import', timeoutMs: IMPORT_MS });
}

/** The version that the program says; Fault when it does not start. */
export async function kongVersion({ runner, command, signal }: Omit<KongAt, 'folder'>): Promise<string> {
  const [program = 'kong', ...first] = command;
  const finished = await runner.run({ program, args: [...first, 'version'], signal, timeoutMs: 60_000 });
  signal.throwIfAborted();
  if (finished.exitCode !== 0) throw failed(runner, command, 'kong version', finished);
  return finished.stdout.trim();
}

async function runKong(
  { runner, command, signal }: KongAt,
  args: readonly string[],
  { doing, timeoutMs }: { readonly doing: string; readonly timeoutMs: number },
): Promise<void> {
  const [program = 'kong', ...first] = command;
  const finished = await runner.run({ program, args: [...first, ...args], signal, timeoutMs });
  signal.throwIfAborted();
  if (finished.exitCode !== 0) throw failed(runner, command, doing, finished);
}

/** Never what it printed: Kong quotes the values that it does not like. */
function failed({ where }: RunCommand, command: KongCommand, doing: string, finished: Finished): Fault {
  const how = finished.notFound
    ? `there is no program ${command[0] ?? 'kong'}`
    : finished.timedOut
      ? 'it did not end in time'
      : `it ended with ${finished.exitCode === null ? finished.signal : `exit code ${finished.exitCode}`}`;
  return new Fault(
    finished.notFound ? 'fresh.no-kong' : 'fresh.kong-failed',
    `"${doing}" did not work (${where}): ${how}. The live database is untouched.`,
    finished.notFound
      ? 'Name Kong’s program under restore.kong_command of this gateway, as it is called where its commands run.'
      : 'Run it by hand for a database of its own and read what it says; or restore another set.',
  );
}

function strangeValue(key: string): Fault {
  return new Fault(
    'fresh.strange-value',
    `The value for ${key} has a line end in it, which kong.conf cannot hold.`,
    'Look at the secret for a pasted line end.',
  );
}
