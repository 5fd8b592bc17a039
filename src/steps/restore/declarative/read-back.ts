import type { Step, StepContext } from '../../../engine/ports.ts';
import type { ReadBackOutputs, SyncOutputs } from '../../../runbooks/restore.ts';
import { Fault } from '../../../runs/fault.ts';
import { keepProof, readProof } from '../../attempt-proof.ts';
import { counted, some } from '../../words.ts';
import type { RestoreDeps } from '../deps.ts';
import type { Difference, HashDifference } from './compare.ts';
import { kindOfList } from './document.ts';
import { canPutHashes, loginsOf, wrongHashes } from './hashes.ts';
import { lookAround } from './look.ts';
import { safetySource, wantedSource } from './source.ts';
import type { Source } from './source.ts';

/** Dumps once more and compares entity by entity with what should be: decK's exit code is not believed (behaviour 6.4). */
export function readBack(deps: RestoreDeps): Step {
  return comparing(deps, wantedSource, { what: 'the set', sync: 'sync-declarative' });
}

/** The same with the state before, once the run was rolled back. */
export function readBackUndo(deps: RestoreDeps): Step {
  return comparing(deps, safetySource, { what: 'the state before', sync: 'sync-back' });
}

function comparing(
  deps: RestoreDeps,
  open: (deps: RestoreDeps, context: StepContext) => Promise<Source>,
  { what, sync }: { readonly what: string; readonly sync: string },
): Step {
  return {
    check: readProof,
    apply: async (context) => {
      const outputs = await compare(deps, context, await open(deps, context), what);
      const { deletedMore = [], changedMore = [] } = (context.run.steps[sync]?.outputs ?? {}) as Partial<SyncOutputs>;
      if (deletedMore.length > 0) throw tooMuch(deletedMore);
      if (changedMore.length > 0) throw putBackToo(changedMore);
      await keepProof(context, outputs);
    },
  };
}

async function compare(
  deps: RestoreDeps,
  context: StepContext,
  source: Source,
  what: string,
): Promise<ReadBackOutputs> {
  const looks = await lookAround(deps, context, source);
  const hashes = wrongHashes(looks);
  const puts = await canPutHashes(deps, context);
  const differences = looks.flatMap(({ answer }) => answer.differences);
  const wrong = [...differences.map(wordsOf), ...(puts ? hashes.map(wordsOfHash) : [])];
  if (wrong.length > 0) throw notAsWanted(wrong, what);
  return { workspaces: looks.map(({ workspace }) => workspace), passwordsByHand: puts ? [] : loginsOf(hashes) };
}

/** Names of fields, never values. */
export function wordsOf({ list, name, what, fields }: Difference): string {
  const entity = `${kindOfList(list).one} ${name}`;
  if (what === 'missing') return `${entity} is missing`;
  return what === 'not-in-set' ? `${entity} should not be there` : `${entity} differs (${some(fields, 3)})`;
}

function wordsOfHash({ list, name }: HashDifference): string {
  return `${kindOfList(list).one} ${name} has another password`;
}

function notAsWanted(wrong: readonly string[], what: string): Fault {
  return new Fault(
    'declarative.not-as-wanted',
    `The sync ended without an error, and ${counted(wrong.length, 'entity', 'entities')} on the gateway ${wrong.length === 1 ? 'is' : 'are'} not as in ${what}: ${some(wrong)}.`,
    'Look whether somebody else changes this gateway. Roll back (again) to bring back the state before, or close this run if it may stay so.',
  );
}

export function tooMuch(gone: readonly string[]): Fault {
  return new Fault(
    'declarative.deleted-more',
    `All is as it should be, and the sync also deleted what somebody added in the same moment: ${some(gone)}.`,
    'It is in no set: tell whoever added it. Then close this run, or roll it back.',
  );
}

export function putBackToo(changed: readonly string[]): Fault {
  return new Fault(
    'declarative.changed-more',
    `All is as it should be, and the sync also undid what somebody changed since its plan: ${some(changed)}.`,
    'That change is in no set: tell whoever made it. Then close this run, or roll it back.',
  );
}
