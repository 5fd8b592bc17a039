import { execFile } from 'node:child_process';
import { mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { promisify } from 'node:util';
import { findDeck } from '../src/kong/dump/tools.ts';
import { backupPlan } from '../src/runbooks/backup.ts';
import { startEmbeddedPostgres } from '../src/sandbox/embedded-postgres.ts';
import { createKongSchema } from '../src/sandbox/kong/stand-in.ts';
import type { StepDeps } from '../src/steps/deps.ts';
import { backupSteps } from '../src/steps/steps.ts';
import { atMost, type Findings } from './facts.ts';
import { depsOf, fastest, freshDatabase, median, newEncryption, round3, Story } from './gateway.ts';
import { startKongElsewhere } from './kong-elsewhere.ts';
import type { KongElsewhere } from './kong-elsewhere.ts';

const ROUNDS = 3;
export const WORKSPACES = Array.from({ length: 10 }, (_, index) => (index === 0 ? 'default' : `team-${index}`));
const SERVICES = 20;
/** What an answer of an Admin API takes over a network. The stand-in on this machine needs one or two. */
const ANSWER_MS = 15;
const STEPS = ['preflight', 'dump-declarative', 'publish-set', 'verify-set'];
const run = promisify(execFile);

/** Times declarative backups of ten workspaces against the guide's loop of ten decK runs, in turns. */
export async function benchDeclarative(rounds = ROUNDS): Promise<Findings> {
  const server = await startEmbeddedPostgres();
  const home = await mkdtemp(join(tmpdir(), 'kong-chatops-bench-'));
  let kong: KongElsewhere | null = null;
  try {
    const url = await freshDatabase(server.url);
    await createKongSchema(url);
    kong = await startKongElsewhere({ databaseUrl: url, edition: 'enterprise', answerMs: ANSWER_MS });
    await fill(kong.url);
    const { farUrl, proxyUrl } = kong;
    const deps = await depsOf(url, { url: farUrl, proxyUrl }, home, (await newEncryption()).closing);
    const deck = (await findDeck(deps.runner)).program;
    await backup(deps, home, 0);
    const loops: number[] = [];
    const runs: Taken[] = [];
    for (let round = 1; round <= rounds; round += 1) {
      loops.push(await loop(deck, farUrl, home));
      runs.push(await backup(deps, home, round));
    }
    const seconds = runs.map((taken) => taken.seconds);
    const ratio = round3(fastest(seconds) / fastest(loops));
    const facts = {
      workspaces: WORKSPACES.length,
      entities: WORKSPACES.length * SERVICES * 2,
      answerMs: ANSWER_MS,
      rounds,
      loopSeconds: round3(fastest(loops)),
      runSeconds: round3(fastest(seconds)),
      ratio,
      ratioOfMedians: round3(median(seconds) / median(loops)),
      stepSeconds: Object.fromEntries(
        STEPS.map((id) => [id, round3(fastest(runs.map(({ steps }) => steps[id] ?? 0)))]),
      ),
    };
    return { facts, checks: [atMost('declarative backup of 10 workspaces / ten decK runs in a loop', ratio, 0.35)] };
  } finally {
    await kong?.stop();
    await server.stop();
    await rm(home, { recursive: true, force: true });
  }
}

interface Taken {
  readonly seconds: number;
  readonly steps: Readonly<Record<string, number>>;
}

export async function fill(adminUrl: string): Promise<void> {
  const ask = async (method: string, path: string, body: object, expected: number): Promise<void> => {
    const headers = { 'content-type': 'application/json' };
    const { status } = await fetch(adminUrl + path, { method, headers, body: JSON.stringify(body) });
    if (status !== expected) throw new Error(`${method} ${path} was answered ${status}`);
  };
  for (const workspace of WORKSPACES) {
    if (workspace !== 'default') await ask('POST', '/workspaces', { name: workspace }, 201);
    for (let number = 0; number < SERVICES; number += 1) {
      const name = `${workspace}-${number}`;
      await ask('PUT', `/${workspace}/services/${name}`, { host: `${name}.internal.example.com`, path: '/v1' }, 200);
      await ask('PUT', `/${workspace}/routes/${name}`, { paths: [`/${name}`], service: { name } }, 200);
    }
  }
}

/** As the guide says it: one workspace after the other. */
async function loop(deck: string, adminUrl: string, home: string): Promise<number> {
  const env = { PATH: process.env['PATH'], HOME: home, DECK_ANALYTICS: 'off' };
  const began = performance.now();
  for (const workspace of WORKSPACES) {
    const file = join(home, `${workspace}.yaml`);
    await run(deck, ['dump', '--kong-addr', adminUrl, '--workspace', workspace, '--output-file', file, '--yes'], {
      env,
    });
  }
  const seconds = (performance.now() - began) / 1000;
  const sizes = await Promise.all(WORKSPACES.map(async (name) => (await stat(join(home, `${name}.yaml`))).size));
  if (Math.min(...sizes) < SERVICES * 100) throw new Error('decK dumped less than there is');
  return seconds;
}

async function backup(deps: StepDeps, home: string, number: number): Promise<Taken> {
  const steps = backupSteps(deps);
  const plan = backupPlan({
    gateway: 'bench',
    environment: 'development',
    kinds: ['declarative'],
    workspaces: 'all',
    destinations: deps.destinations.map(({ name }) => name),
    policy: null,
    attempts: 1,
    deadlineSeconds: 600,
  });
  const story = new Story('backup', `B-${number}`, plan);
  const taken: Record<string, number> = {};
  for (const id of STEPS) taken[id] = await story.perform(id, steps[id], home);
  return { seconds: Object.values(taken).reduce((sum, one) => sum + one, 0), steps: taken };
}
