import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { promisify } from 'node:util';
import { findPostgresTools } from '../src/kong/dump/tools.ts';
import type { PostgresTools } from '../src/kong/dump/tools.ts';
import { restorePlan } from '../src/runbooks/restore.ts';
import type { Plan } from '../src/runs/plan.ts';
import { startEmbeddedPostgres } from '../src/sandbox/embedded-postgres.ts';
import type { RestoreDeps } from '../src/steps/restore/deps.ts';
import { restoreSteps } from '../src/steps/restore/steps.ts';
import { bareDump, CONSUMERS, takeBackup } from './backup.ts';
import { atMost, type Findings } from './facts.ts';
import { depsOf, fastest, freshDatabase, median, newEncryption, placeOf, round3, Story } from './gateway.ts';
import { startKongElsewhere } from './kong-elsewhere.ts';
import type { KongElsewhere } from './kong-elsewhere.ts';
import { fillKongDatabase } from './kong-shaped-database.ts';

const ROUNDS = 3;
/** From the proof of every byte to the restored database in its place, asked through the node's proxy. */
const STEPS = ['check-set', 'restore-scratch', 'preview-change', 'swap-database', 'reload-nodes', 'prove-restore'];
const FOR_PEOPLE = 'preview-change';
const WAY_BACK = ['swap-back', 'drop-restored'];
const run = promisify(execFile);

/**
 * Times restores of a 300 MB Kong-shaped database against the guide's bare pg_restore of the guide's own dump, in turns.
 * The safety backup that precedes a restore is a backup like any other, and measured as one.
 */
export async function benchRestore(rounds = ROUNDS): Promise<Findings> {
  const server = await startEmbeddedPostgres({ settings: { shared_buffers: '256MB', max_wal_size: '4GB' } });
  const home = await mkdtemp(join(tmpdir(), 'kong-chatops-bench-'));
  let kong: KongElsewhere | null = null;
  try {
    const url = await freshDatabase(server.url);
    await fillKongDatabase(url, CONSUMERS);
    kong = await startKongElsewhere({ databaseUrl: url });
    const { closing, opening } = await newEncryption();
    const backup = await depsOf(url, kong, home, closing);
    const tools = await findPostgresTools(backup.runner, 15);
    await dumpOfGuide(tools, url, home);
    const { set } = await takeBackup(backup, home, 0);
    const deps: RestoreDeps = {
      ...backup,
      encryption: opening,
      set: { gateway: 'bench', set: set.split('/').at(-1) ?? '' },
      sources: backup.destinations,
      drillUrl: () => null,
    };
    const bare: number[] = [];
    const runs: Restored[] = [];
    for (let round = 1; round <= rounds; round += 1) {
      bare.push(await bareRestore(tools, url, home));
      runs.push(await restore(deps, home, round));
    }
    return findings(bare, runs);
  } finally {
    await kong?.stop();
    await server.stop();
    await rm(home, { recursive: true, force: true });
  }
}

interface Restored {
  readonly seconds: number;
  readonly steps: Readonly<Record<string, number>>;
}

function findings(bare: readonly number[], runs: readonly Restored[]): Findings {
  // What would change is compared for the people who approve; it proves nothing of the restore.
  const all = runs.map(({ seconds, steps }) => seconds - (steps[FOR_PEOPLE] ?? 0));
  const ratio = round3(fastest(all) / fastest(bare));
  const facts = {
    rounds: runs.length,
    bareSeconds: round3(fastest(bare)),
    runSeconds: round3(fastest(all)),
    ratio,
    ratioOfMedians: round3(median(all) / median(bare)),
    ratioWithPreview: round3(fastest(runs.map(({ seconds }) => seconds)) / fastest(bare)),
    stepSeconds: Object.fromEntries(STEPS.map((id) => [id, round3(fastest(runs.map(({ steps }) => steps[id] ?? 0)))])),
  };
  return { facts, checks: [atMost('restore, from proven set to proven gateway / bare pg_restore', ratio, 0.8)] };
}

const GUIDE = 'bare';

/** A copy of the database under a name of its own: the guide's restore drops what has the name of the dump. */
async function dumpOfGuide({ pgDump, pgRestore }: PostgresTools, url: string, home: string): Promise<void> {
  const copy = await freshDatabase(url, GUIDE);
  await bareDump(pgDump.program, url, home, true);
  await run(pgRestore.program, ['-d', GUIDE, join(home, 'bare')], { env: placeOf(copy) });
  await rm(join(home, 'bare'), { recursive: true });
  await bareDump(pgDump.program, copy, home, true);
}

/** As the guide says it: one job, and the database dropped first. */
async function bareRestore({ pgRestore }: PostgresTools, url: string, home: string): Promise<number> {
  const began = performance.now();
  const args = ['-C', '-d', 'postgres', '--if-exists', '--clean', join(home, 'bare')];
  await run(pgRestore.program, args, { env: placeOf(url) });
  return (performance.now() - began) / 1000;
}

async function restore(deps: RestoreDeps, home: string, number: number): Promise<Restored> {
  const steps = restoreSteps(deps);
  const story = new Story('restore', `R-${number}`, planOf(deps));
  const seconds: Record<string, number> = {};
  for (const id of STEPS) seconds[id] = await story.perform(id, steps[id], home);
  for (const id of WAY_BACK) await story.perform(id, steps[id], home);
  return { seconds: Object.values(seconds).reduce((sum, one) => sum + one, 0), steps: seconds };
}

function planOf({ set, sources }: RestoreDeps): Plan {
  return restorePlan({
    gateway: 'bench',
    environment: 'development',
    strategy: 'database',
    set: set.set,
    destination: sources[0]?.name ?? '',
    safety: 'kept-database',
    safetySteps: [],
    safetyParameters: {},
    policy: null,
    holdSeconds: 3600,
    attempts: 1,
    deadlineSeconds: 600,
  });
}
