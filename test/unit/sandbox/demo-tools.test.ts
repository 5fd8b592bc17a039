import { expect, test } from 'vitest';
import type { Command, Finished, RunCommand } from '../../../src/run-command/command.ts';
import { prepareTools, type Machine } from '../../../src/sandbox/demo-tools.ts';

const ROOT_ON_DEBIAN: Machine = { platform: 'linux', isDebian: true, isRoot: true };

/** A machine that has the programs of `has`; `apt-get install` adds what `installs` names. */
function machineWith(has: readonly string[], installs: readonly string[] = []) {
  const here = new Set(has);
  const ran: string[] = [];
  const run = async ({ program, args }: Command): Promise<Finished> => {
    const name = program.slice(program.lastIndexOf('/') + 1);
    if (name === 'apt-get') {
      ran.push(`${name} ${args.join(' ')}`);
      if (args[0] === 'install') for (const one of installs) here.add(one);
      return finished(args[0] === 'install' && installs.length === 0 ? 100 : 0, '');
    }
    if (program.includes('/') || !here.has(name)) return { ...finished(null, ''), notFound: true };
    return finished(0, name === 'deck' ? DECK : `${name} (PostgreSQL) 15.14`);
  };
  const notAsked = (): never => {
    throw new Error('the demo only runs programs and lists folders');
  };
  const runner: RunCommand = {
    where: 'local',
    sameHost: true,
    run,
    start: notAsked,
    readFile: notAsked,
    writeFile: notAsked,
    listFiles: notAsked,
    fileEntry: async () => null,
    freeBytes: notAsked,
  };
  return { runner, ran };
}

const DECK = 'decK v1.29.2\n  gateway     Subcommand to host the decK gateway operations\n  --with-id';
const TOOLS = ['pg_dump', 'pg_restore', 'psql'];

function finished(exitCode: number | null, stdout: string): Finished {
  return {
    exitCode,
    signal: null,
    stdout,
    stderr: exitCode === 100 ? 'E: Unable to locate package postgresql-client-15' : '',
    stdoutBytes: stdout.length,
    stderrBytes: 0,
    seconds: 0,
    aborted: false,
    timedOut: false,
    notFound: false,
  };
}

async function prepared(machine: ReturnType<typeof machineWith>, kind: Machine) {
  const said: string[] = [];
  const ready = await prepareTools((line) => void said.push(line), machine.runner, kind);
  return { ready, said: said.join('\n') };
}

test('with every tool there the demo starts without a word', async () => {
  expect(await prepared(machineWith([...TOOLS, 'deck']), ROOT_ON_DEBIAN)).toEqual({ ready: true, said: '' });
});

test('without pg_dump and without root it names the one command that installs it and gives up', async () => {
  const machine = machineWith([]);
  const { ready, said } = await prepared(machine, { ...ROOT_ON_DEBIAN, isRoot: false });
  expect(ready).toBe(false);
  expect(said).toBe(
    'pg_dump and pg_restore of PostgreSQL 15 are not on this machine, and a backup needs them.\n' +
      'Install them, then start again:\n\n    apt-get update && apt-get install -y postgresql-client-15\n',
  );
  expect(machine.ran).toEqual([]);
});

test('as root on Debian it says what it installs, installs it and goes on', async () => {
  const machine = machineWith(['deck'], TOOLS);
  const { ready, said } = await prepared(machine, ROOT_ON_DEBIAN);
  expect(ready).toBe(true);
  expect(said).toContain('Installing them: apt-get update && apt-get install -y postgresql-client-15');
  expect(machine.ran).toEqual(['apt-get update', 'apt-get install -y --no-install-recommends postgresql-client-15']);
});

test('where the system has another version it says where the right one is', async () => {
  const { ready, said } = await prepared(machineWith([]), ROOT_ON_DEBIAN);
  expect(ready).toBe(false);
  expect(said).toContain('apt-get install ended with exit code 100');
  expect(said).toContain('/usr/share/postgresql-common/pgdg/apt.postgresql.org.sh -y');
});

test('on a Mac the command is that of Homebrew', async () => {
  const { said } = await prepared(machineWith([]), { platform: 'darwin', isDebian: false, isRoot: false });
  expect(said).toContain('brew install postgresql@15');
});

test('without decK the demo goes on and says what will be missing and how to have it', async () => {
  const { ready, said } = await prepared(machineWith(TOOLS), ROOT_ON_DEBIAN);
  expect(ready).toBe(true);
  expect(said).toContain('Backups will report the declarative part as a gap.');
  expect(said).toContain('https://github.com/Kong/deck/releases');
});
