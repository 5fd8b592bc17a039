import { dirname, join } from 'node:path';
import { Fault } from '../../../runs/fault.ts';
import { digestOf } from '../../../runs/json.ts';
import type { Run } from '../../../runs/run.ts';
import type { StepDeps } from '../../deps.ts';

export interface FolderBeside {
  /** Must be there already. */
  readonly parent: string;
  /** Of this run alone. */
  readonly folder: string;
}

/** Where a run writes the files of its set: beside the prefix, or where the configuration says. */
export function folderBeside(deps: Pick<StepDeps, 'gateway'>, run: Run): FolderBeside {
  const { prefix, restore_to: asked } = configuredFiles(deps);
  const parent = asked ?? dirname(prefix.replace(/\/+$/, ''));
  const own = digestOf({ run: run.id, at: run.requestedAt, plan: run.planDigest }).slice(0, 6);
  return { parent, folder: join(parent, `kong-chatops-${run.id.toLowerCase()}-${own}`) };
}

/** Where Kong's files are. Fault when the configuration names them no more. */
export function configuredFiles({ gateway }: Pick<StepDeps, 'gateway'>): NonNullable<StepDeps['gateway']['files']> {
  if (gateway.files !== undefined) return gateway.files;
  throw new Fault(
    'no-files-configured',
    `The configuration of gateway ${gateway.name} names no kong.conf and no prefix, but the run was planned with them.`,
    'Add files to this gateway in the configuration, then start a new restore.',
  );
}
