import { dropByHand, keptDatabase } from '../../runbooks/kept-database.ts';
import type { PersonId } from '../../runs/person.ts';
import type { Run } from '../../runs/run.ts';
import { clock } from './amounts.ts';

/** How a restore ended well: who accepted it, that its way back is closed, and what became of the database before. */
export function acceptedLines(run: Run, name: (person: PersonId) => string): string[] {
  const ended = run.endedAt === undefined ? '' : ` at ${clock(run.endedAt)}`;
  const by = run.close === undefined ? ', because its hold ended by itself' : ` by ${name(run.close.person)}`;
  return [`  accepted${ended}${by}: the way back is closed`, ...beforeLines(run)];
}

/** The database that was live before, once the restore is over: nothing removes it any more but people. */
export function beforeLines(run: Run): string[] {
  const kept = keptDatabase(run);
  if (kept === null) return run.close?.drop === true ? ['  No database was kept, so none was dropped.'] : [];
  if (kept.state === 'back') return [];
  if (kept.state === 'dropped') return [`  The database before, ${kept.name}, was dropped.`];
  return [
    `  The database before is still there as ${kept.name}. It takes up room and holds credentials.`,
    `  To remove it by hand: ${dropByHand(kept.name)}`,
  ];
}
