import type { Manifest, ManifestArtifact } from '../../../backup/set/manifest.ts';
import { plainOf } from '../../../backup/set/manifest.ts';
import type { StepContext } from '../../../engine/ports.ts';
import type { RunCommand } from '../../../run-command/command.ts';
import { Fault } from '../../../runs/fault.ts';
import type { Checklist } from '../../preflight/checklist.ts';
import { bytesText, counted } from '../../words.ts';
import { checkVersion } from '../check-place.ts';
import type { RestoreDeps } from '../deps.ts';
import { folderBeside } from './place.ts';

/** What a restore of the files asks of the set, and of the machine that they are written to. */
export const FILES_NEEDS = {
  content(list: Checklist, manifest: Manifest): void {
    const files = filesOf(manifest);
    list.expect('Files', files === null ? NO_FILES : null, counted(Number(files?.facts['files'] ?? 0), 'file'));
  },
  async place(list: Checklist, deps: RestoreDeps, context: StepContext, manifest: Manifest): Promise<void> {
    // Whoever lost the machine's files has no Kong there that could say its version.
    await checkVersion(list, deps, context, { manifest, mayBeDown: true });
    const files = filesOf(manifest);
    const needed = files === null ? 0 : plainOf(files).bytes;
    await list.check(
      'Folder for the files',
      () => roomBeside(deps, context, needed),
      ({ parent, free }) => `${parent} can be written, ${bytesText(free)} free`,
    );
  },
};

/** The artifact with kong.conf and the prefix; null when the set has none. */
export function filesOf(manifest: Manifest): ManifestArtifact | null {
  return manifest.artifacts.find(({ kind }) => kind === 'files') ?? null;
}

/** Whether a new folder can be made beside the prefix. */
export async function roomBeside(
  deps: RestoreDeps,
  context: StepContext,
  needed: number,
): Promise<{ parent: string; free: number }> {
  const { parent } = folderBeside(deps, context.run);
  const { runner } = deps;
  const entry = await runner.fileEntry(parent);
  if (entry?.kind !== 'folder') throw noParent(parent, runner);
  const writable = await runner.run({ program: 'test', args: ['-w', parent], signal: context.signal });
  context.signal.throwIfAborted();
  if (writable.exitCode !== 0) throw notWritable(parent, runner);
  const free = await runner.freeBytes(parent);
  if (free < needed) throw noSpace(parent, free, needed);
  return { parent, free };
}

const NO_FILES = new Fault(
  'no-files',
  'The set holds no files.',
  'Restore another set. Backups take kong.conf and the prefix once files is in the configuration of the gateway.',
);

const ELSEWHERE = 'or name another folder as files.restore_to.';

function noParent(parent: string, { where }: RunCommand): Fault {
  return new Fault(
    'files.no-folder',
    `There is no folder ${parent} (${where}) in which the files could be written.`,
    `Create it, ${ELSEWHERE}`,
  );
}

function notWritable(parent: string, { where }: RunCommand): Fault {
  return new Fault(
    'files.not-writable',
    `The bot may not write into ${parent} (${where}).`,
    `Give the user that its commands run as the right to, ${ELSEWHERE}`,
  );
}

function noSpace(parent: string, free: number, needed: number): Fault {
  return new Fault(
    'files.no-space',
    `${parent} has ${bytesText(free)} free, and the files need ${bytesText(needed)}.`,
    `Free some space there, ${ELSEWHERE}`,
  );
}
