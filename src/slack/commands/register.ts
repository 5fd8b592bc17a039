import type { App } from '@slack/bolt';
import { isRefusal } from '../../runs/refusal.ts';
import type { Call } from '../answering/answer.ts';
import { answering } from '../answering/answer.ts';
import type { SlackDeps } from '../answering/deps.ts';
import type { InFlight } from '../answering/in-flight.ts';
import { openBackupModal } from '../modals/open.ts';
import { viewOf } from '../answering/run-answers.ts';
import { COMMANDS } from '../views/help.ts';
import type { Drawing } from '../views/kit/blocks.ts';
import { refusal } from '../views/run/notices.ts';
import { audit } from './audit.ts';
import { parseBackup } from './parse.ts';
import { parseGateway } from './parse-restores.ts';
import { closeCommand, reviewCommand, rollbackCommand, unlockCommand } from './after.ts';
import { backups, drillCommand, onlyOne } from './sets.ts';
import { openRestore } from '../modals/open-restore.ts';
import { backup, help, status } from './run-commands.ts';

type Handler = (deps: SlackDeps, text: string, call: Call, trigger: string) => Promise<Drawing | null>;

const HANDLERS: Readonly<Record<keyof typeof COMMANDS, Handler>> = {
  backup: async (deps, text, call, trigger) => {
    const words = parseBackup(text);
    if (isRefusal(words)) return refusal(words, viewOf(deps));
    const { gateway } = words;
    return gateway === undefined
      ? await openBackupModal(deps, trigger, call)
      : await backup(deps, { ...words, gateway }, call);
  },
  backups,
  restore: async (deps, text, call, trigger) => {
    const words = parseGateway(text, COMMANDS.restore);
    if (isRefusal(words)) return refusal(words, viewOf(deps));
    const { gateway = onlyOne(deps) } = words;
    return await openRestore(deps, trigger, { gateway, emergency: false }, call);
  },
  drill: drillCommand,
  rollback: rollbackCommand,
  close: closeCommand,
  unlock: unlockCommand,
  breakGlass: async (deps, text, call, trigger) => {
    const words = parseGateway(text, COMMANDS.breakGlass);
    if (isRefusal(words)) return refusal(words, viewOf(deps));
    const { gateway = onlyOne(deps) } = words;
    return await openRestore(deps, trigger, { gateway, emergency: true }, call);
  },
  review: reviewCommand,
  status,
  audit,
  help: (deps, _text, call) => help(deps, call),
};

/** Registers every command of {@link COMMANDS}. Each is acknowledged before anything else happens. */
export function registerCommands(app: App, deps: SlackDeps, inFlight: InFlight): void {
  for (const [name, handler] of Object.entries(HANDLERS)) {
    const { command: typed } = COMMANDS[name as keyof typeof COMMANDS];
    app.command(typed, async ({ ack, command }) => {
      await ack();
      await inFlight.run(async () => {
        const asksHelp = /^(?:--)?help$/i.test(command.text.trim());
        await answering(deps, typed, command, command.trigger_id, async (call) =>
          asksHelp ? await help(deps, call) : await handler(deps, command.text, call, command.trigger_id),
        );
      });
    });
  }
}
