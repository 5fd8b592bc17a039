import { placesOf } from '../../backup/storage/destination.ts';
import type { Step, StepContext } from '../../engine/ports.ts';
import { findDeck } from '../../kong/dump/tools.ts';
import type { ArtifactKind } from '../../runbooks/backup.ts';
import { Fault } from '../../runs/fault.ts';
import { keepProof, readProof } from '../attempt-proof.ts';
import { checkDatabase } from './check-database.ts';
import type { DatabaseChecked } from './check-database.ts';
import { checkFurther } from './check-further.ts';
import { checkGateway } from './check-gateway.ts';
import type { GatewaySeen } from './check-gateway.ts';
import { checkStorage } from './check-storage.ts';
import { Checklist, preflightFault } from './checklist.ts';
import type { StepDeps } from '../deps.ts';
import { refOf } from '../deps.ts';
import { endOwnSessions } from '../end-sessions.ts';
import { withAdmin } from '../gateway-access.ts';
import { observedOf } from '../observed.ts';
import { plannedKinds, plannedWorkspaces } from '../plan-facts.ts';
import { NOTHING_FURTHER } from '../plan-facts.ts';
import type { Further, PreflightFacts } from '../plan-facts.ts';
import { bytesText, counted } from '../words.ts';

/** Faults that mean "this kind cannot be taken here": a gap where the gateway allows it (decision 18). */
const CANNOT_TAKE: Readonly<Record<ArtifactKind, readonly string[]>> = {
  database: ['psql.missing', 'postgres-tools.missing'],
  declarative: ['deck.missing', 'deck.too-old', 'deck.broken'],
  files: ['file.missing', 'file.forbidden'],
};

type Skipped = { [kind: string]: string };

/** Checks everything that would make the backup fail or silently incomplete, and says all that is wrong at once. */
export function preflight(deps: StepDeps): Step {
  return {
    takeOver: (context) => endOwnSessions(deps, context),
    check: readProof,
    apply: async (context) => {
      await keepProof(context, await lookAtEverything(deps, context));
    },
  };
}

interface Lists {
  readonly gateway: Checklist;
  readonly database: Checklist;
  readonly deck: Checklist;
  readonly files: Checklist;
  readonly storage: Checklist;
}

async function lookAtEverything(deps: StepDeps, context: StepContext): Promise<PreflightFacts> {
  const kinds = plannedKinds(context.run);
  const skipped: Skipped = {};
  const lists: Lists = {
    gateway: new Checklist(),
    database: new Checklist(),
    deck: new Checklist(),
    files: new Checklist(),
    storage: new Checklist(),
  };
  const may = (kind: ArtifactKind): boolean => deps.gateway.allow_gaps.includes(kind);
  const wanted = {
    workspaces: plannedWorkspaces(context.run),
    database: kinds.includes('database'),
    declarative: kinds.includes('declarative'),
  };
  let done = 0;
  const step = async <T>(note: string, work: Promise<T>): Promise<T> => {
    const value = await work;
    context.progress({ done: (done += 1), total: 5, unit: 'checks', note });
    return value;
  };
  const database = async (): Promise<DatabaseChecked | null> => {
    const checked = wanted.database ? await checkDatabase(lists.database, deps, context) : null;
    await step('database', Promise.resolve());
    await step('storage', checkStorage(lists.storage, deps, context, checked?.bytes ?? 0));
    return checked;
  };
  const [seen, checked, deck] = await Promise.all([
    step(
      'gateway',
      withAdmin(deps, context.signal, async (admin) => {
        const seen = await checkGateway(lists.gateway, admin, wanted);
        const further = seen === null || !wanted.declarative ? null : checkFurther(lists.gateway, deps, admin, seen);
        return seen === null ? null : { ...seen, further: (await further) ?? NOTHING_FURTHER };
      }),
    ),
    database(),
    step('decK', wanted.declarative ? checkDeck(lists.deck, deps) : Promise.resolve(null)),
    step('files', kinds.includes('files') ? checkFiles(lists.files, deps) : Promise.resolve(null)),
  ]);
  const judged = [
    lists.gateway,
    forgive(lists.database, 'database', may('database'), skipped),
    forgive(lists.deck, 'declarative', may('declarative'), skipped),
    forgive(lists.files, 'files', may('files'), skipped),
    lists.storage,
  ];
  const fault = preflightFault(deps.gateway.name, judged);
  if (fault !== null) throw fault;
  if (seen === null) throw new Error('preflight passed without having seen the gateway');
  return outputs(deps, context, { seen, checked, deck, skipped, lists: judged });
}

/** Where the gateway may go without a kind, what cannot be taken is a gap and its failed checks are no failures. */
function forgive(list: Checklist, kind: ArtifactKind, allowed: boolean, skipped: Skipped): Checklist {
  const failed = list.failed();
  const [first] = failed;
  const cannot = failed.every(({ fault }) => CANNOT_TAKE[kind].includes(fault.code));
  if (!allowed || first === undefined || !cannot) return list;
  skipped[kind] = first.fault.message;
  const forgiven = new Checklist();
  for (const { name, detail } of list.passed()) forgiven.expect(name, null, detail);
  forgiven.expect(first.name, null, `left out, as allow_gaps permits: ${first.fault.message}`);
  return forgiven;
}

async function checkDeck(list: Checklist, deps: StepDeps): Promise<string | null> {
  const deck = await list.check(
    'decK',
    () => findDeck(deps.runner),
    ({ version }) => version,
  );
  if (deck === null) return null;
  list.expect('decK keeps ids', deck.withId ? null : NO_IDS, 'yes');
  return deck.version;
}

const NO_IDS = new Fault(
  'deck-without-ids',
  'This decK cannot keep ids (--with-id), and without ids a restored gateway gets other consumers.',
  'Install a newer decK: https://github.com/Kong/deck/releases.',
);

async function checkFiles(list: Checklist, deps: StepDeps): Promise<null> {
  const { files } = deps.gateway;
  if (files === undefined) return null;
  await list.check(
    'kong.conf',
    () => deps.runner.readFile(files.kong_conf),
    (content) => bytesText(content.length),
  );
  await list.check(
    'Prefix folder',
    () => deps.runner.listFiles(files.prefix),
    (entries) => counted(entries.length, 'entry', 'entries'),
  );
  return null;
}

interface Found {
  readonly seen: GatewaySeen & { readonly further: Further };
  readonly checked: DatabaseChecked | null;
  readonly deck: string | null;
  readonly skipped: Skipped;
  readonly lists: readonly Checklist[];
}

function outputs(deps: StepDeps, context: StepContext, found: Found): PreflightFacts {
  const { seen, checked, deck, skipped, lists } = found;
  const places = placesOf(deps.destinations, refOf(context.run));
  return {
    kongVersion: seen.root.version,
    edition: seen.root.edition,
    databaseKind: seen.root.databaseKind,
    workspaces: seen.workspaces,
    workspacesLeftOut: seen.leftOut,
    further: seen.further,
    checks: lists.flatMap((list) => list.passed().map(({ name, detail }) => ({ name, detail }))),
    tools: {
      ...(checked === null
        ? {}
        : {
            pg_dump: checked.tools.pgDump.version,
            ...(checked.tools.pgRestore === undefined ? {} : { pg_restore: checked.tools.pgRestore.version }),
          }),
      ...(deck === null ? {} : { deck }),
    },
    databaseBytes: checked?.bytes ?? 0,
    tables: checked?.tables ?? 0,
    observed: observedOf(seen.root, seen.workspaces, checked, places),
    skipped,
  };
}
