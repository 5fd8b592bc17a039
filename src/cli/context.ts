import { formatFaults } from '../config/fault.ts';
import { readConfig, type SecretUse } from '../config/read.ts';
import type { Config } from '../config/schema.ts';
import type { Operations } from '../engine/ports.ts';
import { createLog, type Log } from '../operations/log.ts';
import type { Caller } from '../runs/person.ts';
import { isRefusal } from '../runs/refusal.ts';
import { whoIsThere } from './identity.ts';
import type { CliPorts } from './ports.ts';
import { sayRefusal } from './say.ts';
import { EXIT, type ExitCode, type Terminal } from './terminal.ts';

/** What every command is given. `configPath` is the global option `--config`. */
export interface Cli {
  readonly terminal: Terminal;
  readonly ports: CliPorts;
  readonly configPath?: string | undefined;
}

export interface Session {
  readonly config: Config;
  readonly operations: Operations;
  readonly caller: Caller;
}

/** Reads the configuration, or says everything that is wrong with it. `secrets`: which of them will be used. */
export async function withConfig(
  cli: Cli,
  secrets: readonly SecretUse[],
  work: (config: Config) => Promise<ExitCode>,
): Promise<ExitCode> {
  const read = readConfig({ path: cli.configPath, env: cli.terminal.env, secrets });
  if (read.ok) return await work(read.config);
  cli.terminal.err(formatFaults(read.path, read.faults));
  return EXIT.usage;
}

/** The same operations as in Slack, under the name of the person at the terminal. */
export async function withOperations(cli: Cli, work: (session: Session) => Promise<ExitCode>): Promise<ExitCode> {
  const { terminal, ports } = cli;
  // Whoever votes on a bastion needs neither Kong's secrets nor the signing key there.
  return await withConfig(cli, [], async (config) => {
    const caller = whoIsThere(config, terminal.systemUser, terminal.host);
    if (isRefusal(caller)) return sayRefusal(terminal, caller);
    const connection = await ports.connect(config, terminalLog(terminal));
    try {
      return await work({ config, operations: connection.operations, caller });
    } finally {
      await connection.close();
    }
  });
}

/** A command's answer is its output; only warnings of what lies below reach standard error, in words. */
function terminalLog(terminal: Terminal): Log {
  const write = (line: string): void => {
    const { msg, library } = JSON.parse(line) as { readonly msg?: string; readonly library?: string };
    // What a library says of a failed call is said again, in our words, by whoever called it.
    if (msg !== undefined && library === undefined) terminal.err(`Note: ${msg}`);
  };
  return createLog({ level: 'warn', destination: { write } });
}
