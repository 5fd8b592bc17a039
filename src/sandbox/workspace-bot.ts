import { secretValues } from '../config/secret-values.ts';
import { start, type Running } from '../main.ts';
import { createLog } from '../operations/log.ts';
import { QUEUES } from '../runs/plan.ts';
import type { Workspace } from './workspace.ts';

/** Starts the bot of the sandbox in this process: everything where there is Slack, else only what carries out steps. */
export function runBot(world: Workspace): Promise<Running> {
  const { config } = world;
  const log = createLog({ level: config.environment.LOG_LEVEL, secrets: secretValues(config) });
  const withSlack = !('missing' in world.slack);
  const queues = QUEUES.filter((queue) => withSlack || queue !== 'publish');
  return start(config, { bot: withSlack, queues, drain: false }, log);
}
