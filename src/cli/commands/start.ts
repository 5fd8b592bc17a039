import { once } from 'node:events';
import { slackFaults } from '../../config/environment.ts';
import { formatFaults, type ConfigFault } from '../../config/fault.ts';
import { secretValues } from '../../config/secret-values.ts';
import type { Config } from '../../config/schema.ts';
import { createLog } from '../../operations/log.ts';
import { nearest } from '../../runs/words/nearest.ts';
import { QUEUES, type QueueName } from '../../runs/plan.ts';
import { isRefusal, refuse, type Refusal } from '../../runs/refusal.ts';
import type { Cli } from '../context.ts';
import { withConfig } from '../context.ts';
import type { StartOptions } from '../ports.ts';
import { sayRefusal } from '../say.ts';
import { EXIT, type ExitCode } from '../terminal.ts';

export interface StartFlags {
  readonly only?: string;
  readonly queues?: string;
  readonly drain: boolean;
}

/** `start`: the bot, a worker, or both, until the process is told to stop. */
export async function start(cli: Cli, flags: StartFlags): Promise<ExitCode> {
  const options = startOptions(flags);
  if (isRefusal(options)) {
    sayRefusal(cli.terminal, options);
    return EXIT.usage;
  }
  // Kong's secrets belong to the workers that carry out steps, and to nobody else; the bot lists what lies in destinations.
  const carriesOut = options.queues.some((queue) => queue !== 'publish');
  return await withConfig(
    cli,
    [
      ...(carriesOut ? (['gateways'] as const) : []),
      ...(options.bot ? (['heartbeats'] as const) : []),
      'destinations',
      'signing',
    ],
    async (config) => {
      const missing = missingForSlack(config, options);
      if (missing.length > 0) {
        cli.terminal.err(formatFaults(null, missing));
        if (options.bot) cli.terminal.err('Without Slack, a worker needs none of it: kong-chatops start --only worker');
        return EXIT.usage;
      }
      const log = createLog({ level: config.environment.LOG_LEVEL, secrets: secretValues(config) });
      const running = await cli.ports.start(config, options, log);
      if (!cli.terminal.stop.aborted) await once(cli.terminal.stop, 'abort');
      log.info({ drain: options.drain }, 'stopping');
      await running.stop();
      return EXIT.ok;
    },
  );
}

/**
 * What a process does. Without `--only` everything; the bot draws and posts; a worker carries out steps. `--queues`
 * narrows or widens either.
 */
export function startOptions({ only, queues, drain }: StartFlags): StartOptions | Refusal {
  if (only !== undefined && only !== 'bot' && only !== 'worker') {
    return refuse('bad-option', `--only ${only} is neither bot nor worker`, 'Write --only bot or --only worker');
  }
  const chosen = queues === undefined ? null : queueNames(queues);
  if (chosen !== null && isRefusal(chosen)) return chosen;
  return { bot: only !== 'worker', queues: chosen ?? DEFAULT_QUEUES[only ?? 'all'], drain };
}

const DEFAULT_QUEUES = {
  all: QUEUES,
  bot: ['publish'],
  worker: QUEUES.filter((queue) => queue !== 'publish'),
} as const satisfies Record<string, readonly QueueName[]>;

function queueNames(text: string): QueueName[] | Refusal {
  const asked = text.split(',').map((name) => name.trim());
  const unknown = asked.find((name) => !(QUEUES as readonly string[]).includes(name));
  if (unknown === undefined) return QUEUES.filter((queue) => asked.includes(queue));
  const meant = nearest(unknown, QUEUES);
  const hint = meant === null ? `Queues: ${QUEUES.join(', ')}` : `Did you mean ${meant}?`;
  return refuse('bad-option', `There is no queue "${unknown}"`, hint);
}

/** Whoever listens to Slack needs everything of it, whoever only posts needs the bot token. */
function missingForSlack(config: Config, { bot, queues }: StartOptions): ConfigFault[] {
  const faults = slackFaults(config.slack.mode, config.environment);
  if (bot) return faults;
  return queues.includes('publish') ? faults.filter(({ path }) => path === 'SLACK_BOT_TOKEN') : [];
}
