import { existsSync } from 'node:fs';
import { findDeck, findPostgresTools } from '../kong/dump/tools.ts';
import type { RunCommand } from '../run-command/command.ts';
import { localRunner } from '../run-command/local.ts';
import { Fault } from '../runs/fault.ts';

/** The embedded server's major version: pg_dump must not be older. */
const MAJOR = 15;
const INSTALL_MS = 300_000;

/** What the machine is, as far as installing something on it goes. */
export interface Machine {
  readonly platform: string;
  /** Debian, Ubuntu and their kin: they have apt-get. */
  readonly isDebian: boolean;
  readonly isRoot: boolean;
}

export function thisMachine(): Machine {
  return {
    platform: process.platform,
    isDebian: existsSync('/etc/debian_version'),
    isRoot: process.getuid?.() === 0,
  };
}

/**
 * Makes sure of the programs that a backup needs. Without pg_dump it says the one command that installs it, and runs it
 * when it may (root on Debian or Ubuntu). Without decK the demo goes on. Answers false when the demo cannot run.
 */
export async function prepareTools(
  out: (line: string) => void,
  run: RunCommand = localRunner(),
  machine: Machine = thisMachine(),
): Promise<boolean> {
  if (!(await havePostgresTools(run)) && !(await installPostgresTools(run, machine, out))) return false;
  await tellAboutDeck(run, out);
  return true;
}

async function havePostgresTools(run: RunCommand): Promise<boolean> {
  try {
    await findPostgresTools(run, MAJOR);
    return true;
  } catch (error) {
    if (error instanceof Fault && error.code === 'postgres-tools.missing') return false;
    throw error;
  }
}

/** The command that installs the tools on this machine, as a person would type it. */
export function installCommand(machine: Pick<Machine, 'platform' | 'isDebian'>): string {
  if (machine.platform === 'darwin') return `brew install postgresql@${MAJOR}`;
  if (!machine.isDebian) return `dnf install -y postgresql${MAJOR}   (or your system's package of PostgreSQL ${MAJOR})`;
  return `apt-get update && apt-get install -y postgresql-client-${MAJOR}`;
}

async function installPostgresTools(run: RunCommand, machine: Machine, out: (line: string) => void): Promise<boolean> {
  const command = installCommand(machine);
  out(`pg_dump and pg_restore of PostgreSQL ${MAJOR} are not on this machine, and a backup needs them.`);
  if (!machine.isDebian || !machine.isRoot) {
    out(`Install them, then start again:\n\n    ${command}\n`);
    return false;
  }
  out(`Installing them: ${command}`);
  const env = { DEBIAN_FRONTEND: 'noninteractive' };
  for (const args of [['update'], ['install', '-y', '--no-install-recommends', `postgresql-client-${MAJOR}`]]) {
    const done = await run.run({ program: 'apt-get', args, env, timeoutMs: INSTALL_MS });
    if (done.exitCode !== 0) {
      out(`apt-get ${args[0]} ended with exit code ${done.exitCode}:\n${done.stderr.trim()}`);
      out(
        `Where the system has another version, PostgreSQL's own packages have it:\n\n    apt-get install -y postgresql-common && /usr/share/postgresql-common/pgdg/apt.postgresql.org.sh -y && apt-get install -y postgresql-client-${MAJOR}\n`,
      );
      return false;
    }
  }
  return await havePostgresTools(run);
}

async function tellAboutDeck(run: RunCommand, out: (line: string) => void): Promise<void> {
  try {
    await findDeck(run);
  } catch (error) {
    if (!(error instanceof Fault)) throw error;
    out(`${error.message} Backups will report the declarative part as a gap.`);
    out('To have it: https://github.com/Kong/deck/releases, or brew install kong/deck/deck\n');
  }
}
