import { basename } from 'node:path';
import type { Step, StepContext } from '../../../engine/ports.ts';
import type { RunCommand } from '../../../run-command/command.ts';
import type { Change, PreviewOutputs } from '../../../runbooks/restore.ts';
import type { Observed } from '../../../runs/event.ts';
import { Fault } from '../../../runs/fault.ts';
import { digestOf } from '../../../runs/json.ts';
import { keepProof, readProof } from '../../attempt-proof.ts';
import { checkedSet } from '../deps.ts';
import type { RestoreDeps } from '../deps.ts';
import { compareFile, fingerprints, isConfFile } from './compare-files.ts';
import type { FileDifference, Present } from './compare-files.ts';
import { configuredFiles, folderBeside } from './place.ts';
import { savedFiles } from './saved-files.ts';
import type { SavedFile } from './saved-files.ts';

/** Outputs of `diff-files`. */
export interface DiffFilesOutputs extends PreviewOutputs {
  /** Where the files will be written. */
  readonly folder: string;
  readonly counts: { readonly same: number; readonly changed: number; readonly missing: number };
  /** Those that differ, the first of them. */
  readonly files: readonly FileDifference[];
}

const MOST_SHOWN = 50;

/** Compares the set's files with those on the gateway: which differ, and which settings of kong.conf. No content, no secret. */
export function diffFiles(deps: RestoreDeps): Step {
  return {
    check: readProof,
    apply: async (context) => {
      await keepProof(context, await compareAll(deps, context));
    },
  };
}

async function compareAll(deps: RestoreDeps, context: StepContext): Promise<DiffFilesOutputs> {
  const saved = await savedFiles(deps, context);
  const present = await presentFiles(deps, context, saved);
  const print = fingerprints(deps.signingKey());
  const { kong_conf: kongConf } = configuredFiles(deps);
  const all = saved.map((file) =>
    compareFile(file, present.get(file.path) ?? 'missing', { isConf: isConfFile(file.path, kongConf), print }),
  );
  const different = all.filter(({ state }) => state !== 'same');
  return {
    folder: folderBeside(deps, context.run).folder,
    counts: {
      same: all.length - different.length,
      changed: different.filter(({ state }) => state !== 'missing').length,
      missing: different.filter(({ state }) => state === 'missing').length,
    },
    files: different.slice(0, MOST_SHOWN),
    changes: changesOf(different),
    digest: digestOf(saved.map(({ path, mode, content }) => ({ path, mode, print: print(content) }))),
    observed: observedOf(deps, context, present),
    approversMore: 0,
    degradedMinutes: 0,
  };
}

/** As the card shows them: nothing goes live, so these are differences and no changes yet. */
function changesOf(different: readonly FileDifference[]): readonly Change[] {
  if (different.length === 0) return [];
  const count = (states: readonly string[]): number => different.filter(({ state }) => states.includes(state)).length;
  const files = {
    kind: 'files',
    created: count(['missing']),
    updated: count(['changed', 'unreadable']),
    deleted: 0,
    names: different.map(({ path }) => path).slice(0, 5),
  };
  const settings = different.filter(({ path }) => basename(path) !== '.kong_env').flatMap((file) => file.settings);
  if (settings.length === 0) return [files];
  return [
    files,
    {
      kind: 'settings of kong.conf',
      created: settings.filter(({ present }) => present === null).length,
      updated: settings.filter(({ present, saved }) => present !== null && saved !== null).length,
      deleted: settings.filter(({ saved }) => saved === null).length,
      names: settings.map(({ key }) => key).slice(0, 5),
    },
  ];
}

/** What a gate on the files stands for: the set, and the files that it was compared with. */
export async function observeFiles(deps: RestoreDeps, context: StepContext): Promise<Observed> {
  const saved = await savedFiles(deps, context);
  return observedOf(deps, context, await presentFiles(deps, context, saved));
}

function observedOf(deps: RestoreDeps, { run }: StepContext, present: ReadonlyMap<string, Present>): Observed {
  const print = fingerprints(deps.signingKey());
  const prints = [...present].map(([path, what]) => [path, typeof what === 'string' ? what : print(what)]);
  return { set: checkedSet(run).manifestSha256, files: digestOf(prints) };
}

async function presentFiles(
  deps: RestoreDeps,
  context: StepContext,
  saved: readonly SavedFile[],
): Promise<ReadonlyMap<string, Present>> {
  const found = new Map<string, Present>();
  for (const [index, { path }] of saved.entries()) {
    context.signal.throwIfAborted();
    found.set(path, await presentFile(deps.runner, path));
    context.progress({ done: index + 1, total: saved.length, unit: 'files', note: 'comparing' });
  }
  return found;
}

async function presentFile(runner: RunCommand, path: string): Promise<Present> {
  try {
    return await runner.readFile(path);
  } catch (error) {
    if (!(error instanceof Fault)) throw error;
    if (error.code === 'file.missing') return 'missing';
    if (UNREADABLE.includes(error.code)) return 'unreadable';
    throw error;
  }
}

const UNREADABLE: readonly string[] = ['file.forbidden', 'file.too-large', 'file.not-a-file'];
