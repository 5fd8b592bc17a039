import { gapReport, missingDestinations } from '../../backup/set/gaps.ts';
import { formatFor, manifestText } from '../../backup/set/manifest.ts';
import type { ArtifactRecord, Manifest } from '../../backup/set/manifest.ts';
import { keyFingerprint, signText } from '../../backup/set/signature.ts';
import type { ArtifactKind } from '../../runbooks/backup.ts';
import { Fault } from '../../runs/fault.ts';
import type { Run } from '../../runs/run.ts';
import type { StepDeps } from '../deps.ts';
import { refOf } from '../deps.ts';
import { gapsOf, plannedKinds, preflightFacts } from '../plan-facts.ts';
import type { Staged } from './staged.ts';
import { workspaceGaps } from './workspace-gaps.ts';

const TAKING: readonly (readonly [string, ArtifactKind])[] = [
  ['dump-database', 'database'],
  ['dump-declarative', 'declarative'],
  ['save-files', 'files'],
];

/** The manifest of a set and its detached signature, as they are stored. */
export interface Documents {
  readonly manifest: string;
  readonly signature: string;
}

/**
 * Facts come from the destinations and not from memory: what is not whole there now is not in the set. Fault
 * `artifact-missing` when a kind of the plan is.
 */
export async function writeDocuments(deps: StepDeps, run: Run, staged: Staged): Promise<Documents> {
  const { records } = staged;
  refuseMissing(run, staged);
  const key = deps.signingKey();
  const head = (await deps.head?.()) ?? null;
  const manifest = manifestText({
    format: formatFor(records.map((record) => record.artifact)),
    ...whoAndWhat(run),
    createdAt: deps.clock().toISOString(),
    artifacts: records.map((record) => record.artifact),
    database: databaseOf(records),
    gaps: [...gapsOfSet(run, records), ...missingDestinations(staged.lost)],
    encryption: encryptionOf(deps, records),
    destinations: {
      configured: deps.destinations.map(({ name }) => name),
      reached: staged.holders.map(({ name }) => name),
    },
    signedBy: keyFingerprint(key),
    auditHead: head === null ? null : { seq: head.seq, hash: head.hash },
  });
  return { manifest, signature: signText(manifest, key) };
}

function whoAndWhat(
  run: Run,
): Pick<Manifest, 'set' | 'gateway' | 'environment' | 'runId' | 'requestedBy' | 'approvedBy' | 'kong' | 'tools'> {
  const facts = preflightFacts(run);
  return {
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

function isEncrypted({ artifact }: ArtifactRecord): boolean {
  return artifact.encoding?.includes('age') === true;
}

function encryptionOf(deps: StepDeps, records: readonly ArtifactRecord[]): Manifest['encryption'] {
  const recipients = deps.encryption?.recipients ?? [];
  return records.some(isEncrypted) && recipients.length > 0 ? { method: 'age', recipients: [...recipients] } : 'none';
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
      encrypted: records.every(isEncrypted),
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

function refuseMissing(run: Run, { records, holders, lost }: Staged): void {
  const { skipped } = preflightFacts(run);
  const kinds = plannedKinds(run).filter((kind) => skipped[kind] === undefined);
  const missing = kinds.filter((kind) => !records.some((record) => record.artifact.kind === kind));
  if (missing.length === 0 && records.length > 0 && holders.length > 0) return;
  if (missing.length === 0 && records.length > 0) throw nowhereWhole(lost);
  throw new Fault(
    'artifact-missing',
    missing.length === 0
      ? 'Nothing could be taken of this gateway, so there is no set to publish.'
      : `What was staged as ${missing.join(' and ')} is not in every destination any more, so nothing was published.`,
    'Find out who removed it from the destinations, then start a new backup.',
  );
}

function nowhereWhole(lost: Staged['lost']): Fault {
  return new Fault(
    'set-nowhere-whole',
    `Every destination lacks a part of the set, so nothing was published. ${lost.map(({ why }) => why).join(' ')}`,
    'Put the destinations in order, then start a new backup.',
    { retryable: true },
  );
}
