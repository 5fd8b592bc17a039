import type { Manifest } from '../../../backup/set/manifest.ts';
import type { StepContext } from '../../../engine/ports.ts';
import type { KongRoot } from '../../../kong/admin/admin.ts';
import { findDeck } from '../../../kong/dump/tools.ts';
import { Fault } from '../../../runs/fault.ts';
import type { Checklist } from '../../preflight/checklist.ts';
import { withAdmin, withDatabase } from '../../gateway-access.ts';
import { counted, some } from '../../words.ts';
import { checkVersion } from '../check-place.ts';
import type { RestoreDeps } from '../deps.ts';
import { checkChosen } from './chosen/check-chosen.ts';
import { declarativeOf } from './source.ts';

/** What a declarative restore asks of a set, and of the gateway (behaviour 6.5). */
export const DECLARATIVE_NEEDS = { content: checkContent, inside: checkChosen, place: checkPlace };

function checkContent(list: Checklist, manifest: Manifest): void {
  const files = declarativeOf(manifest);
  list.expect('Declarative files', files.size === 0 ? NO_FILE : null, `of ${some([...files.keys()])}`);
}

async function checkPlace(list: Checklist, deps: RestoreDeps, context: StepContext, manifest: Manifest): Promise<void> {
  await checkVersion(list, deps, context, { manifest, mayBeDown: false });
  await list.check(
    'decK',
    () => findDeck(deps.runner),
    ({ version }) => version,
  );
  await list.check(
    'Kong takes changes',
    async () => {
      const root = await withAdmin(deps, context.signal, (admin) => admin.root());
      const problem = readsOnly(root);
      if (problem !== null) throw problem;
      return root;
    },
    ({ databaseKind }) => `by its Admin API, into ${databaseKind}`,
  );
  if (deps.gateway.database !== undefined) await checkMigrations(list, deps, context);
}

/** Half migrated, Kong may refuse or misread what is written into it. */
async function checkMigrations(list: Checklist, deps: RestoreDeps, context: StepContext): Promise<void> {
  await list.check(
    'Migrations of the gateway',
    async () => {
      const rows = (await withDatabase(deps, context, (session) => session.schemaMeta())) ?? [];
      const pending = rows.filter((row) => row.pending.length > 0);
      if (pending.length > 0)
        throw pendingMigrations(pending.map((row) => `${row.subsystem} (${row.pending.join(', ')})`));
      return rows;
    },
    (rows) => `${counted(rows.length, 'subsystem')}, none pending`,
  );
}

function readsOnly({ databaseKind, role }: KongRoot): Fault | null {
  if (databaseKind !== 'off' && role !== 'data_plane') return null;
  return new Fault(
    'kong-reads-only',
    `This Kong ${role === 'data_plane' ? 'is a data plane' : 'runs without a database'}, so its Admin API takes no changes.`,
    'Give the address of a control plane or of a node with a database, or restore its declarative file with its files.',
  );
}

function pendingMigrations(which: readonly string[]): Fault {
  return new Fault(
    'gateway-migrations-pending',
    `The gateway is in the middle of a migration: ${some(which)}.`,
    'Let it end with "kong migrations finish", or restore the database of a set from before it.',
  );
}

const NO_FILE = new Fault(
  'no-declarative',
  'The set holds no declarative file.',
  'Restore another set, or restore the database of this one.',
);
