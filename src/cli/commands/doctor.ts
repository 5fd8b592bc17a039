import { formatFaults } from '../../config/fault.ts';
import { readConfig } from '../../config/read.ts';
import type { Cli } from '../context.ts';
import { examine, fail, ok, showFindings, type Finding } from '../doctor/check.ts';
import { EXIT, type ExitCode } from '../terminal.ts';

/** `doctor`: looks at everything that the bot needs here, one line each. Changes nothing. 1 when anything fails. */
export async function doctor(cli: Cli, json: boolean): Promise<ExitCode> {
  // Heartbeats are secrets of the bot's alone; the look at each says where one is missing.
  const secrets = ['gateways', 'destinations', 'signing'] as const;
  const read = readConfig({ path: cli.configPath, env: cli.terminal.env, secrets });
  if (!read.ok) cli.terminal.err(`${formatFaults(read.path, read.faults)}\n`);
  const checks = await cli.ports.checks({ config: read.ok ? read.config : null, now: cli.terminal.now });
  const findings: Finding[] = [
    read.ok
      ? ok('configuration', `${read.path} is valid`)
      : fail(
          'configuration',
          `${read.faults.length} faults, see above`,
          'Correct them; gateways, database and Slack were not looked at.',
        ),
    ...(await examine(checks)),
  ];
  const lines = json ? [JSON.stringify(findings, null, 2)] : [...showFindings(findings), '', summary(findings)];
  lines.forEach((line) => cli.terminal.out(line));
  return findings.some(({ state }) => state === 'fail') ? EXIT.failed : EXIT.ok;
}

function summary(findings: readonly Finding[]): string {
  const count = (state: Finding['state']) => findings.filter((finding) => finding.state === state).length;
  return `${count('ok')} ok, ${count('warn')} to know about, ${count('fail')} to repair`;
}
