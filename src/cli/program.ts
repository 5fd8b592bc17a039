import { Command, CommanderError } from 'commander';
import { Fault } from '../runs/fault.ts';
import { auditExport, auditVerify, type AuditVerifyFlags } from './commands/audit-prove.ts';
import { auditShow, type AuditShowFlags } from './commands/audit-show.ts';
import { addBackupSets } from './commands/backup-set-commands.ts';
import { backup, type BackupOptions } from './commands/backup.ts';
import { backups } from './commands/backups.ts';
import { cancel, vote, withdraw } from './commands/decide.ts';
import { doctor } from './commands/doctor.ts';
import { keygen } from './commands/keygen.ts';
import { breakGlass, review, type BreakGlassFlags } from './commands/emergency/break-glass.ts';
import { compare, drill, restore, type DrillFlags, type RestoreFlags } from './commands/restore.ts';
import { configCheck, migrate } from './commands/setup.ts';
import { start, type StartFlags } from './commands/start.ts';
import { status } from './commands/status.ts';
import { addWatch } from './commands/watch/commands.ts';
import { close, rollback, unlock } from './commands/way-back.ts';
import { VERSION } from '../version.ts';
import type { Cli } from './context.ts';
import { addExamples } from './examples.ts';
import type { CliPorts } from './ports.ts';
import { sayBug, sayFault } from './say.ts';
import { EXIT, type ExitCode, type Terminal } from './terminal.ts';

/** A command's work: what it answers is the exit code. */
type Work = (cli: Cli) => ExitCode | Promise<ExitCode>;

/** Runs one command line (without `node` and the script) and answers the exit code. Never throws. */
export async function runCli(args: readonly string[], terminal: Terminal, ports: CliPorts): Promise<ExitCode> {
  let work: Work | undefined;
  const program = buildProgram((chosen) => {
    work = chosen;
  });
  silenceExits(program, terminal);
  try {
    await program.parseAsync([...args], { from: 'user' });
    const { config: configPath } = program.opts<{ config?: string }>();
    return work === undefined ? EXIT.usage : await work({ terminal, ports, configPath });
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.ok : EXIT.usage;
    return error instanceof Fault ? sayFault(terminal, error) : sayBug(terminal, error);
  }
}

/** The whole command line. `choose` is told what the arguments ask for; nothing is done while they are parsed. */
export function buildProgram(choose: (work: Work) => void): Command {
  const program = new Command('kong-chatops')
    .description('Approved, proven, audited backups, restores and drills of Kong Gateway.')
    .version(VERSION)
    .option('-c, --config <file>', 'configuration file (default: KONG_CHATOPS_CONFIG, ./kong-chatops.yaml, /etc/…)')
    .addHelpText(
      'after',
      '\nExit codes: 0 ok, 1 failed, 2 usage or configuration, 3 missing on this machine, 4 refused.',
    );
  addSetup(program, choose);
  addRuns(program, choose);
  addRestores(program, choose);
  addEmergency(program, choose);
  addAudit(program, choose);
  addWatch(program, choose);
  addExamples(program);
  return program;
}

function addSetup(program: Command, choose: (work: Work) => void): void {
  program
    .command('config')
    .description('about the configuration')
    .command('check')
    .description('print every fault of file, secrets and environment at once')
    .option('--file-only', 'look at the file alone, as in a pull request', false)
    .action((flags: { fileOnly: boolean }) => choose((cli) => configCheck(cli, flags.fileOnly)));
  program
    .command('migrate')
    .description('prepare the database (as its owner: DATABASE_OWNER_URL)')
    .action(() => choose(migrate));
  program
    .command('start')
    .description('run the bot, a worker, or both in one process')
    .option('--only <part>', 'bot or worker')
    .option('--queues <names>', 'queues to serve, separated by commas')
    .option('--drain', 'when stopped, wait for running steps however long they take', false)
    .action((flags: StartFlags) => choose(async (cli) => await start(cli, flags)));
  program
    .command('doctor')
    .description('look at everything that is needed here, and say what to do about it')
    .option('--json', 'answer as JSON', false)
    .action((flags: { json: boolean }) => choose(async (cli) => await doctor(cli, flags.json)));
  program
    .command('keygen')
    .description('make a signing key: private into a file, public onto the terminal')
    .option('--out <file>', 'file of the private key', 'signing-key.pem')
    .action((flags: { out: string }) => choose((cli) => keygen(cli, flags.out)));
}

function addRuns(program: Command, choose: (work: Work) => void): void {
  const taking = program
    .command('backup <gateway>')
    .description('back up a gateway and follow the run; or read sets in a destination (see the commands below)')
    .option('--reason <text>', 'why, for approvers and the audit trail')
    .option('--no-wait', 'print the id of the run and leave')
    .action((gateway: string, flags: BackupOptions) => choose(async (cli) => await backup(cli, gateway, flags)));
  addBackupSets(taking, choose);
  program
    .command('status [gateway-or-run]')
    .description('last verified backups, what is locked and what runs, or one run')
    .option('--json', 'answer as JSON', false)
    .action((about: string | undefined, flags: { json: boolean }) =>
      choose(async (cli) => await status(cli, about, flags.json)),
    );
  program
    .command('approve <gate-or-run>')
    .description('say go')
    .option('--comment <text>', 'for the audit trail')
    .action((asked: string, flags: { comment?: string }) =>
      choose(async (cli) => await vote(cli, asked, 'go', flags.comment)),
    );
  program
    .command('no-go <gate-or-run>')
    .description('say no-go: one ends the run')
    .requiredOption('--reason <text>', 'why, 10 to 2,000 characters')
    .action((asked: string, flags: { reason: string }) =>
      choose(async (cli) => await vote(cli, asked, 'no-go', flags.reason)),
    );
  program
    .command('withdraw <gate-or-run>')
    .description('take your own vote back while the gate is open')
    .action((asked: string) => choose(async (cli) => await withdraw(cli, asked)));
  program
    .command('cancel <run>')
    .description('stop a run; what it began is put back')
    .option('--reason <text>', 'for the audit trail')
    .action((run: string, flags: { reason?: string }) => choose(async (cli) => await cancel(cli, run, flags.reason)));
}

function addRestores(program: Command, choose: (work: Work) => void): void {
  program
    .command('backups <gateway>')
    .description('the sets of a gateway: state, age, size, gaps, and where they lie')
    .option('--json', 'answer as JSON', false)
    .action((gateway: string, flags: { json: boolean }) =>
      choose(async (cli) => await backups(cli, gateway, flags.json)),
    );
  program
    .command('restore <gateway>')
    .description('restore a gateway from a set and follow the run; nothing live changes before a go')
    .option('--set <set>', 'a set, latest or latest-verified', 'latest-verified')
    .option(
      '--strategy <how>',
      'database (the dump, swapped in by renaming), fresh-database (where the dump cannot be used), declarative (by decK, in place), files, or dbless (POST /config)',
      'database',
    )
    .option('--only <entities>', 'with --strategy declarative: these alone, e.g. service:catalog,consumer:alice')
    .option('--safety <how>', 'backup, or kept-database where the present state cannot be backed up', 'backup')
    .option('--confirm <gateway>', 'the name of the gateway once more')
    .option('--reason <text>', 'why, for approvers and the audit trail')
    .option('--no-wait', 'print the id of the run and leave')
    .action((gateway: string, flags: RestoreFlags) => choose(async (cli) => await restore(cli, gateway, flags)));
  program
    .command('compare <set>')
    .description('a set beside its gateway as it is now, by type and count; reads only')
    .option('--no-wait', 'print the id of the run and leave')
    .action((set: string, flags: { wait: boolean }) => choose(async (cli) => await compare(cli, set, flags)));
  program
    .command('drill <gateway>')
    .description('prove a set by restoring it aside; the gateway is not touched')
    .option('--set <set>', 'a set, latest or latest-verified', 'latest-verified')
    .option('--reason <text>', 'why, for the audit trail')
    .option('--no-wait', 'print the id of the run and leave')
    .action((gateway: string, flags: DrillFlags) => choose(async (cli) => await drill(cli, gateway, flags)));
  program
    .command('rollback <run>')
    .description('undo what a run changed, at any time until it is closed')
    .option('--reason <text>', 'for the audit trail')
    .option('--no-wait', 'ask and leave')
    .action((run: string, flags: { reason?: string; wait: boolean }) =>
      choose(async (cli) => await rollback(cli, run, flags)),
    );
  program
    .command('close <run>')
    .description('end a hold: the way back closes')
    .option('--drop', 'also remove the database that was kept for it', false)
    .option('--confirm <gateway>', 'with --drop: the name of the gateway')
    .action((run: string, flags: { drop: boolean; confirm?: string }) =>
      choose(async (cli) => await close(cli, run, flags)),
    );
  program
    .command('unlock <gateway>')
    .description('after a rollback: record its cause, so that the gateway may be changed again')
    .requiredOption('--cause <text>', 'what went wrong, 10 to 2,000 characters')
    .action((gateway: string, flags: { cause: string }) =>
      choose(async (cli) => await unlock(cli, gateway, flags.cause)),
    );
}

/** Behaviour 3: a command and a role of its own, told to everybody, reviewed by somebody else. */
function addEmergency(program: Command, choose: (work: Work) => void): void {
  program
    .command('break-glass <gateway>')
    .description('EMERGENCY restore without a go (admins): everybody is told, somebody else reviews it within 72 hours')
    .requiredOption('--incident <id>', 'the incident, e.g. INC-4711')
    .requiredOption('--reason <text>', 'what is broken, 10 to 2,000 characters')
    .option('--set <set>', 'a set, latest or latest-verified', 'latest-verified')
    .option('--strategy <how>', 'as for restore', 'database')
    .option('--only <entities>', 'as for restore')
    .option('--safety <how>', 'as for restore', 'backup')
    .option('--unverified', 'also a set of which nobody knows whether it is whole', false)
    .option('--confirm <gateway>', 'the name of the gateway once more')
    .option('--no-wait', 'print the id of the run and leave')
    .action((gateway: string, flags: BreakGlassFlags) => choose(async (cli) => await breakGlass(cli, gateway, flags)));
  program
    .command('review <run>')
    .description('record what you found about somebody else’s emergency')
    .requiredOption('--finding <text>', 'what you found, 10 to 2,000 characters')
    .action((run: string, flags: { finding: string }) => choose(async (cli) => await review(cli, run, flags.finding)));
}

function addAudit(program: Command, choose: (work: Work) => void): void {
  const audit = program.command('audit').description('read, prove and export the audit trail');
  audit
    .command('show [run-gateway-or-person]')
    .description('who did what and when')
    .option('--since <time>', '2026-11-21, an ISO time, or how long ago: 24h, 7d')
    .option('--until <time>', 'the same')
    .option('--limit <rows>', 'at most so many, the newest', '100')
    .option('--json', 'one row a line as stored', false)
    .action((about: string | undefined, flags: AuditShowFlags) =>
      choose(async (cli) => await auditShow(cli, about, flags)),
    );
  audit
    .command('verify')
    .description('recompute the chain and pinpoint what was changed')
    .option('--file <export>', 'an export instead of the database')
    .option('--head <head>', 'a head from outside (seq:hash, JSON, or a file): proves that no tail was cut off')
    .option('--public-key <file>', 'check the signatures of heads')
    .action((flags: AuditVerifyFlags) => choose(async (cli) => await auditVerify(cli, flags)));
  audit
    .command('export')
    .description('the whole trail as NDJSON that verifies offline')
    .option('--out <file>', 'a new file, readable by you alone; else standard output')
    .action((flags: { out?: string }) => choose(async (cli) => await auditExport(cli, flags.out)));
}

/** Help and mistakes go to this terminal, and nothing ends the process but its entry. */
function silenceExits(program: Command, terminal: Terminal): void {
  const output = {
    writeOut: (text: string) => terminal.out(text.trimEnd()),
    writeErr: (text: string) => terminal.err(text.trimEnd()),
  };
  const visit = (command: Command): void => {
    command.exitOverride().configureOutput(output).showHelpAfterError('See --help for what there is.');
    command.commands.forEach(visit);
  };
  visit(program);
}
