import type { Command } from 'commander';
import type { Cli } from '../context.ts';
import type { ExitCode } from '../terminal.ts';
import type { FetchFlags, ReadFlags, SetFlags } from './backup-sets.ts';

type Work = (cli: Cli) => Promise<ExitCode>;

const DESTINATION = 'a folder, s3://bucket/prefix?endpoint=…&region=…&path-style=true, or a name in the configuration';
const IDENTITY = 'file with the private age key, for encrypted sets';
const PUBLIC_KEY =
  'file with the public key that signed the set (repeat it for older keys); else that of the configuration';

/** `backup list`, `show`, `verify` and `fetch`: a destination is all they need, no database and no Slack. */
export function addBackupSets(backup: Command, choose: (work: Work) => void): void {
  backup
    .command('list [gateway]')
    .description('the sets in a destination, newest first')
    .requiredOption('--destination <where>', DESTINATION)
    .option('--json', 'answer as JSON', false)
    .action((gateway: string | undefined, flags: SetFlags) =>
      choose(async (cli) => (await load()).listSets(cli, gateway, flags)),
    );
  withKeys(backup.command('show <set>'))
    .description('what is in a set: its manifest, and whether it was signed by your key')
    .option('--json', 'print the manifest itself', false)
    .action((set: string, flags: ReadFlags & { json: boolean }) =>
      choose(async (cli) => (await load()).showSet(cli, set, flags)),
    );
  withKeys(backup.command('verify <set>'))
    .description(
      'read every byte of a set and compare it with the signed manifest; with the identity also what is inside',
    )
    .option('--identity <file>', IDENTITY)
    .action((set: string, flags: ReadFlags) => choose(async (cli) => (await load()).verify(cli, set, flags)));
  withKeys(backup.command('fetch <set> [artifacts...]'))
    .description('bring artifacts here, decrypted, decompressed and proven; without names all of them')
    .requiredOption('--to <folder>', 'where to; made when it is missing, and no file in it is replaced')
    .option('--identity <file>', IDENTITY)
    .action((set: string, artifacts: string[], flags: FetchFlags) =>
      choose(async (cli) => (await load()).fetch(cli, set, artifacts, flags)),
    );
}

function withKeys(command: Command): Command {
  return command
    .requiredOption('--destination <where>', DESTINATION)
    .option('--public-key <file>', PUBLIC_KEY, (file: string, before: string[]) => [...before, file], [] as string[]);
}

/** Loaded when asked for: the other commands do without the library that decrypts. */
const load = async () => await import('./backup-sets.ts');
