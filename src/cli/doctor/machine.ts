import { existsSync } from 'node:fs';
import { findDeck, findPsql } from '../../kong/dump/tools.ts';
import type { RunCommand } from '../../run-command/command.ts';
import { Fault } from '../../runs/fault.ts';
import { fail, ok, warn, type Check, type Finding } from './check.ts';

export type Platform = 'debian' | 'macos' | 'other';

/** Which command installs things here. */
export function thisPlatform(): Platform {
  if (process.platform === 'darwin') return 'macos';
  return existsSync('/etc/debian_version') ? 'debian' : 'other';
}

/** The one command (or page) that installs it on this kind of machine. `major` is PostgreSQL's. */
export function installCommand(
  what: 'node' | 'psql' | 'postgres-tools' | 'deck',
  platform: Platform,
  major = 0,
): string {
  const commands: Readonly<Record<typeof what, Readonly<Record<Platform, string>>>> = {
    node: {
      debian: 'npm rebuild node   (the dev dependency brings it), or https://nodejs.org/en/download',
      macos: 'brew install node@24',
      other: 'https://nodejs.org/en/download',
    },
    psql: {
      debian: 'apt-get install postgresql-client',
      macos: 'brew install libpq',
      other: 'https://www.postgresql.org/download/',
    },
    'postgres-tools': {
      debian: `apt-get install postgresql-client-${major}   (from apt.postgresql.org where the system has another version)`,
      macos: `brew install postgresql@${major}`,
      other: 'https://www.postgresql.org/download/',
    },
    deck: {
      debian: 'https://github.com/Kong/deck/releases (the .deb, then: apt-get install ./deck_*.deb)',
      macos: 'brew install kong/deck/deck',
      other: 'https://github.com/Kong/deck/releases',
    },
  };
  return `Install it:  ${commands[what][platform]}`;
}

/** Node, psql and decK: what the machine itself must have. */
export function machineChecks(run: RunCommand, platform: Platform, declarative: boolean): readonly Check[] {
  return [
    { about: 'Node', look: async () => [nodeFinding(process.versions.node, platform)] },
    { about: 'psql', look: async () => [await psqlFinding(run, platform)] },
    { about: 'decK', look: async () => await deckFindings(run, platform, declarative) },
  ];
}

/** Node 24 runs the program's files as they are. */
export function nodeFinding(version: string, platform: Platform): Finding {
  if (Number.parseInt(version, 10) >= 24) return ok('Node', version);
  return fail('Node', `${version}, and 24 or newer is needed`, installCommand('node', platform));
}

async function psqlFinding(run: RunCommand, platform: Platform): Promise<Finding> {
  return await orMissing('psql', 'psql.missing', installCommand('psql', platform), async () => {
    const { program, version } = await findPsql(run);
    return ok('psql', `${version} at ${program}`);
  });
}

/** `required`: some gateway may not go without its declarative dump. */
async function deckFindings(run: RunCommand, platform: Platform, required: boolean): Promise<readonly Finding[]> {
  const install = installCommand('deck', platform);
  const found = await orMissing('decK', 'deck.missing', install, async () => {
    const deck = await findDeck(run);
    const abilities = [
      `ids ${deck.withId ? 'kept' : 'not kept'}`,
      deck.keys ? 'carries keys and key-sets' : 'knows no keys and key-sets: they will be a gap',
      deck.adminTokenVariable ? 'token by DECK_KONG_ADMIN_TOKEN' : 'token by DECK_HEADERS',
    ];
    const detail = `${deck.version}, ${abilities.join(', ')}`;
    if (!deck.withId) return fail('decK', detail, `It cannot keep ids. ${install}`);
    return deck.keys ? ok('decK', detail) : warn('decK', detail, 'Install decK 1.48 or newer to have them in the set.');
  });
  const optional = found.state === 'fail' && !required && found.detail.startsWith('not found');
  return [optional ? { ...found, state: 'warn', detail: `${found.detail}; every gateway allows that gap` } : found];
}

/** A missing program gets the exact command of this machine instead of a list for all. */
async function orMissing(about: string, code: string, install: string, look: () => Promise<Finding>): Promise<Finding> {
  try {
    return await look();
  } catch (error) {
    if (error instanceof Fault && error.code === code) return fail(about, 'not found on this machine', install);
    throw error;
  }
}
