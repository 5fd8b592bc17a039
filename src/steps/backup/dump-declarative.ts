import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { readDeclarativeFile } from '../../backup/artifacts/declarative-file.ts';
import type { DeclarativeFile } from '../../backup/artifacts/declarative-file.ts';
import { declarativeGaps, shortages, unexplained } from '../../backup/set/gaps.ts';
import type { DeclarativeCounts } from '../../backup/set/gaps.ts';
import type { Step, StepContext } from '../../engine/ports.ts';
import { deckFor } from '../../kong/deck/deck.ts';
import type { Deck } from '../../kong/deck/deck.ts';
import { findDeck } from '../../kong/dump/tools.ts';
import type { DeckTool } from '../../kong/dump/tools.ts';
import { Fault } from '../../runs/fault.ts';
import { countEntities } from './count-entities.ts';
import type { EntityCounts } from './count-entities.ts';
import type { StepDeps } from '../deps.ts';
import { refOf } from '../deps.ts';
import { adminToken, withAdmin } from '../gateway-access.ts';
import { observeNow } from '../observed.ts';
import { preflightFacts, takesDatabase } from '../plan-facts.ts';
import type { PreflightFacts } from '../plan-facts.ts';
import { goneWithout, nameInSet, secondsBetween, stageArtifact, stagedOutputs } from './staged.ts';
import { some } from '../words.ts';

/** Dumps each workspace by decK with ids, parses the file, compares it with what the Admin API lists, and stages it. */
export function dumpDeclarative(deps: StepDeps): Step {
  return {
    observe: (context) => observeNow(deps, context),
    check: async ({ run }) => {
      const facts = preflightFacts(run);
      const why = facts.skipped['declarative'];
      if (why !== undefined) return goneWithout('declarative', why);
      const names = await Promise.all(facts.workspaces.map((one) => nameInSet(deps, artifactName(one), false)));
      return stagedOutputs(deps.destinations, refOf(run), 'declarative', names);
    },
    apply: (context) => dumpWorkspaces(deps, context),
  };
}

/** `declarative-default.yaml`; a name with other characters keeps apart from others by a piece of its hash. */
export function artifactName(workspace: string): string {
  const plain = workspace.replaceAll(/[^A-Za-z0-9._~-]/g, '_').slice(0, 100);
  const suffix = plain === workspace ? '' : `-${createHash('sha256').update(workspace).digest('hex').slice(0, 8)}`;
  return `declarative-${plain}${suffix}.yaml`;
}

async function dumpWorkspaces(deps: StepDeps, context: StepContext): Promise<void> {
  const facts = preflightFacts(context.run);
  const tool = await findDeck(deps.runner);
  const deck = deckOf(deps, context, tool, facts);
  await deck.ping(context.signal);
  const total = facts.workspaces.length;
  for (const [done, workspace] of facts.workspaces.entries()) {
    context.progress({ done, total, unit: 'workspaces', note: workspace });
    await dumpWorkspace(deps, context, { deck, tool, workspace, facts });
    context.progress({ done: done + 1, total, unit: 'workspaces', note: workspace });
  }
}

function deckOf(deps: StepDeps, context: StepContext, tool: DeckTool, facts: PreflightFacts): Deck {
  const { name, admin_api } = deps.gateway;
  return deckFor({
    run: deps.runner,
    deck: tool,
    gateway: name,
    url: admin_api.url,
    token: adminToken(deps),
    caFile: admin_api.ca_file,
    edition: facts.edition === 'enterprise' ? 'enterprise' : 'community',
    workDir: context.workDir,
    requestTimeoutMs: admin_api.timeout_seconds * 1000,
    timeoutMs: deps.limits.step_minutes * 60_000,
  });
}

interface Job {
  readonly deck: Deck;
  readonly tool: DeckTool;
  readonly workspace: string;
  readonly facts: PreflightFacts;
}

async function dumpWorkspace(deps: StepDeps, context: StepContext, job: Job): Promise<void> {
  const began = performance.now();
  const { signal, run } = context;
  // Kong OSS knows no workspaces: decK refuses -w there.
  const workspace = job.facts.edition === 'enterprise' ? job.workspace : null;
  const outFile = join(context.workDir, artifactName(job.workspace));
  const count = (): Promise<EntityCounts> => withAdmin(deps, signal, (admin) => countEntities(admin, workspace));
  const before = await count();
  await job.deck.dump({ workspace, outFile, withId: true, signal });
  const after = await count();
  const { size: total } = await stat(outFile);
  const file = await readDeclarativeFile(outFile, signal, (done) =>
    context.progress({ done, total, unit: 'bytes', note: `reading ${job.workspace}` }),
  );
  const counts: DeclarativeCounts = { inFile: file.counts, before, after };
  refuseIncomplete(job.workspace, counts);
  const gaps = declarativeGaps(counts, {
    deckVersion: job.tool.version,
    workspace,
    databaseTaken: takesDatabase(run),
  });
  await stageArtifact(
    deps,
    { ref: refOf(run), signal },
    {
      name: artifactName(job.workspace),
      compress: false,
      source: createReadStream(outFile, { highWaterMark: 1 << 20 }),
      describe: () => ({
        artifact: describe(job, file, secondsBetween(began, performance.now())),
        gaps: [...gaps],
      }),
    },
  );
  await rm(outFile, { force: true });
}

function describe({ workspace, tool }: Job, file: DeclarativeFile, seconds: number) {
  return {
    kind: 'declarative' as const,
    tool: 'decK',
    toolVersion: tool.version,
    seconds,
    facts: {
      workspace,
      entities: Object.values(file.counts).reduce((sum, count) => sum + count, 0),
      formatVersion: file.formatVersion,
      contentSha256: file.contentSha256,
    },
  };
}

/** decK can leave things out and exit with 0; what no version of it explains is a fault of this dump. */
function refuseIncomplete(workspace: string, counts: DeclarativeCounts): void {
  const missing = unexplained(shortages(counts));
  if (missing.length === 0) return;
  const named = missing.map(({ entity, inFile, onGateway }) => `${inFile} of ${onGateway} ${entity.many}`);
  throw new Fault(
    'declarative-incomplete',
    `decK's file of workspace ${workspace} holds only ${some(named)}, although decK reported success.`,
    'Nothing of it is kept. Look whether the Admin token lost rights or Kong failed meanwhile, then try again.',
    { retryable: true },
  );
}
