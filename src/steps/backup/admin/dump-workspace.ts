import { createReadStream } from 'node:fs';
import { rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { readDeclarativeFile } from '../../../backup/artifacts/declarative-file.ts';
import type { DeclarativeFile } from '../../../backup/artifacts/declarative-reader.ts';
import { declarativeGaps, shortages, unexplained } from '../../../backup/set/gaps.ts';
import type { DeclarativeCounts } from '../../../backup/set/gaps.ts';
import type { StepContext } from '../../../engine/ports.ts';
import type { Deck } from '../../../kong/deck/deck.ts';
import type { DeckTool } from '../../../kong/dump/tools.ts';
import { Fault } from '../../../runs/fault.ts';
import type { StepDeps } from '../../deps.ts';
import { refOf } from '../../deps.ts';
import { withAdmin } from '../../gateway-access.ts';
import { takesDatabase } from '../../plan-facts.ts';
import type { PreflightFacts } from '../../plan-facts.ts';
import { some } from '../../words.ts';
import { countEntities } from '../count-entities.ts';
import type { EntityCounts } from '../count-entities.ts';
import { secondsBetween, stageArtifact } from '../staged.ts';
import { artifactName } from './names.ts';

interface Job {
  readonly deck: Deck;
  readonly tool: DeckTool;
  readonly workspace: string;
  readonly facts: PreflightFacts;
}

interface Dumped {
  readonly file: DeclarativeFile;
  readonly counts: DeclarativeCounts;
}

/** Dumps one workspace by decK with ids, parses the file, compares it with what the Admin API lists, and stages it. */
export async function dumpWorkspace(deps: StepDeps, context: StepContext, job: Job): Promise<void> {
  const began = performance.now();
  const { signal, run } = context;
  // Kong OSS knows no workspaces: decK refuses -w there.
  const workspace = job.facts.edition === 'enterprise' ? job.workspace : null;
  const tags = deps.gateway.declarative.select_tags;
  const outFile = join(context.workDir, artifactName(job.workspace));
  const { file, counts } = await dumpAndCount(deps, context, job, { workspace, outFile });
  if (tags.length === 0) refuseIncomplete(job.workspace, counts);
  const gaps = declarativeGaps(counts, {
    deckVersion: job.tool.version,
    workspace,
    databaseTaken: takesDatabase(run),
    selectTags: tags,
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

interface Target {
  readonly workspace: string | null;
  readonly outFile: string;
}

/**
 * The gateway is counted while decK reads it, which costs no time. Only when the file has fewer than was counted, it may
 * have grown meanwhile: then once more, with a count before and one after.
 */
async function dumpAndCount(deps: StepDeps, context: StepContext, job: Job, target: Target): Promise<Dumped> {
  const count = (): Promise<EntityCounts> =>
    withAdmin(deps, context.signal, (admin) => countEntities(admin, target.workspace));
  const ended = await Promise.allSettled([dump(deps, context, job, target), count()]);
  const [file, once] = ended.map(orThrow) as [DeclarativeFile, EntityCounts];
  const counts = { inFile: file.counts, before: once, after: once };
  if (unexplained(shortages(counts)).length === 0) return { file, counts };
  const before = await count();
  const again = await dump(deps, context, job, target);
  return { file: again, counts: { inFile: again.counts, before, after: await count() } };
}

function orThrow(end: PromiseSettledResult<unknown>): unknown {
  if (end.status === 'fulfilled') return end.value;
  throw end.reason;
}

async function dump(deps: StepDeps, context: StepContext, job: Job, target: Target): Promise<DeclarativeFile> {
  const { signal } = context;
  const { workspace, outFile } = target;
  await job.deck.dump({
    workspace,
    outFile,
    withId: true,
    selectTags: deps.gateway.declarative.select_tags,
    signal,
  });
  const { size: total } = await stat(outFile);
  // Of several, how many are done says more than how far each of them is.
  const alone = job.facts.workspaces.length === 1;
  return readDeclarativeFile(outFile, signal, (done) => {
    if (alone) context.progress({ done, total, unit: 'bytes', note: `reading ${job.workspace}` });
  });
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
