import type { Command } from 'commander';
import type { Cli } from '../../context.ts';
import type { ExitCode } from '../../terminal.ts';
import { acknowledge, alarms, type AcknowledgeFlags } from './alarms.ts';
import { expire, hold, unhold } from './retention.ts';
import { schedules } from './schedules.ts';

type Work = (cli: Cli) => ExitCode | Promise<ExitCode>;

/** `schedules`, `alarms`, `alarm ack`, and below `backup`: `expire`, `hold`, `unhold`. */
export function addWatch(program: Command, choose: (work: Work) => void): void {
  program
    .command('schedules')
    .description('what is done by itself: when it comes next, and what became of the last time')
    .option('--json', 'answer as JSON', false)
    .action((flags: { json: boolean }) => choose(async (cli) => await schedules(cli, flags.json)));
  program
    .command('alarms')
    .description('what is wrong now, since when, and who stands for it')
    .option('--json', 'answer as JSON', false)
    .action((flags: { json: boolean }) => choose(async (cli) => await alarms(cli, flags.json)));
  program
    .command('alarm')
    .description('about one alarm')
    .command('ack <alarm>')
    .description('stand for an alarm: it is not repeated until then, unless something joins it')
    .requiredOption('--reason <text>', 'why it is known and borne, 10 to 2,000 characters')
    .option('--days <number>', 'for how long, at most 366', '7')
    .action((alarm: string, flags: AcknowledgeFlags) => choose(async (cli) => await acknowledge(cli, alarm, flags)));
  const backup = program.commands.find((command) => command.name() === 'backup') ?? program.command('backup');
  addRetention(backup, choose);
}

function addRetention(backup: Command, choose: (work: Work) => void): void {
  backup
    .command('expire <gateway>')
    .description('remove the sets that no retention rule keeps')
    .option('--dry-run', 'only show what would go, and why each of the others stays', false)
    .option('--confirm <gateway>', 'the name of the gateway once more')
    .option('--json', 'answer as JSON', false)
    .action((gateway: string, flags: { dryRun: boolean; confirm?: string; json: boolean }) =>
      choose(async (cli) => await expire(cli, gateway, flags)),
    );
  backup
    .command('hold <set>')
    .description('keep a set whatever the rules say')
    .option('--reason <text>', 'why, 10 to 2,000 characters')
    .action((set: string, _flags: object, command: Command) =>
      choose(async (cli) => await hold(cli, set, reasonOf(command))),
    );
  backup
    .command('unhold <set>')
    .description('end a hold: the rules decide again (needs the role admin)')
    .option('--reason <text>', 'why, 10 to 2,000 characters')
    .action((set: string, _flags: object, command: Command) =>
      choose(async (cli) => await unhold(cli, set, reasonOf(command))),
    );
}

/** `backup` itself has such an option and takes the words for its own, wherever they stand. */
function reasonOf(command: Command): string {
  return command.optsWithGlobals<{ readonly reason?: string }>().reason ?? '';
}
