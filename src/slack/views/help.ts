import type { Drawing } from './kit/blocks.ts';
import { context, drawing, section } from './kit/blocks.ts';
import { escape } from './kit/text.ts';

/** A command as it is shown in help and in the manifest. */
export interface CommandWords {
  readonly command: string;
  readonly usage: string;
  readonly does: string;
}

/** Every command. The manifest and the registration are tested against this list. */
export const COMMANDS = {
  backup: {
    command: '/kong-backup',
    usage: '[gateway] [--reason why]',
    does: 'Back up a gateway: database, declarative configuration and files. Without a gateway it opens a form.',
  },
  backups: {
    command: '/kong-backups',
    usage: '[gateway] or diff <set>',
    does: 'The sets of a gateway: proven how, how old, what is missing, where they lie; or a set beside the gateway as it is now.',
  },
  restore: {
    command: '/kong-restore',
    usage: '[gateway]',
    does: 'Restore a gateway from a set. Opens a form; nothing live changes before a go.',
  },
  drill: {
    command: '/kong-drill',
    usage: '[gateway] [set] [--reason why]',
    does: 'Prove a set by restoring it aside; the gateway is not touched. Without a set: the newest verified one.',
  },
  rollback: {
    command: '/kong-rollback',
    usage: '<run> [gateway, to confirm without a form]',
    does: 'Undo what a run changed. Any operator, at any time until the run is closed; it waits for nobody.',
  },
  close: {
    command: '/kong-close',
    usage: '<run>',
    does: 'End the hold of a restore: its undo closes. Dropping the kept database is confirmed on its own.',
  },
  unlock: {
    command: '/kong-unlock',
    usage: '<gateway> <cause>',
    does: 'After a rollback: record its cause, so that the gateway may be changed again.',
  },
  breakGlass: {
    command: '/kong-break-glass',
    usage: '[gateway]',
    does: 'Emergency restore without a go, for admins: everybody is told, and somebody else reviews it within 72 hours.',
  },
  review: {
    command: '/kong-review',
    usage: '<run> <finding>',
    does: 'Record what you found when you looked at somebody else’s emergency.',
  },
  status: {
    command: '/kong-status',
    usage: '[gateway or run, e.g. B-142]',
    does: 'Every gateway with its last verified backup, what locks it, what runs and who is waited for; or one gateway or run.',
  },
  audit: {
    command: '/kong-audit',
    usage: '[run, gateway or @person] [since 2d or 2026-11-01] [until …]',
    does: 'Who did what and when, from the audit trail.',
  },
  help: { command: '/kong-help', usage: '[command]', does: 'This page.' },
} as const satisfies Record<string, CommandWords>;

/** `/kong-help`: what there is, and how approving works. */
export function helpAnswer(gateways: readonly string[]): Drawing {
  const each = Object.values(COMMANDS).map(({ command, usage, does }) => `\`${command} ${usage}\`\n${does}`);
  const known = gateways.slice(0, 30).map(escape).join(', ');
  return drawing(
    'help/',
    `The commands are ${Object.values(COMMANDS)
      .map(({ command }) => command)
      .join(', ')}.`,
    [
      section(each.join('\n\n')),
      section(
        '*Approving:* press *Go* or *No-go* on the run’s message or in App Home. Whoever asked for the run never counts; one no-go stops it and needs a reason. *Comment or withdraw…* sends a go with a comment, or takes your vote back while the gate is open.',
      ),
      context(`Gateways: ${known}${gateways.length > 30 ? ` … and ${gateways.length - 30} more` : ''}`),
      context('Answers to these commands are seen by you alone. What a run does is shown in its gateway’s channel.'),
    ],
  );
}
