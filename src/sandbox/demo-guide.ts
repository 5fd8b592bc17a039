import { join } from 'node:path';
import { ENVIRONMENT, type Workspace } from './workspace.ts';

/** What the demo prints once everything is up: where to look, what to type and as whom. */
export function guide(world: Workspace): string {
  const slack = 'missing' in world.slack ? '' : world.slack.uiUrl;
  return `
  kong-chatops is up. Open the Slack workspace in a browser:

      ${slack}

  You are Alice, an operator (switch people by "Act as" at the top right). In #ops type:

      /kong-status                 what there is: staging and production, no backup yet
      /kong-backup staging         runs at once
      /kong-backup production      asks for a go, because production's policy says so
      /kong-backup                 opens a form
      /kong-backups staging        its sets; restore, drill or compare one from there
      /kong-restore staging        a form; then people see what would change, say go, and can undo it
      /kong-drill staging          proves a set by restoring it aside
      /kong-audit                  who did what
      /kong-help                   everything else

  As Alice, press Go on your own run: you may not. As Bob or Carol, press Go or No-go.
  As Gus, a guest, try anything. The bot's App Home is at the left under Apps.

  Backups are written to   ${world.destination}
  The same by command line  . ${join(world.folder, ENVIRONMENT)}
                            npx kong-chatops backup production

  Everything runs on this machine alone and is removed at the end. Ctrl-C ends it.
`;
}
