import type { Run } from '../../runs/run.ts';
import type { DiffDblessOutputs } from '../../steps/restore/dbless/diff-dbless.ts';
import type { DiffFilesOutputs } from '../../steps/restore/files/diff-files.ts';
import type { PlaceOutputs } from '../../steps/restore/files/place-files.ts';
import { changeText } from './changes.ts';

/**
 * Of a restore of files: what the set has other than the gateway, where the files lie, and what puts them into use. Of
 * nodes without a database: what would change, and the hash of every node.
 */
export function fileLines(run: Run): string[] {
  const { diff, place } = { diff: outputsOf(run, 'diff-files'), place: outputsOf(run, 'place-files') };
  const differences = diff === null ? [] : differenceLines(diff);
  const nodes = outputsOf(run, 'diff-dbless');
  return [
    ...differences,
    ...(place === null ? [] : placeLines(run, place)),
    ...(nodes === null || run.rollback !== undefined ? [] : nodeLines(run, nodes)),
  ];
}

function outputsOf(run: Run, step: string): object | null {
  const state = run.steps[step];
  return state?.status === 'succeeded' ? (state.outputs ?? {}) : null;
}

function nodeLines(run: Run, { changes = [], nodes = [] }: Partial<DiffDblessOutputs>): string[] {
  const loaded = run.steps['load-dbless']?.status === 'succeeded';
  const title = changes.length === 0 ? 'nothing that configures the gateway' : '';
  return [
    `  ${loaded ? 'changed' : 'would change'} against what the nodes had: ${title}`.trimEnd(),
    ...changes.map((change) => `    ${changeText(change, loaded)}`),
    ...nodes.map(({ node, present, wanted }) => `    ${node}: configuration ${present} before, ${wanted} after`),
  ];
}

function differenceLines({ counts, files = [] }: Partial<DiffFilesOutputs>): string[] {
  const { same = 0, changed = 0, missing = 0 } = counts ?? {};
  return [
    `  files of the set: ${changed} other than on the gateway, ${missing} missing there, ${same} the same`,
    ...files.flatMap(({ path, state, settings }) => [
      `    ${path}: ${state}`,
      ...settings.map(({ key, present, saved }) => `      ${key}: ${saved ?? 'not set'} (now ${present ?? 'not set'})`),
    ]),
  ];
}

function placeLines(run: Run, { folder = '?', commands = [], fillIn = [] }: Partial<PlaceOutputs>): string[] {
  if (run.outcome === 'rolled-back') return [];
  return [
    `  written into ${folder}; the files in use are as they were`,
    ...(fillIn.length === 0 ? [] : [`  fill in first, they are masked: ${fillIn.join(', ')}`]),
    ...(commands.length === 0
      ? []
      : ['  to put them into use, on the gateway:', ...commands.map((line) => `    ${line}`)]),
  ];
}
