import { LocalDestination } from '../../../src/backup/storage/local.ts';
import { localRunner } from '../../../src/run-command/local.ts';
import type { Run } from '../../../src/runs/run.ts';
import type { StepDeps } from '../../../src/steps/deps.ts';
import { dumpDatabase } from '../../../src/steps/backup/dump-database.ts';

/** What the test tells the worker that it will kill. */
export interface Doomed {
  readonly gateway: StepDeps['gateway'];
  readonly limits: StepDeps['limits'];
  readonly run: Run;
  readonly root: string;
  readonly workDir: string;
}

/** A worker of its own that dumps the database. */
async function work({ gateway, limits, run, root, workDir }: Doomed): Promise<void> {
  const deps: StepDeps = {
    gateway,
    limits,
    secret: () => process.env['PG_PASSWORD'] ?? '',
    signingKey: () => '',
    worker: localRunner(),
    runner: localRunner(),
    destinations: [new LocalDestination('main', root)],
    clock: () => new Date(),
  };
  await dumpDatabase(deps).apply({
    run,
    step: 'dump-database',
    attempt: 1,
    signal: new AbortController().signal,
    workDir,
    applicationName: `kong-chatops ${run.id}/dump-database/1`,
    progress: () => undefined,
  });
}

process.once('message', (doomed: Doomed) => void work(doomed));
