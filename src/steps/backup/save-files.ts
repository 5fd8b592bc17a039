import { tarOf } from '../../backup/artifacts/tar.ts';
import type { Step, StepContext } from '../../engine/ports.ts';
import { takeFiles } from '../../kong/files/files.ts';
import { Fault } from '../../runs/fault.ts';
import type { StepDeps } from '../deps.ts';
import { refOf } from '../deps.ts';
import { observeNow } from '../observed.ts';
import { preflightFacts } from '../plan-facts.ts';
import { goneWithout, nameInSet, secondsBetween, stageArtifact, stagedOutputs } from './staged.ts';
import type { Described } from './staged.ts';

const ARTIFACT = { name: 'files.tar', compress: false } as const;

/** Saves kong.conf, the prefix and the files that kong.conf names; without encryption those with secrets are left out and listed as gaps. */
export function saveFiles(deps: StepDeps): Step {
  return {
    observe: (context) => observeNow(deps, context),
    check: async ({ run }) => {
      const why = preflightFacts(run).skipped['files'];
      if (why !== undefined) return goneWithout('files', why);
      const name = await nameInSet(deps, ARTIFACT.name, ARTIFACT.compress);
      return stagedOutputs(deps.destinations, refOf(run), ['files'], [name]);
    },
    apply: (context) => takeAndStage(deps, context),
  };
}

async function takeAndStage(deps: StepDeps, context: StepContext): Promise<void> {
  const began = performance.now();
  const { signal, run } = context;
  const { files, gaps } = await takeFiles(deps.runner, configuredFiles(deps), {
    signal,
    keepSecrets: (deps.encryption?.recipients.length ?? 0) > 0,
    onFile: (done, total) => context.progress({ done, total, unit: 'files', note: 'reading' }),
  });
  const tar = tarOf(
    files.map(({ name, content, mode, modifiedAt }) => ({
      name,
      bytes: content.length,
      mode,
      modifiedAt,
      open: async function* whole() {
        yield content;
      },
    })),
  );
  const masked = files.filter((file) => file.masked.length > 0).length;
  const describe = (): Described => ({
    artifact: {
      kind: 'files',
      tool: 'tar',
      toolVersion: 'ustar',
      seconds: secondsBetween(began, performance.now()),
      facts: { files: files.length, ...(masked === 0 ? {} : { masked }) },
    },
    gaps: [...gaps],
  });
  await stageArtifact(deps, { ref: refOf(run), signal }, { ...ARTIFACT, source: tar, describe });
}

function configuredFiles(deps: StepDeps): { readonly kongConf: string; readonly prefix: string } {
  const { files, name } = deps.gateway;
  if (files !== undefined) return { kongConf: files.kong_conf, prefix: files.prefix };
  throw new Fault(
    'no-files',
    `The configuration of gateway ${name} names no kong.conf and no prefix, but the run was planned with them.`,
    'Add them to the configuration, or start a new backup.',
  );
}
