import { readEnvironment, slackFaults } from '../../config/environment.ts';
import { formatFaults, oneOf } from '../../config/fault.ts';
import { laterSecrets } from '../../config/later-secrets.ts';
import { readConfig, readConfigFile } from '../../config/read.ts';
import type { ApprovalConfig, Config, ConfigFile, GatewayConfig } from '../../config/schema.ts';
import { unfillableByAnyRequest, unfillableSeats } from '../../config/schema/seats.ts';
import { lookUpSecret } from '../../config/secret.ts';
import { restoreApproval } from '../../gateway-plans.ts';
import type { Cli } from '../context.ts';
import { EXIT, type ExitCode } from '../terminal.ts';

/** `config check`: every fault at once. With `fileOnly` secrets and environment are not looked at. */
export function configCheck(cli: Cli, fileOnly: boolean): ExitCode {
  const options = { path: cli.configPath, env: cli.terminal.env };
  const read = fileOnly ? readConfigFile(options) : readConfig(options);
  if (!read.ok) {
    cli.terminal.err(formatFaults(read.path, read.faults));
    return EXIT.usage;
  }
  const file = 'config' in read ? read.config : read.file;
  const gateways = file.gateways.map(({ name, environment }) => `${name} (${environment})`).join(', ');
  cli.terminal.out(`${read.path} is valid${fileOnly ? ' (environment and secrets were not looked at)' : ''}.`);
  cli.terminal.out(`  gateways: ${gateways}`);
  cli.terminal.out(`  people: ${file.people.length}, groups: ${file.groups.map(({ name }) => name).join(', ')}`);
  sayWhereNobodyCouldGo(cli, file);
  if ('config' in read) {
    sayWhatStartLacks(cli, read.config);
    sayWhatIsElsewhere(cli, read.config);
  }
  return EXIT.ok;
}

/** No fault: whoever wants scheduled backups alone, or is alone with them, need not name enough people for requests. */
function sayWhereNobodyCouldGo({ terminal }: Cli, file: ConfigFile): void {
  const isUnmet = (policy: ApprovalConfig): boolean =>
    unfillableSeats(policy, file.groups).length > 0 || unfillableByAnyRequest(policy, file.groups).length > 0;
  const named = (unmet: (gateway: GatewayConfig) => boolean): string[] =>
    file.gateways.filter(unmet).map(({ name }) => name);
  const say = (what: string, gateways: readonly string[], why: string): void => {
    if (gateways.length > 0) terminal.out(`  nobody could approve a ${what} of ${oneOf(gateways)}: ${why}.`);
  };
  const isWritten = ({ approvals }: GatewayConfig): boolean =>
    approvals.restore !== undefined || approvals.backup !== undefined;
  const isRestoreUnmet = (gateway: GatewayConfig): boolean => isUnmet(restoreApproval(file, gateway));
  say(
    'restore',
    named((gateway) => !isWritten(gateway) && isRestoreUnmet(gateway)),
    'without a policy of its own it asks one approver besides whoever asks',
  );
  const besides = 'its policy lacks people besides whoever asks';
  say(
    'restore',
    named((gateway) => isWritten(gateway) && isRestoreUnmet(gateway)),
    `${besides}; only an admin who breaks glass could restore`,
  );
  say(
    'backup',
    named(({ approvals: { backup } }) => backup !== undefined && isUnmet(backup)),
    `${besides}; only its schedule could back up`,
  );
}

/** A worker needs nothing of Slack, so this is no fault of the configuration; whoever starts the bot here must know. */
function sayWhatStartLacks({ terminal }: Cli, { slack, environment }: Config): void {
  const lacking = slackFaults(slack.mode, environment).map(({ path }) => path);
  if (lacking.length === 0) return;
  terminal.out(`  not set here: ${lacking.join(', ')}. \`start\` needs them; \`start --only worker\` does not.`);
}

/** The same file lies on every machine, and some secrets on few of them: so this is no fault either. */
function sayWhatIsElsewhere({ terminal }: Cli, config: Config): void {
  for (const { path, reference, neededBy } of laterSecrets(config)) {
    const looked = lookUpSecret(reference, terminal.env);
    if (!looked.ok) terminal.out(`  not set here: ${path} (${looked.found}), needed by ${neededBy}.`);
  }
}

/** `migrate`: needs the environment alone, so that a one-shot job can run it without the configuration file. */
export async function migrate(cli: Cli): Promise<ExitCode> {
  const read = readEnvironment(cli.terminal.env);
  if (!read.ok) {
    cli.terminal.err(formatFaults(null, read.faults));
    return EXIT.usage;
  }
  const { DATABASE_URL: botUrl, DATABASE_OWNER_URL: ownerUrl = botUrl } = read.environment;
  const report = await cli.ports.migrate({ ownerUrl, botUrl });
  const done = report.applied.length === 0 ? 'nothing to do' : `applied ${report.applied.join(', ')}`;
  cli.terminal.out(`The database is at version ${report.after}: ${done}.`);
  if (report.owner === report.bot) {
    cli.terminal.err(`Warning: ${report.bot} owns the audit trail and is also what the bot runs as.`);
    cli.terminal.err(
      '  Triggers alone protect it. Give migrate the owner as DATABASE_OWNER_URL and the bot a lesser role.',
    );
  }
  return EXIT.ok;
}
