import { dirname, join } from 'node:path';
import type { Step, StepContext } from '../../../engine/ports.ts';
import { parseKongConf } from '../../../kong/files/kong-conf.ts';
import type { RunCommand } from '../../../run-command/command.ts';
import { Fault } from '../../../runs/fault.ts';
import { digestOf } from '../../../runs/json.ts';
import type { JsonObject } from '../../../runs/json.ts';
import type { RestoreDeps } from '../deps.ts';
import { compareFile, fingerprints, isConfFile, isSecretFile } from './compare-files.ts';
import { observeFiles } from './diff-files.ts';
import { putInPlace } from './operators-commands.ts';
import { configuredFiles, folderBeside } from './place.ts';
import { savedFiles } from './saved-files.ts';
import type { SavedFile } from './saved-files.ts';

/** Outputs of `place-files`. */
export interface PlaceOutputs extends JsonObject {
  readonly folder: string;
  readonly files: number;
  readonly bytes: number;
  /** What an operator runs on the gateway to put them into use, in this order. */
  readonly commands: readonly string[];
  /** Settings that the set has masked: they must be filled in before kong.conf is of use. */
  readonly fillIn: readonly string[];
}

/** Says that the folder is whole: written last. */
const MARK = 'kong-chatops.json';

/**
 * Writes the set's files into a new folder beside the present ones, never over them; those with secrets for their owner
 * alone. Every file is read back. What a killed predecessor began is written again, to the same names.
 */
export function placeFiles(deps: RestoreDeps): Step {
  return {
    observe: (context) => observeFiles(deps, context),
    check: (context) => placed(deps, context),
    apply: (context) => place(deps, context),
  };
}

/** Removes the folder of this run, and nothing else. */
export function removeFiles(deps: RestoreDeps): Step {
  return {
    check: async ({ run }) => {
      const { folder } = folderBeside(deps, run);
      return (await deps.runner.fileEntry(folder)) === null ? { removed: folder } : null;
    },
    apply: async ({ run, signal }) => {
      await runWell(deps.runner, 'rm', ['-rf', '--', folderBeside(deps, run).folder], signal);
    },
  };
}

async function place(deps: RestoreDeps, context: StepContext): Promise<void> {
  const { folder } = folderBeside(deps, context.run);
  const { runner } = deps;
  const files = await savedFiles(deps, context);
  const { kong_conf: kongConf } = configuredFiles(deps);
  await makeFolders(runner, folder, files, context.signal);
  for (const [index, file] of files.entries()) {
    context.signal.throwIfAborted();
    await runner.writeFile(join(folder, file.path), file.content, { mode: modeOf(file, kongConf) });
    context.progress({ done: index + 1, total: files.length, unit: 'files', note: 'writing' });
  }
  await runner.writeFile(join(folder, MARK), `${JSON.stringify(markOf(deps, context, files))}\n`);
}

/** Only to its owner, whatever it was: where its reader has other rights, the operator's command restores them. */
function modeOf({ path, mode, content }: SavedFile, kongConf: string): number {
  const conf = isConfFile(path, kongConf) ? parseKongConf(content.toString('utf8')) : null;
  return isSecretFile(path, content, conf) ? 0o600 : mode;
}

async function makeFolders(
  runner: RunCommand,
  folder: string,
  files: readonly SavedFile[],
  signal: AbortSignal,
): Promise<void> {
  const folders = [...new Set(files.map(({ path }) => dirname(join(folder, path))))].sort();
  // The outermost first and closed to others: what lies in it is nobody's business before its own rights are set.
  await runWell(runner, 'mkdir', ['-p', '--', folder], signal);
  await runWell(runner, 'chmod', ['0700', '--', folder], signal);
  await runWell(runner, 'mkdir', ['-p', '--', ...folders], signal);
}

/** Runs a small program of the gateway's machine; Fault unless it ends well. */
export async function runWell(
  runner: RunCommand,
  program: string,
  args: readonly string[],
  signal: AbortSignal,
): Promise<void> {
  const finished = await runner.run({ program, args, signal, timeoutMs: 60_000 });
  signal.throwIfAborted();
  if (finished.exitCode === 0) return;
  const said = finished.stderr.trim().split('\n').at(-1) ?? '';
  throw new Fault(
    'files.folder-failed',
    `${program} failed (${runner.where}): ${said === '' ? `exit code ${finished.exitCode}` : said}. No file of the gateway was changed.`,
    'Look at the folder, its rights and its disk, then try again.',
  );
}

interface Mark {
  readonly run: string;
  readonly set: string;
  readonly files: string;
}

function markOf(deps: RestoreDeps, { run }: StepContext, files: readonly SavedFile[]): Mark {
  const print = fingerprints(deps.signingKey());
  return {
    run: run.id,
    set: deps.set.set,
    files: digestOf(files.map(({ path, content }) => ({ path, print: print(content) }))),
  };
}

/** Null until the mark is there and every file reads back as it was saved. */
async function placed(deps: RestoreDeps, context: StepContext): Promise<PlaceOutputs | null> {
  const { folder } = folderBeside(deps, context.run);
  const mark = await readOrNull(deps.runner, join(folder, MARK));
  if (mark === null) return null;
  const files = await savedFiles(deps, context);
  if (mark.toString('utf8').trim() !== JSON.stringify(markOf(deps, context, files))) return null;
  for (const [index, { path, content }] of files.entries()) {
    context.signal.throwIfAborted();
    const there = await readOrNull(deps.runner, join(folder, path));
    if (there === null || !there.equals(content)) return null;
    context.progress({ done: index + 1, total: files.length, unit: 'files', note: 'reading back' });
  }
  return await outputs(deps, folder, files);
}

async function outputs(deps: RestoreDeps, folder: string, files: readonly SavedFile[]): Promise<PlaceOutputs> {
  const { kong_conf: kongConf, prefix } = configuredFiles(deps);
  const print = fingerprints(deps.signingKey());
  const compared = await Promise.all(
    files.map(async (file) => ({
      file,
      difference: compareFile(file, (await readOrNull(deps.runner, file.path)) ?? 'missing', {
        isConf: isConfFile(file.path, kongConf),
        print,
      }),
    })),
  );
  const different = compared.filter(({ difference }) => difference.state !== 'same');
  return {
    folder,
    files: files.length,
    bytes: files.reduce((sum, { content }) => sum + content.length, 0),
    commands: putInPlace(
      different.map(({ file, difference }) => ({ path: file.path, mode: file.mode, state: difference.state })),
      { folder, prefix, saved: files, kongConf },
    ),
    fillIn: compared.find(({ file }) => file.path === kongConf)?.difference.fillIn ?? [],
  };
}

async function readOrNull(runner: RunCommand, path: string): Promise<Buffer | null> {
  try {
    return await runner.readFile(path);
  } catch (error) {
    if (error instanceof Fault && ['file.missing', 'file.forbidden'].includes(error.code)) return null;
    throw error;
  }
}
