import { askThread } from '../../../../backup/artifacts/ask-thread.ts';
import type { OpenSet } from '../../../../backup/set/open-set.ts';
import type { StepContext } from '../../../../engine/ports.ts';
import { wordOf } from '../../../../runbooks/selection.ts';
import type { Selected } from '../../../../runbooks/selection.ts';
import { Fault } from '../../../../runs/fault.ts';
import type { Checklist } from '../../../preflight/checklist.ts';
import { counted, some } from '../../../words.ts';
import { kindOfList } from '../document.ts';
import { unreadable } from '../documents.ts';
import { declarativeOf, fetchOnce, plannedSelection } from '../source.ts';
import type { Absent } from './search.ts';

/** What the thread is asked: files on the worker, and what must be in one of them at least. */
export interface ChosenJob {
  readonly paths: readonly string[];
  readonly only: readonly Selected[];
}

export type ChosenSaid = { readonly absent: readonly Absent[] } | { readonly unreadable: 'source' };

/** That the set holds every chosen entity: known before a safety backup is taken, which may last an hour. */
export async function checkChosen(list: Checklist, context: StepContext, set: OpenSet): Promise<void> {
  const only = plannedSelection(context);
  if (only === null) return;
  await list.check(
    'Chosen entities',
    async () => {
      const absent = await absentFromSet(set, only, context);
      if (absent.length > 0) throw notInSet(only, absent);
      return only;
    },
    ({ length }) => `${counted(length, 'name')}, in the set`,
  );
}

/** In a thread of its own, as every parse of a big file. */
async function absentFromSet(
  set: OpenSet,
  only: readonly Selected[],
  context: StepContext,
): Promise<readonly Absent[]> {
  const paths: string[] = [];
  for (const artifact of declarativeOf(set.manifest).values()) paths.push(await fetchOnce(set, artifact, context));
  const script = new URL('chosen-thread.ts', import.meta.url);
  const data: ChosenJob = { paths, only };
  const name = 'the thread that looks for chosen entities';
  const said = await askThread<ChosenSaid>({ script, data, files: paths, signal: context.signal, name });
  if ('absent' in said) return said.absent;
  throw unreadable(said.unreadable);
}

/** Pure. Names are compared letter by letter, so a slip is offered in words that can be asked for as they stand. */
export function notInSet(only: readonly Selected[], absent: readonly Absent[]): Fault {
  const told = absent.map(({ chosen, meant }) => {
    const offer = meant === null ? '' : ` (did you mean ${wordOf(meant)}?)`;
    return `${kindOfList(chosen.list).one} ${chosen.name}${offer}`;
  });
  const meantBy = new Map(absent.map(({ chosen, meant }) => [wordOf(chosen), meant]));
  const again = [...new Set(only.map((selected) => wordOf(meantBy.get(wordOf(selected)) ?? selected)))].join(',');
  const hint = absent.every(({ meant }) => meant !== null)
    ? `If so, ask again for ${again}.`
    : 'Ask again by the names or ids of the set, which stand in its declarative files (kong-chatops backup fetch), or restore the whole set.';
  return new Fault('selection-not-in-set', `The set does not hold what was chosen: ${some(told)}.`, hint);
}
