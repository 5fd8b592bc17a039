import type { StepContext } from '../../../engine/ports.ts';
import type { RestoreDeps } from '../deps.ts';
import { runWell } from '../files/place-files.ts';
import { folderBeside } from '../files/place.ts';

type Around = Pick<StepContext, 'run' | 'signal'>;

/** Where the settings for the fresh database of this run lie, which hold its password. */
export function settingsFolder(deps: RestoreDeps, { run }: Pick<Around, 'run'>): string {
  return `${folderBeside(deps, run).folder}-fresh`;
}

export async function removeSettings(deps: RestoreDeps, context: Around): Promise<void> {
  await runWell(deps.runner, 'rm', ['-rf', '--', settingsFolder(deps, context)], context.signal);
}

/** Whether a worker that died left them; false for runs that make none. */
export async function areSettingsLeft(deps: RestoreDeps, context: Around): Promise<boolean> {
  if (!context.run.plan.steps.some(({ id }) => id === 'rebuild-scratch')) return false;
  return (await deps.runner.fileEntry(settingsFolder(deps, context))) !== null;
}
