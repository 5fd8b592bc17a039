import type { Step, StepContext } from '../../engine/ports.ts';
import { setBytes } from '../../backup/set/catalogue.ts';
import type { Manifest } from '../../backup/set/manifest.ts';
import type { OpenSet } from '../../backup/set/open-set.ts';
import { whyNotOpened } from '../../backup/storage/read-artifact.ts';
import { verifySet } from '../../backup/set/verify.ts';
import type { CheckSetOutputs, Strategy } from '../../runbooks/restore.ts';
import { Fault } from '../../runs/fault.ts';
import { keepProof, readProof } from '../attempt-proof.ts';
import { Checklist, faultOfLists } from '../preflight/checklist.ts';
import { bytesText, counted, some } from '../words.ts';
import { checkPlace } from './check-place.ts';
import { DECLARATIVE_NEEDS } from './declarative/check-declarative.ts';
import type { RestoreDeps } from './deps.ts';
import { DBLESS_NEEDS } from './dbless/check-dbless.ts';
import { FRESH_NEEDS } from './fallback/check-fresh.ts';
import { FILES_NEEDS } from './files/check-files.ts';
import { pendingMigrations } from './migrations.ts';
import { dumpOf, openTrusted } from './set-reader.ts';

/** Proves the set byte by byte, and that it can be restored here. Says everything that is wrong at once; touches nothing. */
export function checkSet(deps: RestoreDeps): Step {
  return {
    check: readProof,
    apply: async (context) => {
      await keepProof(context, await lookAtEverything(deps, context));
    },
  };
}

async function lookAtEverything(deps: RestoreDeps, context: StepContext): Promise<CheckSetOutputs> {
  const set = new Checklist();
  const place = new Checklist();
  const found = await checkBytes(set, deps, context);
  if (found !== null) {
    const needs: StrategyNeeds = NEEDS[strategyOf(context)];
    const { manifest } = found.opened;
    checkGateway(set, deps, manifest);
    needs.content(set, manifest);
    await checkKey(set, deps, manifest);
    if (set.failed().length === 0) await needs.inside?.(set, context, found.opened);
    if (context.run.kind === 'restore') await needs.place(place, deps, context, manifest);
  }
  const why = context.run.kind === 'drill' ? 'nothing was restored' : 'nothing was touched';
  const fault = faultOfLists('restore-refused', `Set ${deps.set.set} cannot be restored, so ${why}`, [set, place]);
  if (fault !== null) throw fault;
  if (found === null) throw new Error('the check passed without having read the set');
  return {
    set: deps.set.set,
    destination: deps.sources[0]?.name ?? '',
    manifestSha256: found.opened.manifestSha256,
    bytesRead: found.bytesRead,
    kongVersion: found.opened.manifest.kong.version,
    takenAt: found.opened.manifest.createdAt,
    checks: [set, place].flatMap((list) => list.passed().map(({ name, detail }) => ({ name, detail }))),
  };
}

interface Found {
  readonly opened: OpenSet;
  readonly bytesRead: number;
}

/** Every copy of the set is read, not only the one that is restored: one that differs casts doubt on all. */
async function checkBytes(list: Checklist, deps: RestoreDeps, context: StepContext): Promise<Found | null> {
  const [source] = deps.sources;
  if (source === undefined) throw new Error('a restore has a source');
  const opened = await list.check(
    'Manifest',
    () => openTrusted(deps, source),
    ({ manifestSha256 }) => `signed by the configured key, SHA-256 ${manifestSha256.slice(0, 12)}`,
  );
  if (opened === null) return null;
  const read = await list.check(
    'Every byte',
    () => readCopies(deps, context, setBytes(opened.manifest)),
    ({ bytesRead, places }) => `${bytesText(bytesRead)} read from ${places.join(', ')} and compared`,
  );
  if (read === null) return null;
  return { opened, ...read };
}

async function readCopies(
  deps: RestoreDeps,
  context: StepContext,
  bytes: number,
): Promise<{ bytesRead: number; places: string[] }> {
  const problems: string[] = [];
  const places: string[] = [];
  let bytesRead = 0;
  const copies = await copiesOf(deps);
  // What a restore uses of the set, its own steps decode and prove again, before they ask; a drill is to prove all of it.
  const drills = context.run.kind === 'drill';
  const decoding = drills ? { opening: (await deps.encryption?.opening()) ?? null } : { decode: false };
  for (const source of copies) {
    const before = bytesRead;
    const onBytes = (done: number): void =>
      context.progress({ done: before + done, total: bytes * copies.length, unit: 'bytes', note: source.name });
    const found = await verifySet(source, deps.set, {
      publicKeyPem: deps.signingKey(),
      signal: context.signal,
      onBytes,
      ...decoding,
    });
    problems.push(...found.problems);
    places.push(source.name);
    bytesRead += found.bytesRead;
  }
  if (problems.length === 0) return { bytesRead, places };
  throw new Fault(
    'set-damaged',
    `The set is not as it was written: ${some(problems)}.`,
    'Do not restore it. Use another set; if only one copy is damaged, move that copy away and ask again.',
  );
}

/** The chosen destination, and every other one that has the set too. */
async function copiesOf(deps: RestoreDeps): Promise<RestoreDeps['sources']> {
  const [chosen, ...others] = deps.sources;
  const has = await Promise.all(others.map((other) => other.isPublished(deps.set)));
  return [...(chosen === undefined ? [] : [chosen]), ...others.filter((_, index) => has[index])];
}

/** What a strategy asks of the set, and of the place that it restores into. */
export interface StrategyNeeds {
  content(list: Checklist, manifest: Manifest): void;
  /** What only the artifacts themselves say; asked once all of them are proven and can be opened. */
  inside?(list: Checklist, context: StepContext, set: OpenSet): Promise<void>;
  place(list: Checklist, deps: RestoreDeps, context: StepContext, manifest: Manifest): Promise<void>;
}

/** One row for each way to restore. A drill restores the database. */
const NEEDS: Readonly<Record<Strategy, StrategyNeeds>> = {
  database: { content: checkDump, place: checkPlace },
  declarative: DECLARATIVE_NEEDS,
  files: FILES_NEEDS,
  dbless: DBLESS_NEEDS,
  'fresh-database': FRESH_NEEDS,
};

function strategyOf({ run }: StepContext): Strategy {
  const { strategy } = run.plan.parameters as { strategy?: Strategy };
  return strategy ?? 'database';
}

function checkGateway(list: Checklist, deps: RestoreDeps, manifest: Manifest): void {
  const gateway = deps.gateway.name;
  list.expect('Gateway', manifest.gateway === gateway ? null : otherGateway(manifest, gateway), gateway);
}

function checkDump(list: Checklist, manifest: Manifest): void {
  const dump = dumpOf(manifest);
  const has = dump !== null && manifest.database !== null;
  const tables = counted(Object.keys(manifest.database?.tables ?? {}).length, 'table');
  list.expect('Dump of the database', has ? null : NO_DUMP, `${dump?.name ?? ''}, ${tables}`);
  const pending = pendingMigrations(manifest.database?.schemaMeta ?? []);
  if (has) list.expect('Migrations of the dump', pending, 'none pending');
}

/** Without the identity the stored bytes can be compared, and nothing can be restored (decision 15). */
async function checkKey(list: Checklist, deps: RestoreDeps, manifest: Manifest): Promise<void> {
  const why = await whyNotOpened(manifest, (await deps.encryption?.opening()) ?? null);
  const fault = why === null ? null : new Fault(why.code, why.message, why.hint);
  list.expect(
    'Key',
    fault,
    manifest.encryption === 'none' ? 'the set is not encrypted' : 'this worker can open the set',
  );
}

function otherGateway(manifest: Manifest, gateway: string): Fault {
  return new Fault(
    'other-gateway',
    `The set is of gateway ${manifest.gateway} and not of ${gateway}.`,
    `Restore a set of ${gateway}.`,
  );
}

const NO_DUMP = new Fault(
  'no-dump',
  'The set holds no dump of the database.',
  'Restore another set, or build a fresh database from the declarative file of this one (strategy fresh-database).',
);
