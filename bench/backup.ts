import { execFile, fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { findPostgresTools } from '../src/kong/dump/tools.ts';
import { localRunner } from '../src/run-command/local.ts';
import { backupPlan } from '../src/runbooks/backup.ts';
import type { ArtifactKind } from '../src/runbooks/backup.ts';
import type { Plan } from '../src/runs/plan.ts';
import { startEmbeddedPostgres } from '../src/sandbox/embedded-postgres.ts';
import type { StepDeps } from '../src/steps/deps.ts';
import { refOf } from '../src/steps/deps.ts';
import { backupSteps } from '../src/steps/steps.ts';
import type { Worked, Workplace } from './backup-child.ts';
import { atMost, type Findings } from './facts.ts';
import { fastest, freshDatabase, median, megabytes, placeOf, round3, Story } from './gateway.ts';
import { startKongElsewhere } from './kong-elsewhere.ts';
import type { KongElsewhere } from './kong-elsewhere.ts';
import { fillKongDatabase } from './kong-shaped-database.ts';

/** 117,000 consumers with their credentials are about 330 MB of database. */
export const CONSUMERS = 117_000;
const ROUNDS = 5;
const WORKER_MB = 250;
const KINDS: readonly ArtifactKind[] = ['database', 'files'];
const STEPS = ['preflight', 'dump-database', 'save-files', 'publish-set', 'verify-set'];
const run = promisify(execFile);

export interface Taken {
  readonly seconds: number;
  readonly steps: Readonly<Record<string, number>>;
  readonly mb: number;
  readonly set: string;
}

/**
 * Times whole backup runs of a 300 MB Kong-shaped database against the guide's bare pg_dump, in turns on the same data.
 * Taken by a worker that encrypts and, as most will, holds no identity: it reads back every stored byte.
 */
export async function benchBackup(rounds = ROUNDS): Promise<Findings> {
  const server = await startEmbeddedPostgres({ settings: { shared_buffers: '256MB', max_wal_size: '4GB' } });
  const home = await mkdtemp(join(tmpdir(), 'kong-chatops-bench-'));
  let kong: KongElsewhere | null = null;
  let worker: Awaited<ReturnType<typeof startWorker>> | null = null;
  try {
    const url = await freshDatabase(server.url);
    const { bytes } = await fillKongDatabase(url, CONSUMERS);
    kong = await startKongElsewhere({ databaseUrl: url });
    const pgDump = (await findPostgresTools(localRunner(), 15)).pgDump.program;
    worker = await startWorker({ databaseUrl: url, url: kong.url, proxyUrl: kong.proxyUrl, home });
    await rm((await worker.take(0)).taken.set, { recursive: true }); // warm: file cache, compiled code, remembered tools
    const bare: { seconds: number; mb: number }[] = [];
    const runs: Worked[] = [];
    for (let round = 1; round <= rounds; round += 1) {
      bare.push(await bareDump(pgDump, url, home));
      const worked = await worker.take(round);
      await rm(worked.taken.set, { recursive: true });
      runs.push(worked);
    }
    return findings(Math.round(bytes / 1e6), bare, runs);
  } finally {
    await worker?.stop();
    await kong?.stop();
    await server.stop();
    await rm(home, { recursive: true, force: true });
  }
}

function findings(
  databaseMb: number,
  bare: readonly { readonly seconds: number; readonly mb: number }[],
  worked: readonly Worked[],
): Findings {
  const runs = worked.map(({ taken }) => taken);
  const peak = Math.round(Math.max(...worked.map(({ peakMb }) => peakMb)));
  const bareSeconds = bare.map(({ seconds }) => seconds);
  const runSeconds = runs.map(({ seconds }) => seconds);
  const ratio = round3(fastest(runSeconds) / fastest(bareSeconds));
  const facts = {
    databaseMb,
    rounds: runs.length,
    bareSeconds: round3(fastest(bareSeconds)),
    runSeconds: round3(fastest(runSeconds)),
    ratio,
    ratioOfMedians: round3(median(runSeconds) / median(bareSeconds)),
    stepSeconds: Object.fromEntries(STEPS.map((id) => [id, round3(fastest(runs.map(({ steps }) => steps[id] ?? 0)))])),
    bareMb: median(bare.map(({ mb }) => mb)),
    setMb: median(runs.map(({ mb }) => mb)),
    workerPeakMb: peak,
  };
  return {
    facts,
    checks: [
      atMost(`backup of ${databaseMb} MB, encrypted, stored, verified / bare pg_dump -F d`, ratio, 0.6),
      atMost('a worker that takes such backups, peak memory', peak, WORKER_MB, 'MB'),
    ],
  };
}

/** In a process of its own, as every worker is: what it holds is measured too. */
async function startWorker(place: Workplace) {
  const script = fileURLToPath(new URL('backup-child.ts', import.meta.url));
  const child = fork(script, [JSON.stringify(place)], { stdio: ['ignore', 'ignore', 'inherit', 'ipc'] });
  await once(child, 'message');
  return {
    take: async (number: number): Promise<Worked> => {
      const answered = once(child, 'message');
      child.send(number);
      return ((await answered) as [Worked])[0];
    },
    stop: async () => {
      const gone = once(child, 'exit');
      child.disconnect();
      await gone;
    },
  };
}

/** As the guide says it: one job, gzip inside. */
export async function bareDump(
  pgDump: string,
  url: string,
  home: string,
  keep = false,
): Promise<{ seconds: number; mb: number }> {
  const folder = join(home, 'bare');
  const began = performance.now();
  await run(pgDump, ['-F', 'd', '-f', folder, '-d', new URL(url).pathname.slice(1)], { env: placeOf(url) });
  const seconds = (performance.now() - began) / 1000;
  const mb = await megabytes(folder);
  if (!keep) await rm(folder, { recursive: true });
  return { seconds, mb };
}

/** A whole backup run. `set`: the folder that it published. */
export async function takeBackup(deps: StepDeps, home: string, number: number): Promise<Taken> {
  const steps = backupSteps(deps);
  const story = new Story('backup', `B-${number}`, planOf(deps));
  const seconds: Record<string, number> = {};
  const began = performance.now();
  for (const id of STEPS) seconds[id] = await story.perform(id, steps[id], home);
  const total = (performance.now() - began) / 1000;
  const set = deps.destinations[0]?.placeOf(refOf(story.run())) ?? '';
  return { seconds: total, steps: seconds, mb: await megabytes(set), set };
}

function planOf({ destinations }: StepDeps): Plan {
  return backupPlan({
    gateway: 'bench',
    environment: 'development',
    kinds: KINDS,
    workspaces: 'all',
    destinations: destinations.map(({ name }) => name),
    policy: null,
    attempts: 1,
    deadlineSeconds: 600,
  });
}
