import { gapReport, missingDestinations, missingKind } from '../../backup/set/gaps.ts';
import type { Carried } from '../../backup/set/gaps.ts';
import { formatFor, manifestText } from '../../backup/set/manifest.ts';
import type { ArtifactRecord, Manifest } from '../../backup/set/manifest.ts';
import { keyFingerprint, signText } from '../../backup/set/signature.ts';
import { COMES_BACK } from '../../kong/admin/enterprise-types.ts';
import { Fault } from '../../runs/fault.ts';
import type { Run } from '../../runs/run.ts';
import type { ArtifactKind, Gap } from '../../runbooks/backup.ts';
import type { PreflightFacts } from '../plan-facts.ts';
import type { StepDeps } from '../deps.ts';
import { refOf } from '../deps.ts';
import { plannedKinds, preflightFacts } from '../plan-facts.ts';
import type { Staged } from './staged.ts';
import { workspaceGaps } from './workspace-gaps.ts';

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

/** Of every manifest that this run writes. */
export function whoAndWhat(
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

export function encryptionOf(
  deps: Pick<StepDeps, 'encryption'>,
  records: readonly ArtifactRecord[],
): Manifest['encryption'] {
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
      carried: carriedBy(records),
      reported: [
        ...plannedKinds(run).flatMap((kind) => skippedGap(facts, kind)),
        ...(facts.further?.gaps ?? []),
        ...workspaceGaps(facts),
        ...records.flatMap((record) => record.gaps),
      ],
    }),
  ];
}

function skippedGap({ skipped }: PreflightFacts, kind: ArtifactKind): readonly Gap[] {
  const why = skipped[kind];
  return why === undefined ? [] : [missingKind(kind, why)];
}

/** Kinds of entity that artifacts of their own hold, and who can bring them back. */
function carriedBy(records: readonly ArtifactRecord[]): Readonly<Record<string, Carried>> {
  const entities = records.find(({ artifact }) => artifact.kind === 'entities')?.artifact.facts ?? {};
  const named = Object.entries(COMES_BACK).flatMap(([type, comesBack]) => {
    const count = entities[type];
    return typeof count === 'number' ? [[type, { count, comesBack }] as const] : [];
  });
  const roles = records
    .filter(({ artifact }) => artifact.kind === 'rbac')
    .map(({ artifact }) => artifact.facts['roles']);
  const count = roles.reduce<number>((sum, one) => sum + Number(one), 0);
  return {
    ...Object.fromEntries(named),
    ...(roles.length === 0 ? {} : { 'rbac-roles': { count, comesBack: 'post' as const } }),
  };
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
