import { createHash } from 'node:crypto';
import { readText, setBytes } from '../backup/catalogue.ts';
import { MANIFEST, placesOf, SIGNATURE } from '../backup/destination.ts';
import type { Destination } from '../backup/destination.ts';
import { gapReport } from '../backup/gaps.ts';
import { MANIFEST_FORMAT, manifestText, parseManifest } from '../backup/manifest.ts';
import type { ArtifactRecord, Manifest } from '../backup/manifest.ts';
import { isSignedBy, keyFingerprint, signText } from '../backup/signature.ts';
import type { Step, StepContext } from '../engine/ports.ts';
import type { ArtifactKind, PublishOutputs } from '../runbooks/backup.ts';
import { Fault } from '../runs/fault.ts';
import { isRefusal } from '../runs/refusal.ts';
import type { Run } from '../runs/run.ts';
import type { StepDeps } from './deps.ts';
import { refOf } from './deps.ts';
import { workspaceGaps } from './workspace-gaps.ts';
import { gapsOf, plannedKinds, preflightFacts } from './plan-facts.ts';
import { stagedRecords } from './staged.ts';

const TAKING: readonly (readonly [string, ArtifactKind])[] = [
  ['dump-database', 'database'],
  ['dump-declarative', 'declarative'],
  ['save-files', 'files'],
];

/** Writes the gap report, the manifest and its signature, and makes the set visible in every destination. */
export function publishSet(deps: StepDeps): Step {
  return {
    check: ({ run }) => publishedOutputs(deps, run),
    apply: (context) => publishEverywhere(deps, context),
  };
}

interface Documents {
  readonly manifest: string;
  readonly signature: string;
}

async function publishEverywhere(deps: StepDeps, context: StepContext): Promise<void> {
  const ref = refOf(context.run);
  const published = await holders(deps.destinations, context.run);
  const [first] = published;
  // A predecessor died between two destinations: the others get the very same documents.
  const documents =
    first === undefined ? await writeDocuments(deps, context.run) : await readDocuments(first, context.run);
  for (const destination of deps.destinations.filter((one) => !published.includes(one))) {
    context.signal.throwIfAborted();
    const already = await holders(deps.destinations, context.run);
    try {
      await destination.publish(ref, documents.manifest, documents.signature);
    } catch (error) {
      throw whereItIs(error, ref.set, already);
    }
  }
}

/** A set can be in one destination and not in the next: whoever reads the failure must know. */
function whereItIs(error: unknown, set: string, already: readonly Destination[]): unknown {
  if (!(error instanceof Fault)) return error;
  const places = already.map(({ name }) => name).join(', ');
  const state = places === '' ? 'Nothing was published.' : `Set ${set} is whole in ${places} and missing elsewhere.`;
  return new Fault(error.code, `${error.message} ${state}`, error.hint, { cause: error, retryable: error.retryable });
}

async function holders(destinations: readonly Destination[], run: Run): Promise<readonly Destination[]> {
  const published = await Promise.all(destinations.map((destination) => destination.isPublished(refOf(run))));
  return destinations.filter((_, index) => published[index]);
}

async function readDocuments(destination: Destination, run: Run): Promise<Documents> {
  const ref = refOf(run);
  return {
    manifest: await readText(destination, ref, MANIFEST),
    signature: await readText(destination, ref, SIGNATURE),
  };
}

async function writeDocuments(deps: StepDeps, run: Run): Promise<Documents> {
  const records = await stagedRecords(deps.destinations, refOf(run));
  refuseMissing(run, records);
  const key = deps.signingKey();
  const head = (await deps.head?.()) ?? null;
  const manifest = manifestText({
    ...whoAndWhat(run),
    createdAt: deps.clock().toISOString(),
    artifacts: records.map((record) => record.artifact),
    database: databaseOf(records),
    gaps: [...gapsOfSet(run, records)],
    encryption: 'none',
    signedBy: keyFingerprint(key),
    auditHead: head === null ? null : { seq: head.seq, hash: head.hash },
  });
  return { manifest, signature: signText(manifest, key) };
}

function whoAndWhat(
  run: Run,
): Pick<
  Manifest,
  'format' | 'set' | 'gateway' | 'environment' | 'runId' | 'requestedBy' | 'approvedBy' | 'kong' | 'tools'
> {
  const facts = preflightFacts(run);
  return {
    format: MANIFEST_FORMAT,
    ...refOf(run),
    environment: run.plan.environment,
    runId: run.id,
    requestedBy: run.requestedBy,
    approvedBy: [...new Set(run.gates.flatMap((gate) => (gate.status === 'go' ? (gate.decidedBy ?? []) : [])))],
    kong: {
      version: facts.kongVersion,
      edition: facts.edition,
      databaseKind: facts.databaseKind,
      workspaces: [...facts.workspaces],
      observed: facts.observed,
    },
    tools: facts.tools,
  };
}

function databaseOf(records: readonly ArtifactRecord[]): Manifest['database'] {
  return records.find((record) => record.database !== undefined)?.database ?? null;
}

function gapsOfSet(run: Run, records: readonly ArtifactRecord[]): Manifest['gaps'] {
  const facts = preflightFacts(run);
  return [
    ...gapReport({
      planned: plannedKinds(run),
      databaseKind: facts.databaseKind,
      tables: databaseOf(records)?.tables ?? null,
      declarative: records.some((record) => record.artifact.kind === 'declarative'),
      reported: [
        ...gapsOf(
          run,
          TAKING.map(([step]) => step),
        ),
        ...workspaceGaps(facts),
        ...records.flatMap((record) => record.gaps),
      ],
    }),
  ];
}

/** Facts come from the destinations and not from memory: what is not whole there now is not in the set. */
function refuseMissing(run: Run, records: readonly ArtifactRecord[]): void {
  const { skipped } = preflightFacts(run);
  const kinds = plannedKinds(run).filter((kind) => skipped[kind] === undefined);
  const missing = kinds.filter((kind) => !records.some((record) => record.artifact.kind === kind));
  if (missing.length === 0 && records.length > 0) return;
  throw new Fault(
    'artifact-missing',
    missing.length === 0
      ? 'Nothing could be taken of this gateway, so there is no set to publish.'
      : `What was staged as ${missing.join(' and ')} is not in every destination any more, so nothing was published.`,
    'Find out who removed it from the destinations, then start a new backup.',
  );
}

/** Reads back what every destination has; null as long as one of them lacks it. */
async function publishedOutputs(deps: StepDeps, run: Run): Promise<PublishOutputs | null> {
  const published = await holders(deps.destinations, run);
  if (published.length < deps.destinations.length) return null;
  const ref = refOf(run);
  const copies = await Promise.all(published.map((destination) => readDocuments(destination, run)));
  const [first] = copies;
  const manifest = first === undefined ? null : parseManifest(first.manifest);
  const key = deps.signingKey();
  const good = copies.every(
    (copy) => copy.manifest === first?.manifest && isSignedBy(copy.manifest, copy.signature, key),
  );
  if (first === undefined || manifest === null || isRefusal(manifest) || !good) {
    throw new Fault(
      'published-differs',
      `Set ${ref.set} was published, but its manifest does not read back as it was signed.`,
      'Do not use this set. Look at the destinations, then start a new backup.',
    );
  }
  return {
    set: ref.set,
    bytes: setBytes(manifest),
    manifestSha256: createHash('sha256').update(first.manifest, 'utf8').digest('hex'),
    gaps: manifest.gaps,
    places: placesOf(published, ref),
  };
}
