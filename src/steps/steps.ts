import type { Step } from '../engine/ports.ts';
import type { Run } from '../runs/run.ts';
import type { StepDeps, StepSurroundings } from './deps.ts';
import { depsFor } from './deps.ts';
import { discardSet } from './backup/discard-set.ts';
import { dumpDatabase } from './backup/dump-database.ts';
import { dumpDeclarative } from './backup/dump-declarative.ts';
import { preflight } from './preflight/preflight.ts';
import { publishSet } from './backup/publish-set.ts';
import { restoreDepsFor } from './restore/deps.ts';
import { restoreSteps } from './restore/steps.ts';
import { saveFiles } from './backup/save-files.ts';
import { verifySet } from './backup/verify-set.ts';
import { tellingOfDisk } from './worker-disk.ts';

/** The steps of the backup run-book (src/runbooks/backup.ts) by id. */
export function backupSteps(deps: StepDeps): Readonly<Record<string, Step>> {
  return {
    preflight: preflight(deps),
    'dump-database': dumpDatabase(deps),
    'dump-declarative': dumpDeclarative(deps),
    'save-files': saveFiles(deps),
    'publish-set': publishSet(deps),
    'verify-set': verifySet(deps),
    'discard-set': discardSet(deps),
  };
}

/** For the engine: the steps of a run's run-book, bound to its gateway. Fault when that is configured no more. */
export function stepsFor(surroundings: StepSurroundings): (run: Run) => Readonly<Record<string, Step>> {
  return (run) => {
    if (run.kind === 'backup') return tellingAll(backupSteps(depsFor(run, surroundings)));
    const deps = restoreDepsFor(run, surroundings);
    return tellingAll({ ...backupSteps(deps), ...restoreSteps(deps) });
  };
}

function tellingAll(steps: Readonly<Record<string, Step>>): Readonly<Record<string, Step>> {
  return Object.fromEntries(Object.entries(steps).map(([id, step]) => [id, tellingOfDisk(step)]));
}
