import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { promisify } from 'node:util';
import { findPostgresTools } from '../src/kong/dump/tools.ts';
import { restorePlan } from '../src/runbooks/restore.ts';
import type { Plan } from '../src/runs/plan.ts';
import { startEmbeddedPostgres } from '../src/sandbox/embedded-postgres.ts';
import { startStandInKong } from '../src/sandbox/kong/stand-in.ts';
import type { StandInKong } from '../src/sandbox/kong/stand-in.ts';
import type { RestoreDeps } from '../src/steps/restore/deps.ts';
import { restoreSteps } from '../src/steps/restore/steps.ts';
import { bareDump, CONSUMERS, takeBackup } from './backup.ts';
import { atMost, type Findings } from './facts.ts';
import { depsOf, fastest, freshDatabase, median, newEncryption, placeOf, round3, Story } from './gateway.ts';
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
  let kong: StandInKong | null = null;
  try {
    const url = await freshDatabase(server.url);
    await fillKongDatabase(url, CONSUMERS);
    kong = await startStandInKong({ databaseUrl: url });
    const { closing, opening } = await newEncryption();
    const backup = await depsOf(url, kong, home, closing);
    const tools = await findPostgresTools(backup.runner, 15);
    await bareDump(tools.pgDump.program, url, home, true);
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
      bare.push(await bareRestore(tools.pgRestore.program, server.url, home));
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

/** As the guide says it, into a database of its own beside: one job, into one that is empty. */
async function bareRestore(pgRestore: string, serverUrl: string, home: string): Promise<number> {
  const url = await freshDatabase(serverUrl, 'bare');
  const began = performance.now();
  await run(pgRestore, ['-d', 'bare', join(home, 'bare')], { env: placeOf(url) });
  const seconds = (performance.now() - began) / 1000;
  await freshDatabase(serverUrl, 'bare');
  return seconds;
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
